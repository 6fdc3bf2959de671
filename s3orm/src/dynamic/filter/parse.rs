//! Filters as text.

use std::borrow::Cow;
use std::str::FromStr;

use serde_json::Value;

use super::{Filter, Operand, SIGNS, Sign, Test};
use crate::error::{Error, ErrorKind, Result};

/// How deep parentheses and `not` may be nested: each level takes stack.
const DEPTH: usize = 64;
/// How many tokens a filter has at most, for the same reason.
const TOKENS: usize = 4096;
const WORDS: &[&str] = &[
    "and", "or", "not", "in", "is", "null", "between", "starts", "with", "contains",
];

/// A text as a filter has it: in quotes where it needs them.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let is_bare = !text.is_empty() && text.chars().all(is_of_word) && !is_keyword(text);
    if is_bare {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(quote(text))
    }
}

/// A text in quotes.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a bare text would be read as something else than a text.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

fn is_keyword(text: &str) -> bool {
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_of_word(char: char) -> bool {
    !char.is_whitespace() && !"()<>=!,'\"".contains(char)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(Sign),
    Open,
    Close,
    Comma,
}

impl FromStr for Filter {
    type Err = Error;

    /// # Errors
    /// [`Config`](ErrorKind::Config): it is no filter; the message says where it ends to be one.
    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser {
            text,
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
        };
        let whole = parser.any()?;
        match parser.peek() {
            None => Ok(Self(whole)),
            Some(_) => Err(parser.expected("`and`, `or` or the end")),
        }
    }
}

/// The tokens with where each begins.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(char) = text[at..].chars().next() {
        let rest = &text[at..];
        if char.is_whitespace() {
            at += char.len_utf8();
            continue;
        }
        let (token, length) = match char {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' | '"' => quoted(rest, char).ok_or_else(|| wrong(text, at, "a quote that ends"))?,
            _ => {
                let sign = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
                let end = rest.find(|char| !is_of_word(char));
                match (sign, end.unwrap_or(rest.len())) {
                    (Some((sign, token)), _) => (Token::Sign(*token), sign.len()),
                    (None, 0) => return Err(wrong(text, at, "a column, a value or a sign")),
                    (None, end) => (Token::Word(rest[..end].to_owned()), end),
                }
            }
        };
        tokens.push((at, token));
        if tokens.len() > TOKENS {
            return Err(wrong(text, at, "an end of so many words"));
        }
        at += length;
    }
    Ok(tokens)
}

/// A text in quotes, which are doubled inside, and how long it is with them.
fn quoted(text: &str, quote: char) -> Option<(Token, usize)> {
    let (mut inside, mut at) = (String::new(), 1);
    loop {
        let end = at + text.get(at..)?.find(quote)?;
        inside.push_str(&text[at..end]);
        at = end + 1;
        if !text[at..].starts_with(quote) {
            return Some((Token::Quoted(inside), at));
        }
        inside.push(quote);
        at += 1;
    }
}

