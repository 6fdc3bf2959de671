//! A configuration of a model, and what must come of it.

use std::fmt;

use crate::explore::{Explorable, Report, explore, shortest};

/// A configuration of a model, and what must come of it.
pub struct Case {
    /// Its name: a short one, then what it is.
    pub name: &'static str,
    /// The faults that it allows, in few words.
    pub faults: String,
    /// What must come of it.
    pub expected: Expected,
    model: Box<dyn Explored>,
}

/// A model of any protocol. Erased, because the checker is compiled anew for each.
trait Explored {
    fn explore(&self, threads: usize, limit: usize) -> Report;
    fn shortest(&self, invariant: &'static str) -> Option<Vec<String>>;
}

impl<M: Explorable> Explored for M {
    fn explore(&self, threads: usize, limit: usize) -> Report {
        explore(self, threads, limit)
    }

    fn shortest(&self, invariant: &'static str) -> Option<Vec<String>> {
        shortest(self, invariant)
    }
}

/// A number of states that is not known.
pub const UNCOUNTED: usize = usize::MAX;

/// What must come of a case.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// No state breaks an invariant.
    Safe {
        /// The number of distinct states; [`UNCOUNTED`] if nobody explored them all yet.
        states: usize,
        /// The `sometimes` properties that this configuration cannot have.
        never: &'static [&'static str],
    },
    /// Some state breaks this invariant.
    Broken {
        /// The invariant's name.
        invariant: &'static str,
        /// The number of steps of the shortest counterexample.
        steps: usize,
    },
}

/// What came of a case.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The states were explored.
    Explored(Report),
    /// A counterexample was sought, and found if there is one.
    Sought(Option<Vec<String>>),
}

impl Case {
    /// No state of the model breaks an invariant; it has so many, and `never` are the `sometimes`
    /// properties that it cannot have.
    pub fn safe(
        name: &'static str,
        faults: String,
        model: impl Explorable,
        states: usize,
        never: &'static [&'static str],
    ) -> Self {
        let expected = Expected::Safe { states, never };
        let model = Box::new(model);
        Self {
            name,
            faults,
            expected,
            model,
        }
    }

    /// Some state of the model breaks this invariant, and the shortest way there has so many steps.
    pub fn broken(
        name: &'static str,
        faults: String,
        model: impl Explorable,
        invariant: &'static str,
        steps: usize,
    ) -> Self {
        let expected = Expected::Broken { invariant, steps };
        let model = Box::new(model);
        Self {
            name,
            faults,
            expected,
            model,
        }
    }

    /// The short name.
    pub fn id(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or_default()
    }

    /// Whether the case is for the long form only: it has more than 320,000 states.
    pub fn is_long(&self) -> bool {
        matches!(self.expected, Expected::Safe { states, .. } if states > 320_000)
    }

    /// Explores until `limit` states were generated, or seeks the counterexample.
    pub fn run(&self, threads: usize, limit: usize) -> Outcome {
        match self.expected {
            Expected::Safe { .. } => Outcome::Explored(self.model.explore(threads, limit)),
            Expected::Broken { invariant, .. } => Outcome::Sought(self.model.shortest(invariant)),
        }
    }

    /// What is not as expected, if anything.
    ///
    /// # Errors
    ///
    /// The difference.
    pub fn check(&self, outcome: &Outcome) -> Result<(), String> {
        match (self.expected, outcome) {
            (Expected::Safe { states, never }, Outcome::Explored(report)) => {
                if !report.broken.is_empty() {
                    return Err(format!("broken: {:?}", report.broken));
                }
                if !report.exhausted {
                    return Ok(());
                }
                let never = never.iter().copied().collect();
                if report.unreached != never {
                    return Err(format!("unreached: {:?}", report.unreached));
                }
                if states != UNCOUNTED && report.states != states {
                    return Err(format!("{} states, expected {states}", report.states));
                }
                Ok(())
            }
            (Expected::Broken { steps, .. }, Outcome::Sought(Some(way))) if way.len() == steps => {
                Ok(())
            }
            (Expected::Broken { invariant, steps }, Outcome::Sought(Some(way))) => Err(format!(
                "`{invariant}` breaks in {} steps, expected {steps}: {way:#?}",
                way.len()
            )),
            (Expected::Broken { invariant, .. }, _) => Err(format!("`{invariant}` holds")),
            (Expected::Safe { .. }, _) => Err("not explored".to_owned()),
        }
    }
}

/// Runs the case with this short name among `cases`, all of it, and panics if anything differs.
///
/// # Panics
///
/// If the outcome is not the expected one, or there is no such case.
pub fn verify(cases: &[Case], id: &str) {
    let Some(case) = cases.iter().find(|case| case.id() == id) else {
        panic!("no case `{id}`");
    };
    let outcome = case.run(1, usize::MAX);
    if let Err(difference) = case.check(&outcome) {
        panic!("{}: {difference}", case.name);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explored(report) => {
                let verdict = match (report.broken.is_empty(), report.exhausted) {
                    (false, _) => format!("broken: {:?}", report.broken),
                    (true, true) => "safe".to_owned(),
                    (true, false) => "no violation found; not exhausted".to_owned(),
                };
                let seconds = report.took.as_secs_f32();
                write!(
                    f,
                    "{} | {} | {seconds:.1} s | {verdict}",
                    report.states, report.generated
                )
            }
            Self::Sought(Some(way)) => write!(f, "caught in {} steps", way.len()),
            Self::Sought(None) => f.write_str("not caught"),
        }
    }
}

/// A test for each of these short names of a module's cases; and one that no short case is forgotten.
#[macro_export]
macro_rules! test_cases {
    ($cases:expr; $($test:ident = $name:literal;)*) => {
        $(
            #[test]
            fn $test() {
                $crate::case::verify(&$cases, $name);
            }
        )*

        #[test]
        fn every_short_case_is_tested() {
            let here = [$($name),*];
            for case in $cases {
                assert!(case.is_long() != here.contains(&case.id()), "{}", case.name);
            }
        }
    };
}
