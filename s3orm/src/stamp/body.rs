//! The bytes of a stamped row's object.
//!
//! One bit of what an object is can be seen in a listing, without reading it: in its size. The size
//! of a row that nothing is to be said of is never a multiple of [`MARK`]; that of a tombstone, and of
//! an intent that creates or deletes a row, always is. White space at the end makes it so. Who counts
//! the keys of a listing reads the marked ones alone.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::record::TxId;
use crate::body::BodyError;

/// The sizes of objects that must be read to know whether a row is there are multiples of this.
pub(crate) const MARK: usize = 16;

/// The name of the member that is ours.
pub(crate) const MEMBER: &str = "_m";
const BEGIN: &[u8] = br#"{"_m":"#;

/// Who made an object of which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Of this version of the object alone.
    pub(crate) version: String,
    /// The version that it replaced.
    pub(crate) previous: Option<String>,
    /// Who made the value, where that is not this version: its transaction, or an earlier version
    /// that a transaction has only looked at.
    pub(crate) logical: Option<String>,
}

impl Stamp {
    /// What the value's version is, whatever became of the object since.
    pub(crate) fn of_value(&self) -> &str {
        self.logical.as_ref().unwrap_or(&self.version)
    }
}

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A row: its columns, as a JSON object.
    Row(Bytes),
    /// Where a row was.
    Tombstone,
    Intent(Intent),
}

/// What a transaction is about to do to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) tx: TxId,
    pub(crate) op: Op,
    /// The row's columns so far, if there is a row.
    pub(crate) was: Option<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    /// The row's new columns.
    Put(Bytes),
    Delete,
    /// The row stays as it is, and must.
    Check,
}

impl Intent {
    /// The row once the transaction is committed.
    pub(crate) fn after(&self) -> Option<&Bytes> {
        match &self.op {
            Op::Put(new) => Some(new),
            Op::Delete => None,
            Op::Check => self.was.as_ref(),
        }
    }
}

