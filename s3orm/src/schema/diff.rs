//! How a program's struct differs from a table, and what of that matters.

use std::fmt;

use super::stored::{StoredColumn, StoredSchema};

/// How a program differs from the table that it opens, one [`Difference`] each.
///
/// `Display` is one line: what matters first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it says whether the program fits the table"]
pub struct SchemaDiff {
    differences: Vec<Difference>,
}

/// One thing in which a program differs from a table. `Display` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Nobody has described the table on the bucket.
    Undescribed,
    /// The version of the rows. The program reads the table's where it has a struct for it.
    Version {
        /// Of the table.
        stored: u32,
        /// Of the program.
        program: u32,
        /// Whether the program reads all rows that there may be.
        readable: bool,
    },
    /// The table goes back to an older version, and there may be rows yet that are newer than the program.
    NewerRows {
        /// The newest version that rows may have.
        newest: u32,
        /// Of the program.
        program: u32,
    },
    /// What keys, bodies or transactions are like.
    Layout {
        /// What it is: `path`, `extension`, `encoding`, `body`, `transactional` or `encrypted`.
        what: &'static str,
        /// In the table.
        stored: String,
        /// In the program.
        program: String,
    },
    /// The program has a column that the table has not.
    ColumnAdded {
        /// Its name.
        column: String,
        /// Whether rows without it can be read: it is nullable, or has a default.
        optional: bool,
    },
    /// The table has a column that the program has not: it would be lost with each write.
    ColumnLost {
        /// Its name.
        column: String,
    },
    /// A column is something else.
    ColumnChanged {
        /// Its name.
        column: String,
        /// What of it: `type`, `presence`, `place`, `encryption`, `default`, `filling` or `comment`.
        what: &'static str,
        /// In the table.
        stored: String,
        /// In the program.
        program: String,
        /// Whether both can read and write the same rows.
        compatible: bool,
    },
    /// The program declares an index that the table has not: the next write adds it, and it is to be
    /// built.
    IndexAdded {
        /// Its name.
        index: String,
    },
    /// The table has an index that the program does not declare: rows would be missing in it.
    IndexLost {
        /// Its name.
        index: String,
    },
    /// An index of this name is over other columns, or keeps others.
    IndexChanged {
        /// Its name.
        index: String,
    },
    /// The struct's documentation.
    Comment,
}

impl Difference {
    /// Whether the program can read and write the table all the same.
    pub fn is_compatible(&self) -> bool {
        match self {
            Self::Undescribed | Self::IndexAdded { .. } | Self::Comment => true,
            Self::Version { readable, .. } => *readable,
            // Plain rows stay readable, and become stamped as they are written. And what is encrypted
            // was not noted at first.
            Self::Layout {
                what: "transactional" | "encrypted",
                program,
                ..
            } => program == "true",
            // Each row says which of the two it is.
            Self::Layout {
                what: "body",
                stored,
                program,
            } => [stored, program]
                .iter()
                .all(|&body| matches!(&**body, "json" | "msgpack")),
            Self::ColumnAdded { optional, .. } => *optional,
            Self::ColumnChanged { compatible, .. } => *compatible,
            Self::NewerRows { .. }
            | Self::Layout { .. }
            | Self::ColumnLost { .. }
            | Self::IndexLost { .. }
            | Self::IndexChanged { .. } => false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undescribed => f.write_str("the table is not described on the bucket"),
            Self::Version {
                stored,
                program,
                readable,
            } => {
                write!(
                    f,
                    "the table is at version {stored}, the program at {program}"
                )?;
                if *readable {
                    return Ok(());
                }
                f.write_str(", which cannot read all of its rows")
            }
            Self::NewerRows { newest, program } => write!(
                f,
                "rows may be of version {newest} until the table has gone back, and the program reads version {program}"
            ),
            Self::Layout {
                what,
                stored,
                program,
            } => write!(
                f,
                "`{what}` is `{stored}` on the bucket and `{program}` in the program"
            ),
            Self::ColumnAdded { column, optional } => {
                write!(f, "the column `{column}` is new")?;
                if *optional {
                    return Ok(());
                }
                f.write_str(", and rows without it cannot be read")
            }
            Self::ColumnLost { column } => write!(
                f,
                "the table has a column `{column}`, which writes of the program would lose"
            ),
            Self::ColumnChanged {
                column,
                what,
                stored,
                program,
                ..
            } => write!(
                f,
                "the column `{column}` has the {what} `{stored}` on the bucket and `{program}` in the program"
            ),
            Self::IndexAdded { index } => write!(f, "the index `{index}` is new"),
            Self::IndexLost { index } => write!(
                f,
                "the table has the index `{index}`, which the program does not declare"
            ),
            Self::IndexChanged { index } => write!(
                f,
                "the index `{index}` is over other columns on the bucket, or keeps others"
            ),
            Self::Comment => f.write_str("the documentation is another"),
        }
    }
}

