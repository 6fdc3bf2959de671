//! S3's XML: read as a walk over elements, bounded; written by hand, escaped.
//!
//! The reader is our own: a page of a listing has twelve thousand tags, and a general one takes
//! longer over them than all else that a listing costs. It knows what S3's documents are made of
//! (elements, texts, references, CDATA), skips comments, instructions and attributes, and refuses
//! the rest. Its test compares it to `quick-xml`.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::transport::MAX_XML;

/// Elements inside each other, at most. S3's own go four deep.
const MAX_DEPTH: usize = 16;

/// The elements that are open, from the outermost to the one at hand.
pub(super) struct Path<'a>(Vec<Name<'a>>);

/// An element's name.
#[derive(Clone, Copy)]
struct Name<'a> {
    whole: &'a str,
    /// Without the prefix of a namespace.
    local: &'a str,
}

impl Path<'_> {
    /// The outermost element's name.
    pub(super) fn root(&self) -> &str {
        Self::name_of(self.0.first())
    }

    /// The names of the parent, or nothing, and of the element.
    pub(super) fn place(&self) -> (&str, &str) {
        match self.0.as_slice() {
            [.., parent, element] => (parent.local, element.local),
            elements => ("", Self::name_of(elements.last())),
        }
    }

    fn name_of<'b>(element: Option<&Name<'b>>) -> &'b str {
        element.map_or("", |name| name.local)
    }
}

/// The text of an element, as far as it was read. One piece, as nearly all are, is not copied.
#[derive(Default)]
struct Text<'a> {
    piece: &'a str,
    /// All pieces, where there is more than one.
    joined: String,
}

impl<'a> Text<'a> {
    fn as_str(&self) -> &str {
        if self.joined.is_empty() {
            self.piece
        } else {
            &self.joined
        }
    }

    fn clear(&mut self) {
        self.piece = "";
        self.joined.clear();
    }

    fn push(&mut self, piece: &'a str) {
        if self.as_str().is_empty() {
            self.piece = piece;
        } else {
            self.join();
            self.joined.push_str(piece);
        }
    }

    fn push_char(&mut self, char: char) {
        self.join();
        self.joined.push(char);
    }

    fn join(&mut self) {
        if self.joined.is_empty() {
            self.joined.push_str(self.piece);
        }
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
    let mut rest = std::str::from_utf8(document).map_err(|_| "it is not UTF-8")?;
    let mut path = Path(Vec::with_capacity(4));
    let mut content = Text::default();
    let mut seen_root = false;
    while let Some(markup) = read_text(rest, &mut content)? {
        rest = match markup.as_bytes().first() {
            Some(b'/') => {
                let open = path.0.last().ok_or(UNOPENED)?;
                let after = end_tag(&markup[1..], open.whole)?;
                visit(&path, content.as_str());
                content.clear();
                path.0.pop();
                after
            }
            Some(b'!') => special(markup, &mut content)?,
            Some(b'?') => markup.split_once("?>").ok_or(CUT_OFF)?.1,
            _ => {
                let (name, is_empty, after) = start_tag(markup)?;
                if path.0.len() == MAX_DEPTH {
                    return Err("its elements are nested too deep".into());
                }
                if path.0.is_empty() && seen_root {
                    return Err("it has more than one outermost element".into());
                }
                seen_root = true;
                content.clear();
                path.0.push(name);
                if is_empty {
                    visit(&path, "");
                    path.0.pop();
                }
                after
            }
        };
    }
    if seen_root && path.0.is_empty() {
        Ok(())
    } else {
        Err(CUT_OFF.into())
    }
}

const CUT_OFF: &str = "it ends too early";
const UNOPENED: &str = "an end tag has no start tag";

/// What is before and after the first of an ASCII character.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let index = text.bytes().position(|byte| byte == at)?;
    Some((&text[..index], &text[index + 1..]))
}

/// Reads the text up to the next `<`, its references resolved and its line ends as XML has them,
/// `\n`; what follows the `<`, or `None` at the end of the document.
fn read_text<'a>(
    mut rest: &'a str,
    content: &mut Text<'a>,
) -> Result<Option<&'a str>, Cow<'static, str>> {
    while let Some(index) = rest
        .bytes()
        .position(|byte| matches!(byte, b'<' | b'&' | b'\r'))
    {
        content.push(&rest[..index]);
        let after = &rest[index + 1..];
        rest = match rest.as_bytes()[index] {
            b'<' => return Ok(Some(after)),
            b'&' => {
                let (char, after) = resolved(after)?;
                content.push_char(char);
                after
            }
            _ => {
                content.push_char('\n');
                after.strip_prefix('\n').unwrap_or(after)
            }
        };
    }
    content.push(rest);
    Ok(None)
}

/// From behind an `&`: the character referred to, and what follows.
fn resolved(reference: &str) -> Result<(char, &str), Cow<'static, str>> {
    let (name, after) = cut(reference, b';').ok_or("it has an `&` that refers to nothing")?;
    let char = match name.strip_prefix('#') {
        Some(number) => numbered(number),
        None => predefined(name),
    };
    let char = char.ok_or("it refers to an entity that XML does not define")?;
    Ok((char, after))
}