/// `_m` as it is written.
#[derive(Serialize, Deserialize)]
struct Member<'a> {
    #[serde(borrow)]
    v: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    p: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    l: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    del: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tx: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    op: Option<OpName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<Was>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    new: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum OpName {
    Put,
    Delete,
    Check,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Was {
    Row,
    Absent,
}

/// An object's bytes.
///
/// # Errors
/// Columns that are no JSON object.
pub(crate) fn write(stamp: &Stamp, form: &Form) -> Result<Bytes, BodyError> {
    let mut member = Member {
        v: Cow::Borrowed(&stamp.version),
        p: stamp.previous.as_deref().map(Cow::Borrowed),
        l: stamp.logical.as_deref().map(Cow::Borrowed),
        del: false,
        tx: None,
        op: None,
        was: None,
        new: None,
    };
    let (columns, marked) = match form {
        Form::Row(columns) => (Some(columns), false),
        Form::Tombstone => {
            member.del = true;
            (None, true)
        }
        Form::Intent(intent) => {
            member.tx = Some(Cow::Borrowed(intent.tx.as_str()));
            member.was = Some(intent.was.as_ref().map_or(Was::Absent, |_| Was::Row));
            member.op = Some(match &intent.op {
                Op::Put(new) => {
                    member.new = Some(serde_json::from_slice(new).map_err(not_json)?);
                    OpName::Put
                }
                Op::Delete => OpName::Delete,
                Op::Check => OpName::Check,
            });
            let changes = intent.was.is_some() != intent.after().is_some();
            (intent.was.as_ref(), changes || intent.was.is_none())
        }
    };
    let mut bytes = Vec::with_capacity(160 + columns.map_or(0, Bytes::len));
    bytes.extend_from_slice(BEGIN);
    serde_json::to_writer(&mut bytes, &member).map_err(not_json)?;
    match columns.map(|columns| members(columns)).transpose()? {
        Some(members) if !members.is_empty() => {
            bytes.push(b',');
            bytes.extend_from_slice(members);
        }
        _ => bytes.push(b'}'),
    }
    pad(&mut bytes, marked);
    Ok(bytes.into())
}

/// What of an object follows its brace, with the closing one; nothing of an empty object.
fn members(columns: &[u8]) -> Result<&[u8], BodyError> {
    let inside = columns
        .strip_prefix(b"{")
        .ok_or_else(|| BodyError::new("a stamped row is a JSON object"))?;
    let inside = inside.trim_ascii_start();
    Ok(if inside.starts_with(b"}") {
        &[]
    } else {
        inside
    })
}

fn pad(bytes: &mut Vec<u8>, marked: bool) {
    if marked {
        let size = bytes.len().next_multiple_of(MARK);
        bytes.resize(size, b' ');
    } else if bytes.len().is_multiple_of(MARK) {
        bytes.push(b'\n');
    }
}

/// Whether an object of this size must be read to know whether a row is there.
pub(crate) fn is_marked(size: u64) -> bool {
    size.is_multiple_of(MARK as u64)
}

/// What an object's bytes are: its stamp, unless another program has written it.
///
/// # Errors
/// Bytes that are no JSON object, and a member `_m` that is not ours.
pub(crate) fn read(body: &Bytes) -> Result<(Option<Stamp>, Form), BodyError> {
    let Some(rest) = body.strip_prefix(BEGIN) else {
        return read_reordered(body);
    };
    let mut members = serde_json::Deserializer::from_slice(rest).into_iter::<Member<'_>>();
    let member = members
        .next()
        .unwrap_or_else(|| Err(serde::de::Error::custom("it ends too early")))
        .map_err(not_ours)?;
    let rest = rest[members.byte_offset()..].trim_ascii_start();
    let columns = match rest.split_first() {
        Some((b',', members)) => {
            let members = members.trim_ascii_end();
            let mut columns = Vec::with_capacity(1 + members.len());
            columns.push(b'{');
            columns.extend_from_slice(members);
            Some(Bytes::from(columns))
        }
        Some((b'}', end)) if end.trim_ascii().is_empty() => None,
        _ => return Err(BodyError::new("the object is not a row of this table")),
    };
    form(member, columns)
}

/// Another program wrote the object, perhaps with our member somewhere else.
fn read_reordered(body: &Bytes) -> Result<(Option<Stamp>, Form), BodyError> {
    let mut members: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| BodyError::new("the object is not a JSON object").with_source(error))?;
    let Some(own) = members.remove(MEMBER) else {
        return Ok((None, Form::Row(body.clone())));
    };
    let own = own.to_string();
    let member: Member<'_> = serde_json::from_str(&own).map_err(not_ours)?;
    let columns = if members.is_empty() {
        None
    } else {
        Some(serde_json::to_vec(&members).map_err(not_json)?.into())
    };
    form(member, columns)
}

fn form(member: Member<'_>, columns: Option<Bytes>) -> Result<(Option<Stamp>, Form), BodyError> {
    let stamp = Stamp {
        version: member.v.into_owned(),
        previous: member.p.map(Cow::into_owned),
        logical: member.l.map(Cow::into_owned),
    };
    let empty = || Bytes::from_static(b"{}");
    let form = match (member.tx, member.op) {
        (None, _) if member.del => Form::Tombstone,
        (None, _) => Form::Row(columns.unwrap_or_else(empty)),
        (Some(tx), Some(op)) => {
            let tx = TxId::parse(&tx)
                .ok_or_else(|| BodyError::new("the object names a transaction that cannot be"))?;
            let op = match (op, member.new) {
                (OpName::Put, Some(new)) => Op::Put(Bytes::copy_from_slice(new.get().as_bytes())),
                (OpName::Put, None) => {
                    return Err(BodyError::new("the object's transaction has no new value"));
                }
                (OpName::Delete, _) => Op::Delete,
                (OpName::Check, _) => Op::Check,
            };
            let was = match member.was {
                Some(Was::Absent) => None,
                _ => Some(columns.unwrap_or_else(empty)),
            };
            Form::Intent(Intent { tx, op, was })
        }
        (Some(_), None) => {
            return Err(BodyError::new(
                "the object's transaction does not say what it does",
            ));
        }
    };
    Ok((Some(stamp), form))
}