fn wrong(text: &str, at: usize, expected: &str) -> Error {
    let (before, after) = (&text[..at], &text[at..]);
    let place = match (before.trim(), after.trim()) {
        ("", "") => "it is empty".to_owned(),
        (before, "") => format!("after `{}`", before.escape_debug()),
        (_, after) => format!("at `{}`", after.escape_debug()),
    };
    let detail = format!(
        "the filter `{}` cannot be read: {place}, {expected} is expected",
        text.escape_debug()
    );
    Error::new(ErrorKind::Config, detail).with_help("write it as `age >= 18 and city = 'New York'`")
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += usize::from(token.is_some());
        token
    }

    fn expected(&self, what: &str) -> Error {
        let at = self
            .tokens
            .get(self.at)
            .map_or(self.text.len(), |(at, _)| *at);
        wrong(self.text, at, what)
    }

    /// Whether the next token is this word, which is taken then.
    fn takes(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn takes_token(&mut self, token: &Token) -> bool {
        let is = self.peek() == Some(token);
        self.at += usize::from(is);
        is
    }

    fn any(&mut self) -> Result<Test> {
        let mut test = self.all()?;
        while self.takes("or") {
            test = Test::Or(Box::new(test), Box::new(self.all()?));
        }
        Ok(test)
    }

    fn all(&mut self) -> Result<Test> {
        let mut test = self.one()?;
        while self.takes("and") {
            test = Test::And(Box::new(test), Box::new(self.one()?));
        }
        Ok(test)
    }

    fn one(&mut self) -> Result<Test> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.expected("an end of the nesting"));
        }
        let test = if self.takes("not") {
            Test::Not(Box::new(self.one()?))
        } else if self.takes_token(&Token::Open) {
            let test = self.any()?;
            if !self.takes_token(&Token::Close) {
                return Err(self.expected("`)`"));
            }
            test
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(test)
    }

    fn condition(&mut self) -> Result<Test> {
        let column = match self.peek() {
            Some(Token::Quoted(name)) => name.clone(),
            Some(Token::Word(name)) if !is_keyword(name) => name.clone(),
            _ => return Err(self.expected("a column")),
        };
        self.at += 1;
        if self.takes("is") {
            let not = self.takes("not");
            if !self.takes("null") {
                return Err(self.expected("`null` or `not null`"));
            }
            let test = Test::IsNull(column);
            return Ok(if not { Test::Not(Box::new(test)) } else { test });
        }
        if self.takes("between") {
            let low = self.operand()?;
            if !self.takes("and") {
                return Err(self.expected("`and`"));
            }
            return Ok(Test::Between(column, low, self.operand()?));
        }
        if self.takes("in") {
            return Ok(Test::In(column, self.operands()?));
        }
        let sign = self.sign()?;
        Ok(Test::Compare(column, sign, self.operand()?))
    }

    fn sign(&mut self) -> Result<Sign> {
        if self.takes("contains") {
            return Ok(Sign::Contains);
        }
        if self.takes("starts") {
            if self.takes("with") {
                return Ok(Sign::StartsWith);
            }
            return Err(self.expected("`with`"));
        }
        match self.peek() {
            Some(Token::Sign(sign)) => {
                let sign = *sign;
                self.at += 1;
                Ok(sign)
            }
            _ => Err(self.expected("`=`, `<>`, `<`, `<=`, `>`, `>=`, `between`, `in`, `is`, `starts with` or `contains`")),
        }
    }

    fn operand(&mut self) -> Result<Operand> {
        let json = |text: &str| serde_json::from_str::<Value>(text).ok();
        match self.next() {
            Some(Token::Quoted(text)) => Ok(Operand { text, json: None }),
            Some(Token::Word(text)) if !is_keyword(&text) => Ok(Operand {
                json: json(&text),
                text,
            }),
            other => {
                self.at -= usize::from(other.is_some());
                Err(self.expected("a value, quoted where it has spaces"))
            }
        }
    }

    fn operands(&mut self) -> Result<Vec<Operand>> {
        if !self.takes_token(&Token::Open) {
            return Err(self.expected("`(`"));
        }
        let mut operands = Vec::new();
        while !self.takes_token(&Token::Close) {
            operands.push(self.operand()?);
            if !self.takes_token(&Token::Comma) && self.peek() != Some(&Token::Close) {
                return Err(self.expected("`,` or `)`"));
            }
        }
        Ok(operands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_says_where_it_is() {
        for (text, expected) in [
            ("", "it is empty, a column is expected"),
            ("age", "after `age`, `=`"),
            ("age >", "after `age >`, a value"),
            ("age 18", "at `18`, `=`"),
            (
                "age > 18 city = Oslo",
                "at `city = Oslo`, `and`, `or` or the end",
            ),
            ("= 18", "at `= 18`, a column"),
            ("name = New York", "at `York`"),
            ("name = 'x", "a quote that ends"),
            ("(a = 1", "after `(a = 1`, `)`"),
            ("a in 1", "`(` is expected"),
            ("a in (1 2)", "`,` or `)`"),
            ("a is 1", "`null` or `not null`"),
            ("a between 1 or 2", "`and` is expected"),
            ("a starts x", "`with` is expected"),
            ("a ! 1", "a column, a value or a sign"),
            ("and = 1", "a column is expected"),
        ] {
            let message = text.parse::<Filter>().expect_err(text).to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
        let deep = "(".repeat(1000);
        assert!(deep.parse::<Filter>().is_err());
    }
}
