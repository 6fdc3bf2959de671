//! `tables`

use crate::connect::Context;
use crate::exit::Failure;

/// List the tables
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm tables
  s3orm tables 'order*' --limit 20

A table is a folder under the prefix, whoever filled it. Cost: 1 LIST for each 1,000 tables.")]
pub(crate) struct Args {
    /// Only names like this: `*` stands for any text, `?` for a character
    pattern: Option<String>,

    /// At most so many
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<usize>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let tables = context.db().await?.tables().await?;
        let named = tables.into_iter().filter(|table| {
            self.pattern
                .as_ref()
                .is_none_or(|pattern| is_like(table, pattern))
        });
        let rows: Vec<_> = named
            .take(self.limit.unwrap_or(usize::MAX))
            .map(|table| vec![table.into()])
            .collect();
        if rows.is_empty() && !context.output.is_json() {
            context.output.note("there are no tables here");
            return Ok(());
        }
        context.output.list(&["table"], &rows)?;
        Ok(())
    }
}

/// Whether a name is like a pattern with `*` and `?`.
pub(crate) fn is_like(name: &str, pattern: &str) -> bool {
    let (name, pattern): (Vec<char>, Vec<char>) =
        (name.chars().collect(), pattern.chars().collect());
    // Where the last `*` stands, and up to where of the name it reaches so far.
    let (mut at, mut in_pattern, mut star) = (0, 0, None);
    while at < name.len() {
        match pattern.get(in_pattern) {
            Some('*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(char) if *char == '?' || *char == name[at] => {
                at += 1;
                in_pattern += 1;
            }
            _ => match star {
                Some((place, reach)) => {
                    star = Some((place, reach + 1));
                    (in_pattern, at) = (place + 1, reach + 1);
                }
                None => return false,
            },
        }
    }
    pattern[in_pattern..].iter().all(|char| *char == '*')
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn patterns() {
        for (name, pattern) in [
            ("people", "people"),
            ("people", "p*"),
            ("people", "*e"),
            ("people", "?eo*e"),
            ("", "*"),
            ("a", "a**"),
        ] {
            assert!(is_like(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [
            ("people", "peopl"),
            ("people", "*x*"),
            ("people", "?"),
            ("", "?"),
            ("people", ""),
        ] {
            assert!(!is_like(name, pattern), "{name} {pattern}");
        }
        assert!(!is_like(
            &"a".repeat(10_000),
            &"a*".repeat(50).replace("a*", "*a*b")
        ));
    }
}
