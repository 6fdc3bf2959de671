//! S3's XML: read as a walk over elements, bounded; written by hand, escaped.

use std::borrow::Cow;
use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::transport::MAX_XML;

/// Elements inside each other, at most. S3's own go four deep.
const MAX_DEPTH: usize = 16;

/// The elements that are open, from the outermost to the one at hand.
pub(super) struct Path<'a>(Vec<BytesStart<'a>>);

impl Path<'_> {
    /// The outermost element's name.
    pub(super) fn root(&self) -> &str {
        Self::name_of(self.0.first())
    }

    /// The names of the parent, or nothing, and of the element.
    pub(super) fn place(&self) -> (&str, &str) {
        let parent = self
            .0
            .len()
            .checked_sub(2)
            .and_then(|index| self.0.get(index));
        (Self::name_of(parent), Self::name_of(self.0.last()))
    }

    fn name_of<'b>(element: Option<&'b BytesStart<'_>>) -> &'b str {
        element.map_or("", |start| start.local_name().into_inner())
    }
}

/// Calls `visit` at the end of every element with its place and its text. `Err` says what is wrong
/// with the document.
pub(super) fn walk(
    document: &[u8],
    mut visit: impl FnMut(&Path<'_>, &str),
) -> Result<(), Cow<'static, str>> {
    if u64::try_from(document.len()).unwrap_or(u64::MAX) > MAX_XML {
        return Err("it is larger than 8 MiB".into());
    }
    let text = std::str::from_utf8(document).map_err(|_| "it is not UTF-8")?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut path = Path(Vec::with_capacity(4));
    let mut content = String::new();
    let mut seen_root = false;
    loop {
        match reader
            .read_event()
            .map_err(|error| format!("it is not XML: {error}"))?
        {
            Event::Start(start) => {
                if path.0.len() == MAX_DEPTH {
                    return Err("its elements are nested too deep".into());
                }
                if path.0.is_empty() && seen_root {
                    return Err("it has more than one outermost element".into());
                }
                seen_root = true;
                path.0.push(start);
                content.clear();
            }
            Event::End(_) => {
                visit(&path, &content);
                path.0.pop();
                content.clear();
            }
            Event::Text(part) => content.push_str(&part.xml10_content()),
            Event::CData(part) => content.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(char)) => Some(char),
                    _ => predefined(&reference),
                };
                content.push(resolved.ok_or("it refers to an entity that XML does not define")?);
            }
            Event::DocType(_) => return Err("it has a document type".into()),
            Event::Eof if seen_root && path.0.is_empty() => return Ok(()),
            Event::Eof => return Err("it ends too early".into()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Writes `<name>text</name>`. Line ends are written as references: a reader would change them.
pub(super) fn push_element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>");
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    let _ = write!(out, "</{name}>");
}

/// Whether the text comes through XML there and back. Control characters cannot, escaped or not; a
/// carriage return becomes a line feed where a server writes it as it is.
pub(super) fn can_hold(text: &str) -> bool {
    text.chars().all(|char| {
        matches!(char, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(document: &str) -> Result<Vec<(String, String)>, Cow<'static, str>> {
        let mut found = Vec::new();
        walk(document.as_bytes(), |path, text| {
            let (parent, name) = path.place();
            found.push((format!("{parent}/{name}"), text.to_owned()));
        })?;
        Ok(found)
    }

    #[test]
    fn elements_and_texts_are_found() {
        let document = "<?xml version=\"1.0\"?>\n<!-- c --><s:A xmlns:s=\"x\"><B>a&amp;&#x41;&#10;<![CDATA[<]]></B>\n<C/></s:A>\n";
        let found = all(document).unwrap();
        assert_eq!(found[0], ("A/B".to_owned(), "a&A\n<".to_owned()));
        assert_eq!(found[1], ("A/C".to_owned(), String::new()));
        assert_eq!(found[2].0, "/A");
    }

    #[test]
    fn what_is_not_a_plain_document_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(17), "</a>".repeat(17));
        for document in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&nbsp;</a>",
            "<a>&#0;</a>",
            &deep,
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a>&b;</a>",
        ] {
            assert!(all(document).is_err(), "{document}");
        }
        let exact = format!("{}{}", "<a>".repeat(16), "</a>".repeat(16));
        assert_eq!(all(&exact).unwrap().len(), 16);
        assert!(walk(&[0xff], |_, _| {}).is_err());
        assert!(walk(&vec![b' '; 9 << 20], |_, _| {}).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = "a&b<c>\"d\"\r\n\t é \u{10ffff}";
        let mut out = String::new();
        push_element(&mut out, "Key", text);
        assert_eq!(all(&out).unwrap(), [("/Key".to_owned(), text.to_owned())]);
        assert!(can_hold("a&b<c>\n\t é \u{10ffff}"));
        for text in ["\u{1}", "\u{ffff}", "a\r\nb"] {
            assert!(!can_hold(text), "{text:?}");
        }
    }
}
