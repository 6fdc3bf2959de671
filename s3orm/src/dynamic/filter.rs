//! Conditions on columns that are named at run time.

mod parse;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::Values;
use super::layout::Layout;

/// A condition on the columns of a dynamic table's rows, by their names.
///
/// Made of text. As in SQL, a comparison with a value that is missing or `null` is neither true nor
/// false: only `is null` finds the row. What the key columns decide is decided without reading it.
///
/// | text | meets it |
/// |---|---|
/// | `age >= 18`, and `=`, `<>` or `!=`, `<`, `<=`, `>` | a number compared with a number, a text with a text |
/// | `name = 'Ann O''Hara'`, `name = "Ann"` | texts with spaces or words of this language are quoted |
/// | `age between 18 and 65` | both included |
/// | `city in (Oslo, Rome)` | one of them |
/// | `name starts with An`, `name contains nn` | of texts; `contains` also of lists, whole items |
/// | `city is null`, `city is not null` | missing, or `null` |
/// | `a = 1 and (b = 2 or not c = 3)` | joined |
/// | `address.city = Oslo` | a member of an object |
///
/// ```
/// use s3orm::dynamic::Filter;
///
/// let adults: Filter = "age >= 18 and not city = Oslo".parse()?;
/// assert!(adults.matches(&serde_json::json!({"age": 20, "city": "Rome"})));
/// assert!(!adults.matches(&serde_json::json!({"age": 20})));
/// assert_eq!(adults.to_string(), "(age >= 18 and not city = Oslo)");
/// # Ok::<(), s3orm::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Test);

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Compare(String, Sign, Operand),
    Between(String, Operand, Operand),
    In(String, Vec<Operand>),
    IsNull(String),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    StartsWith,
    Contains,
}

const SIGNS: &[(&str, Sign)] = &[
    ("<=", Sign::Le),
    (">=", Sign::Ge),
    ("<>", Sign::Ne),
    ("!=", Sign::Ne),
    ("=", Sign::Eq),
    ("<", Sign::Lt),
    (">", Sign::Gt),
];

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq)]
struct Operand {
    text: String,
    /// Unless it was quoted.
    json: Option<Value>,
}

/// What a filter looks at.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    /// The key alone: other columns are not known yet.
    Key(&'a Layout, &'a Values),
    /// The key and the body.
    Row(&'a Layout, &'a Values, &'a Value),
    /// A body.
    Body(&'a Value),
}

/// What a column holds.
enum Held<'a> {
    /// A key column's text.
    Key(super::ColumnType, &'a str),
    Json(&'a Value),
    Missing,
    /// Not known yet.
    Unread,
}

impl<'a> Subject<'a> {
    fn column(self, name: &str) -> Held<'a> {
        match self {
            Self::Key(layout, values) | Self::Row(layout, values, _) => {
                if let (Some(kind), Some(text)) = (layout.kind(name), values.get(name)) {
                    return Held::Key(kind, text);
                }
            }
            Self::Body(_) => {}
        }
        match self {
            Self::Key(..) => Held::Unread,
            Self::Row(_, _, body) | Self::Body(body) => match member(body, name) {
                None | Some(Value::Null) => Held::Missing,
                Some(value) => Held::Json(value),
            },
        }
    }
}

/// A column by its name; of an object in a column by `column.member`.
fn member<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(value) = body.get(name) {
        return Some(value);
    }
    let (column, rest) = name.split_once('.')?;
    member(body.get(column)?, rest)
}

impl Filter {
    /// Whether a row with this body meets the condition, whatever its key.
    pub fn matches(&self, body: &Value) -> bool {
        self.test(Subject::Body(body)) == Some(true)
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Test::And(Box::new(self.0), Box::new(other.0)))
    }

    /// What the subject says, if it decides; the three truth values are joined as in Kleene's logic,
    /// so that what the key decides the row would decide alike.
    pub(super) fn test(&self, subject: Subject<'_>) -> Option<bool> {
        self.0.test(subject)
    }

    /// The columns that it looks at.
    pub fn columns(&self) -> BTreeSet<&str> {
        let mut columns = BTreeSet::new();
        self.0.each(&mut |column| {
            columns.insert(column);
        });
        columns
    }

    /// The comparisons of a column that every row meets which meets the filter.
    pub(super) fn bounds<'a>(&'a self, column: &str) -> Vec<(Bounds, &'a str)> {
        let mut bounds = Vec::new();
        self.0.bounds(column, &mut bounds);
        bounds
    }
}