fn not_json(error: serde_json::Error) -> BodyError {
    BodyError::new("the row is no JSON").with_source(error)
}

fn not_ours(error: serde_json::Error) -> BodyError {
    BodyError::new("the object's member `_m` is not one that s3orm writes").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp {
            version: "a".repeat(32),
            previous: Some("b".repeat(32)),
            logical: None,
        }
    }

    fn columns(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn forms() -> Vec<Form> {
        let tx = TxId::parse(&"7".repeat(32)).unwrap();
        let mut forms = vec![Form::Tombstone, Form::Row(columns("{}"))];
        let texts = ["{}", r#"{"id":1}"#, r#"{"id":1,"a":"{\"_m\":1}"}"#];
        for text in texts {
            forms.push(Form::Row(columns(text)));
            for was in [None, Some(columns(text))] {
                for op in [Op::Put(columns(text)), Op::Delete, Op::Check] {
                    let (tx, was) = (tx.clone(), was.clone());
                    forms.push(Form::Intent(Intent { tx, op, was }));
                }
            }
        }
        forms
    }

    #[test]
    fn what_is_written_is_read() {
        for form in forms() {
            let bytes = write(&stamp(), &form).unwrap();
            assert!(bytes.starts_with(br#"{"_m":{"v":"aaaa"#));
            serde_json::from_slice::<Map<String, Value>>(&bytes).unwrap();
            let (read_stamp, read_form) = read(&bytes).unwrap();
            assert_eq!(read_stamp, Some(stamp()));
            assert_eq!(read_form, form, "{bytes:?}");
        }
    }

    #[test]
    fn a_size_tells_whether_a_row_may_be_absent() {
        for form in forms() {
            let bytes = write(&stamp(), &form).unwrap();
            let sure = match &form {
                Form::Row(_) => true,
                Form::Tombstone => false,
                Form::Intent(intent) => intent.was.is_some() && intent.after().is_some(),
            };
            assert_eq!(!is_marked(bytes.len() as u64), sure, "{form:?}");
        }
        // Rows of every length, whatever that is.
        for length in 0..64 {
            let row = format!(r#"{{"a":"{}"}}"#, "x".repeat(length));
            let bytes = write(&stamp(), &Form::Row(row.into())).unwrap();
            assert!(!is_marked(bytes.len() as u64));
        }
    }

    #[test]
    fn what_another_program_wrote_is_read() {
        let plain = columns(r#"{"id":1}"#);
        assert_eq!(read(&plain).unwrap(), (None, Form::Row(plain.clone())));
        let reordered = columns(r#" {"id":1,"_m":{"v":"x","more":1}}"#);
        let (stamp, form) = read(&reordered).unwrap();
        assert_eq!(stamp.unwrap().version, "x");
        assert_eq!(form, Form::Row(plain));
    }

    #[test]
    fn what_cannot_be_ours_is_an_error() {
        for wrong in [
            "",
            "[]",
            "{",
            r#"{"_m":1}"#,
            r#"{"_m":{"v":"x"}"#,
            r#"{"_m":{"v":"x"}},"#,
            r#"{"_m":{"v":"x"}} 7"#,
            r#"{"_m":{"v":"x","tx":"../../etc","op":"check"}}"#,
            r#"{"_m":{"v":"x","tx":"77777777777777777777777777777777"}}"#,
            r#"{"_m":{"v":"x","tx":"77777777777777777777777777777777","op":"put"}}"#,
            r#"{"_m":{"v":"x","tx":"77777777777777777777777777777777","op":"steal"}}"#,
        ] {
            assert!(read(&columns(wrong)).is_err(), "{wrong}");
        }
    }
}