/// From behind a `</`: what follows the end tag of the element that is open.
fn end_tag<'a>(markup: &'a str, open: &str) -> Result<&'a str, Cow<'static, str>> {
    let Some(after) = markup.strip_prefix(open) else {
        return Err(UNOPENED.into());
    };
    if let Some(after) = after.strip_prefix('>') {
        return Ok(after);
    }
    let (space, after) = cut(after, b'>').ok_or(CUT_OFF)?;
    if space.trim_ascii_end().is_empty() {
        Ok(after)
    } else {
        Err(UNOPENED.into())
    }
}

/// From behind a `<`: the element's name, whether it is `<name/>`, and what follows. The attributes
/// are skipped: S3's say nothing.
fn start_tag(markup: &str) -> Result<(Name<'_>, bool, &str), Cow<'static, str>> {
    // Nearly every tag is a name alone.
    let plain = markup
        .bytes()
        .position(|byte| !byte.is_ascii_alphanumeric());
    if let Some(index @ 1..) = plain
        && markup.as_bytes()[index] == b'>'
    {
        let whole = &markup[..index];
        let name = Name {
            whole,
            local: whole,
        };
        return Ok((name, false, &markup[index + 1..]));
    }
    let end = end_of_tag(markup).ok_or(CUT_OFF)?;
    let (tag, after) = (&markup[..end], &markup[end + 1..]);
    let (tag, is_empty) = match tag.strip_suffix('/') {
        Some(tag) => (tag, true),
        None => (tag, false),
    };
    let name = tag.bytes().position(|byte| byte.is_ascii_whitespace());
    let whole = &tag[..name.unwrap_or(tag.len())];
    if whole.is_empty() || whole.contains(['<', '&', '=', '"', '\'', '/']) {
        return Err("a tag has no name".into());
    }
    let local = cut(whole, b':').map_or(whole, |(_, local)| local);
    Ok((Name { whole, local }, is_empty, after))
}

/// Where the `>` is that ends a tag: not one in the value of an attribute.
fn end_of_tag(markup: &str) -> Option<usize> {
    let mut quote = None;
    markup.bytes().position(|byte| match quote {
        Some(open) => {
            if byte == open {
                quote = None;
            }
            false
        }
        None if matches!(byte, b'"' | b'\'') => {
            quote = Some(byte);
            false
        }
        None => byte == b'>',
    })
}

/// From behind the `<` of a comment or of CDATA, to what follows it.
fn special<'a>(markup: &'a str, content: &mut Text<'a>) -> Result<&'a str, Cow<'static, str>> {
    if let Some(comment) = markup.strip_prefix("!--") {
        return Ok(comment.split_once("-->").ok_or(CUT_OFF)?.1);
    }
    if let Some(data) = markup.strip_prefix("![CDATA[") {
        let (data, after) = data.split_once("]]>").ok_or(CUT_OFF)?;
        // No markup and no reference is in it, but line ends are.
        for (number, line) in data.split('\r').enumerate() {
            if number == 0 {
                content.push(line);
            } else {
                content.push_char('\n');
                content.push(line.strip_prefix('\n').unwrap_or(line));
            }
        }
        return Ok(after);
    }
    Err("it has a document type".into())
}

/// The character of `65` or `x41`.
fn numbered(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(code).filter(|&char| char != '\0')
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
            "<a",
            "<a b='>",
            "<a><b</a>",
            "<a></>",
            "< a></ a>",
            "<a>&amp</a>",
            "<a>&#x110000;</a>",
            "<a>&#+65;</a>",
            "<a><!-- </a>",
            "<a><![CDATA[</a>",
            "<?a <a/>",
            "</a>",
            "<a/></a>",
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

    /// The same walk over `quick-xml`'s events.
    fn by_another_reader(document: &str) -> Option<Vec<(String, String)>> {
        use quick_xml::events::Event;
        let mut reader = quick_xml::Reader::from_str(document);
        reader.config_mut().expand_empty_elements = true;
        let (mut path, mut found, mut content) = (Vec::new(), Vec::new(), String::new());
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    path.push(start.local_name().into_inner().to_owned());
                    content.clear();
                }
                Event::End(_) => {
                    let name = path.pop()?;
                    let parent = path.last().map_or("", String::as_str);
                    found.push((format!("{parent}/{name}"), std::mem::take(&mut content)));
                }
                Event::Text(part) => content.push_str(&part.xml10_content()),
                Event::CData(part) => content.push_str(&part.xml10_content()),
                Event::GeneralRef(reference) => content.push(match reference.resolve_char_ref() {
                    Ok(Some(char)) => char,
                    _ => predefined(&reference)?,
                }),
                Event::DocType(_) => return None,
                Event::Eof => return path.is_empty().then_some(found),
                _ => {}
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn another_reader_finds_the_same(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "<a>", "</a>", "<b x='>' y=\"/\">", "</b >", "<s:c/>", "<d />", "é", " ", "\r\n",
                    "text", "&amp;", "&#65;", "&#x41;", "&lt;", "<!-- <a> -->", "<![CDATA[<a>&]]>",
                    "<?pi <a>?>", "\r", "\"", "]]",
                ]),
                0..24,
            )
        ) {
            let document = format!("<r>{}</r>", parts.concat());
            if let Some(expected) = by_another_reader(&document) {
                proptest::prop_assert_eq!(all(&document).ok(), Some(expected));
            } else {
                proptest::prop_assert!(all(&document).is_err());
            }
        }
    }
}