/// From which side a value bounds a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bounds {
    AtLeast,
    MoreThan,
    AtMost,
    LessThan,
}

impl Test {
    fn test(&self, subject: Subject<'_>) -> Option<bool> {
        match self {
            Self::Compare(column, sign, operand) => {
                compare(&subject.column(column), *sign, operand)
            }
            Self::Between(column, low, high) => {
                let held = subject.column(column);
                let (low, high) = (
                    compare(&held, Sign::Ge, low),
                    compare(&held, Sign::Le, high),
                );
                and(low, high)
            }
            Self::In(column, operands) => {
                let held = subject.column(column);
                let met = operands
                    .iter()
                    .map(|operand| compare(&held, Sign::Eq, operand));
                met.reduce(or).unwrap_or(Some(false))
            }
            Self::IsNull(column) => match subject.column(column) {
                Held::Missing => Some(true),
                Held::Unread => None,
                Held::Key(..) | Held::Json(_) => Some(false),
            },
            Self::And(a, b) => and(a.test(subject), b.test(subject)),
            Self::Or(a, b) => or(a.test(subject), b.test(subject)),
            Self::Not(test) => test.test(subject).map(|met| !met),
        }
    }

    fn each<'a>(&'a self, call: &mut impl FnMut(&'a str)) {
        match self {
            Self::Compare(column, ..)
            | Self::Between(column, ..)
            | Self::In(column, _)
            | Self::IsNull(column) => call(column),
            Self::And(a, b) | Self::Or(a, b) => {
                a.each(call);
                b.each(call);
            }
            Self::Not(test) => test.each(call),
        }
    }

