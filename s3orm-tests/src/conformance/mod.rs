//! What a store must do to be S3: one function a fact, run over every store.
//!
//! [`conformance!`](crate::conformance!) makes a test of each case; [`run_all`] runs them over a
//! service that may fail some, and answers a table.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use s3orm::Env;

mod buckets;
mod conditions;
mod copies;
mod deletes;
mod errors;
mod fixture;
mod keys;
mod listings;
mod multipart;
mod objects;
mod races;

pub use fixture::Fixture;
pub use races::increment;

/// What a case answers: why it fails, if it does.
pub type Outcome = anyhow::Result<()>;

/// A case under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// The longest that a case may take, against a distant service too.
const LIMIT: Duration = Duration::from_mins(10);

/// One fact about S3.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The function's name.
    pub name: &'static str,
    run: fn(&Fixture) -> Running<'_>,
}

/// The list of cases, each a function of the module it stands under. The first argument is a `$`,
/// for the parameters of the macro that this one makes.
macro_rules! cases {
    ($d:tt $($group:ident { $($case:ident)* })*) => {
        /// Every case, by subject.
        pub const CASES: &[Case] = &[$($(Case {
            name: stringify!($case),
            run: |fixture| Box::pin($group::$case(fixture)),
        },)*)*];

        /// Makes one Tokio test of each case. The argument names a function that answers a
        /// future of a [`Fixture`], and is called for each.
        ///
        /// ```
        /// use s3orm_tests::conformance::Fixture;
        ///
        /// async fn memory() -> Fixture {
        ///     Fixture::new(s3orm::store::memory::MemoryStore::new("rows", s3orm::Env::system()))
        /// }
        ///
        /// s3orm_tests::conformance!(memory);
        /// ```
        #[macro_export]
        macro_rules! conformance {
            ($d fixture:path) => {
                $($(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                    async fn $case() {
                        let fixture = $d fixture().await;
                        ::s3orm_tests::conformance::check(stringify!($case), fixture).await;
                    }
                )*)*
            };
        }
    };
}

cases! { $
    conditions {
        create_if_absent
        create_if_absent_over_an_object
        replace_if_match
        replace_if_match_with_another_tag
        replace_if_match_of_nothing
        replace_if_present
        delete_if_match
        delete_if_match_with_another_tag
        delete_if_match_of_nothing
        delete_if_present
        delete_cannot_ask_for_absence
        a_deleted_object_is_absent
        read_if_match
        read_if_changed
        equal_bytes_have_equal_tags
    }
    races {
        one_of_32_creates
        one_of_32_replaces
        one_of_32_deletes
        creates_against_deletes
        a_counter_loses_no_increment
        readers_see_whole_objects
    }
    objects {
        metadata_and_content_type_come_back
        a_content_encoding_comes_back
        a_write_replaces_metadata
        long_metadata
        unsafe_metadata_is_refused
        too_much_metadata_is_refused
        bodies_of_many_sizes
        ranges
        ranges_that_have_no_byte
        a_read_is_limited
        times_are_recent
    }
    keys {
        awkward_keys
        keys_that_only_seem_equal
        a_key_and_keys_below_it
        the_longest_key
        keys_that_are_none
    }
    listings {
        pages_of_2500_keys
        order_is_that_of_bytes
        prefixes_are_text
        start_after_anything
        tokens_continue_after_changes
        listed_as_written
        other_delimiters
        a_bad_token_is_refused
    }
    multipart {
        parts_become_an_object
        parts_of_a_conditional_create
        parts_of_a_conditional_replace
        parts_replace_parts
        parts_out_of_order
        parts_that_are_not_there
        a_part_too_small
        aborted_uploads_are_gone
        uploads_that_never_were
        an_upload_is_no_object
        unfinished_uploads_are_listed
        parts_are_listed
        checksums_are_kept_and_checked
    }
    copies {
        copy_keeps_attributes
        copy_replaces_attributes
        copy_if_absent
        copy_if_match
        copy_of_a_version
        copy_of_nothing
        copy_onto_itself
        copy_between_buckets
        copy_of_parts
    }
    deletes {
        delete_what_is_not_there
        delete_1000_at_once
        delete_awkward_keys_at_once
        delete_many_tells_each_outcome
    }
    errors {
        absent_objects
        absent_buckets
        wrong_credentials
    }
    buckets {
        create_and_delete_a_bucket
        create_a_bucket_twice
        delete_a_bucket_that_is_not_empty
        delete_a_bucket_that_is_not_there
        list_the_buckets
        names_that_no_bucket_has
    }
}

/// Runs one case as a test.
///
/// # Panics
///
/// If the case fails, with the reason.
pub async fn check(name: &str, fixture: Fixture) {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case `{name}`"));
    if let Err(error) = case.run(&fixture).await {
        panic!("{name}: {error:?}");
    }
}

impl Case {
    /// Runs the case, and removes what it wrote.
    ///
    /// # Errors
    ///
    /// Why it fails.
    pub async fn run(&self, fixture: &Fixture) -> Outcome {
        let ran = Env::system().timeout(LIMIT, (self.run)(fixture)).await;
        let cleared = fixture.clear().await;
        ran.unwrap_or_else(|| Err(anyhow::anyhow!("it took more than {LIMIT:?}")))?;
        cleared.context("removing what the case wrote")
    }
}

/// What became of every case: a table, one line each.
#[derive(Debug)]
pub struct Report(Vec<(Case, Duration, Outcome)>);

/// Runs every case whose name contains `filter`, one after the other, each with a new fixture.
pub async fn run_all<F>(filter: &str, fixture: impl Fn() -> F) -> Report
where
    F: Future<Output = anyhow::Result<Fixture>>,
{
    let env = Env::system();
    let mut rows = Vec::new();
    for case in CASES.iter().filter(|case| case.name.contains(filter)) {
        let start = env.instant();
        let outcome = match fixture().await {
            Ok(fixture) => case.run(&fixture).await,
            Err(error) => Err(error.context("making the fixture")),
        };
        rows.push((*case, start.elapsed(), outcome));
    }
    Report(rows)
}

impl Report {
    /// How many cases failed.
    pub fn failures(&self) -> usize {
        let failed = self.0.iter().filter(|(_, _, outcome)| outcome.is_err());
        failed.count()
    }

    /// The names of the cases that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        let failed = self.0.iter().filter(|(_, _, outcome)| outcome.is_err());
        failed.map(|(case, _, _)| case.name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (case, took, outcome) in &self.0 {
            let (word, reason) = match outcome {
                Ok(()) => ("pass", String::new()),
                Err(error) => ("FAIL", format!("{error:#}").replace('\n', " ")),
            };
            let line = format!(
                "{word}  {:<36} {:>6.2} s  {reason}",
                case.name,
                took.as_secs_f64()
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        write!(f, "{} cases, {} failed", self.0.len(), self.failures())
    }
}