impl SchemaDiff {
    /// Whether the program can read and write the table.
    pub fn is_compatible(&self) -> bool {
        self.differences.iter().all(Difference::is_compatible)
    }

    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    /// The differences: those that matter first.
    pub fn iter(&self) -> std::slice::Iter<'_, Difference> {
        self.differences.iter()
    }

    pub(crate) fn of(mut differences: Vec<Difference>) -> Self {
        differences.sort_by_key(Difference::is_compatible);
        Self { differences }
    }

    /// What keeps the program from the table, in a line.
    pub(crate) fn reasons(&self) -> String {
        let reasons = self.iter().filter(|one| !one.is_compatible());
        let reasons: Vec<_> = reasons.map(ToString::to_string).collect();
        reasons.join("; ")
    }
}

impl fmt::Display for SchemaDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no difference");
        }
        for (place, difference) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{difference}")?;
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a SchemaDiff {
    type Item = &'a Difference;
    type IntoIter = std::slice::Iter<'a, Difference>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl StoredSchema {
    /// How a program with the schema `program` differs from a table of this one. Whether an index is
    /// built does not matter, and rows of another version are not readable: a table's own
    /// [`check`](crate::Table::check) knows which ones the program has structs for.
    ///
    /// ```
    /// # use s3orm::{S3Schema, StoredSchema};
    /// #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "people", path = "<id>")]
    /// struct Before { id: u64, age: u32 }
    ///
    /// #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// #[s3(table = "people", path = "<id>")]
    /// struct After { id: u64, age: u8, email: Option<String> }
    ///
    /// let diff = StoredSchema::from(Before::SCHEMA).diff(&After::SCHEMA.into());
    /// assert!(!diff.is_compatible());
    /// assert_eq!(
    ///     diff.to_string(),
    ///     "the column `age` has the type `u32` on the bucket and `u8` in the program; \
    ///      the column `email` is new"
    /// );
    /// ```
    pub fn diff(&self, program: &Self) -> SchemaDiff {
        let mut found = Vec::new();
        if self.version != program.version {
            found.push(Difference::Version {
                stored: self.version,
                program: program.version,
                readable: false,
            });
        }
        self.diff_layout(program, &mut found);
        self.diff_columns(program, &mut found);
        self.diff_indexes(program, &mut found);
        if self.comment != program.comment {
            found.push(Difference::Comment);
        }
        SchemaDiff::of(found)
    }

    fn diff_layout(&self, program: &Self, found: &mut Vec<Difference>) {
        let texts = |schema: &Self| {
            [
                ("path", schema.path.clone()),
                ("extension", schema.extension.clone()),
                ("encoding", schema.encoding.name().to_owned()),
                ("body", schema.body.clone()),
                ("transactional", schema.transactional.to_string()),
                ("encrypted", schema.encrypted.to_string()),
            ]
        };
        for ((what, stored), (_, program)) in texts(self).into_iter().zip(texts(program)) {
            if stored != program {
                found.push(Difference::Layout {
                    what,
                    stored,
                    program,
                });
            }
        }
    }

    fn diff_columns(&self, program: &Self, found: &mut Vec<Difference>) {
        for column in &program.columns {
            match self.column(&column.name) {
                Some(stored) => diff_column(stored, column, found),
                None => found.push(Difference::ColumnAdded {
                    column: column.name.clone(),
                    optional: column.nullable || column.default.is_some(),
                }),
            }
        }
        for column in &self.columns {
            if program.column(&column.name).is_none() {
                let column = column.name.clone();
                found.push(Difference::ColumnLost { column });
            }
        }
    }

    pub(crate) fn diff_indexes(&self, program: &Self, found: &mut Vec<Difference>) {
        for (index, own) in &program.indexes {
            let index = index.clone();
            match self.indexes.get(&index) {
                None => found.push(Difference::IndexAdded { index }),
                Some(stored) if !stored.is_same(own) => {
                    found.push(Difference::IndexChanged { index });
                }
                Some(_) => {}
            }
        }
        let lost = self.indexes.keys();
        let lost = lost.filter(|index| !program.indexes.contains_key(*index));
        found.extend(lost.map(|index| Difference::IndexLost {
            index: index.clone(),
        }));
    }
}