    fn bounds<'a>(&'a self, column: &str, found: &mut Vec<(Bounds, &'a str)>) {
        match self {
            Self::And(a, b) => {
                a.bounds(column, found);
                b.bounds(column, found);
            }
            Self::Between(own, low, high) if own == column => {
                found.push((Bounds::AtLeast, &low.text));
                found.push((Bounds::AtMost, &high.text));
            }
            Self::Compare(own, sign, operand) if own == column => match sign {
                Sign::Lt => found.push((Bounds::LessThan, &operand.text)),
                Sign::Le => found.push((Bounds::AtMost, &operand.text)),
                Sign::Gt => found.push((Bounds::MoreThan, &operand.text)),
                Sign::Ge => found.push((Bounds::AtLeast, &operand.text)),
                Sign::Eq => {
                    found.push((Bounds::AtLeast, &operand.text));
                    found.push((Bounds::AtMost, &operand.text));
                }
                Sign::Ne | Sign::StartsWith | Sign::Contains => {}
            },
            _ => {}
        }
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn compare(held: &Held<'_>, sign: Sign, operand: &Operand) -> Option<bool> {
    let order = match held {
        Held::Missing | Held::Unread => return None,
        Held::Key(_, text) if matches!(sign, Sign::StartsWith | Sign::Contains) => {
            return Some(within(text, sign, &operand.text));
        }
        Held::Key(kind, text) => {
            let (own, other) = (kind.ordered(text).ok(), kind.ordered(&operand.text).ok());
            own.zip(other).map(|(own, other)| own.cmp(&other))
        }
        Held::Json(Value::String(text)) if matches!(sign, Sign::StartsWith | Sign::Contains) => {
            return Some(within(text, sign, &operand.text));
        }
        Held::Json(Value::Array(items)) if sign == Sign::Contains => {
            let is_item = |item: &Value| order_of(item, operand) == Some(Ordering::Equal);
            return Some(items.iter().any(is_item));
        }
        Held::Json(value) => order_of(value, operand),
    };
    match (sign, order) {
        (Sign::Eq, order) => Some(order == Some(Ordering::Equal)),
        (Sign::Ne, order) => Some(order != Some(Ordering::Equal)),
        // Values of different types have no order.
        (_, None) | (Sign::StartsWith | Sign::Contains, _) => Some(false),
        (Sign::Lt, Some(order)) => Some(order.is_lt()),
        (Sign::Le, Some(order)) => Some(order.is_le()),
        (Sign::Gt, Some(order)) => Some(order.is_gt()),
        (Sign::Ge, Some(order)) => Some(order.is_ge()),
    }
}

fn within(text: &str, sign: Sign, part: &str) -> bool {
    match sign {
        Sign::StartsWith => text.starts_with(part),
        _ => text.contains(part),
    }
}

/// How a value stands to an operand, where they are of one type.
fn order_of(value: &Value, operand: &Operand) -> Option<Ordering> {
    match (value, &operand.json) {
        (Value::String(text), _) => Some(text.as_str().cmp(&operand.text)),
        (Value::Number(own), Some(Value::Number(other))) => number_order(own, other),
        (Value::Bool(own), Some(Value::Bool(other))) => Some(own.cmp(other)),
        (own, Some(other)) if own == other => Some(Ordering::Equal),
        _ => None,
    }
}

fn number_order(own: &serde_json::Number, other: &serde_json::Number) -> Option<Ordering> {
    match (own.as_i128(), other.as_i128()) {
        (Some(own), Some(other)) => Some(own.cmp(&other)),
        _ => own.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(column, sign, operand) => {
                write!(f, "{} {sign} {operand}", parse::shown(column))
            }
            Self::Between(column, low, high) => {
                write!(f, "{} between {low} and {high}", parse::shown(column))
            }
            Self::In(column, operands) => {
                let texts: Vec<_> = operands.iter().map(ToString::to_string).collect();
                write!(f, "{} in ({})", parse::shown(column), texts.join(", "))
            }
            Self::IsNull(column) => write!(f, "{} is null", parse::shown(column)),
            Self::And(a, b) => write!(f, "({a} and {b})"),
            Self::Or(a, b) => write!(f, "({a} or {b})"),
            Self::Not(test) => write!(f, "not {test}"),
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::StartsWith => "starts with",
            Self::Contains => "contains",
        })
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json.is_none() && parse::is_json(&self.text) {
            return f.write_str(&parse::quote(&self.text));
        }
        f.write_str(&parse::shown(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn met(filter: &str, body: &Value) -> bool {
        let filter: Filter = filter.parse().expect(filter);
        let again: Filter = filter
            .to_string()
            .parse()
            .expect("it reads as it is written");
        assert_eq!(filter, again);
        filter.matches(body)
    }

    #[test]
    fn conditions_are_met_as_the_table_says() {
        let ann = json!({"name": "Ann O'Hara", "age": 30, "big": 18_446_744_073_709_551_615_u64, "score": 1.5,
            "vip": true, "tags": ["a", 7], "address": {"city": "Oslo"}, "zip": "0018", "none": null});
        for filter in [
            "age = 30",
            "age=30",
            "age >= 30",
            "age<>31",
            "age != 31",
            "age < 30.5",
            "age between 30 and 31",
            "age in (1, 30)",
            "name = 'Ann O''Hara'",
            "name = \"Ann O'Hara\"",
            "name starts with Ann",
            "name contains \"n O\"",
            "big > 18446744073709551614",
            "score < 2",
            "vip = true",
            "tags contains a",
            "tags contains 7",
            "address.city = Oslo",
            "zip = 0018",
            "none is null",
            "city is null",
            "age is not null",
            "not age = 31",
            "age = 1 or age = 30",
            "age = 30 and (vip = false or vip = true)",
            "zip < 1",
            "NOT age = 31 AND vip = true",
            "'age' = 30",
        ] {
            assert!(met(filter, &ann), "{filter}");
        }
        for filter in [
            "age = 31",
            "age > 30",
            "age = '30'",
            "name = Ann",
            "city = Oslo",
            "city <> Oslo",
            "not city = Oslo",
            "none = 1",
            "name > 5 and age = 1",
            "age in ()",
            "tags contains b",
            "tags contains '7x'",
            "vip = 1",
            "address = Oslo",
            "age is null",
            "age < Oslo",
            "not (city = Oslo or age = 31)",
        ] {
            assert!(!met(filter, &ann), "{filter}");
        }
    }
}