fn diff_column(stored: &StoredColumn, program: &StoredColumn, found: &mut Vec<Difference>) {
    let mut note = |what, there: String, here: String, compatible| {
        if there != here {
            found.push(Difference::ColumnChanged {
                column: program.name.clone(),
                what,
                stored: there,
                program: here,
                compatible,
            });
        }
    };
    let types = [&stored.rust_type, &program.rust_type].map(|text| plain(text));
    let [there, here] = types;
    note("type", there, here, false);
    let either = |is: fn(&StoredColumn) -> bool, yes: &str, no: &str| {
        [stored, program].map(|column| if is(column) { yes } else { no }.to_owned())
    };
    let [there, here] = either(|column| column.nullable, "null or not", "never null");
    // A null that is stored could not be read.
    note("presence", there, here, program.nullable);
    let [there, here] = [stored, program].map(|column| match (column.key, column.key_only) {
        (Some(_), true) => "key alone".to_owned(),
        (Some(_), false) => "key and body".to_owned(),
        (None, _) => "body".to_owned(),
    });
    let is_held = stored.key.is_some() == program.key.is_some() && program.key_only;
    note("place", there, here, is_held);
    let [there, here] = either(|column| column.encrypted, "encrypted", "as it is");
    note("encryption", there, here, program.encrypted);
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    note(
        "default",
        text(&stored.default),
        text(&program.default),
        true,
    );
    note(
        "filling",
        text(&stored.managed),
        text(&program.managed),
        true,
    );
    note(
        "comment",
        stored.comment.clone(),
        program.comment.clone(),
        true,
    );
}

/// A type without the paths of its names, and without spaces: `Vec<chrono::NaiveDate>` is
/// `Vec<NaiveDate>`.
fn plain(rust_type: &str) -> String {
    let mut text = String::new();
    for part in rust_type.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
        let is_path = part.ends_with(':');
        if !is_path {
            text.push_str(part.trim());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_without_their_paths() {
        for (written, same) in [
            ("chrono::NaiveDate", "NaiveDate"),
            ("Vec< std::string::String >", "Vec<String>"),
            ("::jiff::Timestamp", "Timestamp"),
            ("HashMap<String, my::Kind>", "HashMap<String,Kind>"),
            ("[u8; 16]", "[u8;16]"),
        ] {
            assert_eq!(plain(written), plain(same));
            assert_eq!(plain(same), same);
        }
        assert_ne!(plain("u32"), plain("u64"));
    }
}
