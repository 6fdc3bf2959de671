//! The page of what was measured, with a plot of each measure.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;

use crate::TASKS;
use crate::figures::{Client, Measure, Outcome, Spread};
use crate::plot;

/// What is said around the figures.
const HEAD: &str = "\
# Beside other libraries for the job

The same eight tasks by s3orm, s3aads (Python), s3db.js (Node) and boto3, which is no such library but what many use: on one
server, with the same rows, in one run. Every client is a process of its own and so is the server, whose work is not counted.

This page and its plots are written by one command, which installs what it needs into `target/peers` (Python 3 for s3aads and
boto3, Node and npm for s3db.js), says what it cannot find and goes on with the others:

```text
cargo run --release -p s3orm-tests --bin peers
```
";

const TASKS_TEXT: &str = "\
## What is measured

Each library does a task in the cheapest of the ways that it has (by CPU), and one call after the other where it has no call for
many. A row is 0.9 KB of JSON. What is done, and what it costs in requests where that tells the figure:

| task | s3orm | s3aads | s3db.js | boto3 |
|---|---|---|---|---|
| insert, a row | `insert`: 1 PUT, only if it is absent | `insert` | `insert` or `insertMany`, with the partition that the query needs | 1 PUT, only if it is absent |
| get, a row | `get`: 1 GET | `select`: LIST, HEAD and GET | `get` or `getMany` | 1 GET |
| update, a row | `update`: 1 GET and 1 PUT on the version that was read | none: `select` and `insert` | `update` or `patch` | 1 GET and 1 PUT on that version |
| delete, a row | `delete`: 1 DELETE | `delete` | `delete` fails here: its HTTP client makes a body of an answer 204, which Node refuses | 1 DELETE |
| rows of one partition, a row | `query().at(..).all()`: 1 LIST, and 1 GET each | `query` and `select`, or the objects of the folder | `list` or `query` | 1 LIST, and 1 GET each |
| distinct, a call | `distinct`: 1 LIST by folder | `distinct`: lists all keys | none: its partition's keys are listed and cut | 1 LIST by folder |
| count, a call | `count` | `count` | `count` | lists, and adds up what the pages say |
| list keys, a call | `keys` | `keys` | `listIds` | lists |

The rows of s3db.js are kept whole in bodies, which is cheaper than its default. A ratio is of one round, in which the clients
take turns; each round has tables of its own, and one round before the others is not counted. The command fails if s3aads or
s3db.js takes less than ten times the CPU of s3orm in any task but the listing of keys.
";

#[derive(Debug)]
pub(crate) struct Page<'a> {
    outcome: &'a Outcome,
    rows: u64,
    rounds: usize,
}

impl<'a> Page<'a> {
    pub(crate) fn new(outcome: &'a Outcome, rows: u64, rounds: usize) -> Self {
        Self {
            outcome,
            rows,
            rounds,
        }
    }

    /// Writes the page, and its plots in the folder `plots` beside it.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let folder = file.parent().context("a page is in a folder")?;
        let plots = folder.join("plots");
        std::fs::create_dir_all(&plots).with_context(|| plots.display().to_string())?;
        for measure in [Measure::Cpu, Measure::Wall] {
            std::fs::write(plots.join(plot_name(measure)), self.plot(measure))?;
        }
        std::fs::write(file, self.text()).with_context(|| file.display().to_string())
    }

    fn text(&self) -> String {
        let plot = |measure| {
            let title = title(measure);
            format!("![{title}](plots/{})", plot_name(measure))
        };
        format!(
            "{HEAD}\n{}\n{}\n\n{}\n\n{}\n\n{TASKS_TEXT}",
            self.when(),
            plot(Measure::Cpu),
            self.tables(),
            plot(Measure::Wall),
        )
    }

    /// The figures of both measures.
    pub(crate) fn tables(&self) -> String {
        format!(
            "## CPU of the client\n\n{}\n## By the clock\n\n{}",
            self.table(Measure::Cpu),
            self.table(Measure::Wall)
        )
    }

    fn when(&self) -> String {
        let now = chrono::DateTime::<chrono::Utc>::from(s3orm::Env::system().now());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        format!(
            "{}, {cores} cores, {} rows, {} rounds. Each ratio is how many times s3orm's a client takes: the middle of the rounds, \
             and from the least to the most of them. Machines differ and others use them too; ratios of one run differ less.\n",
            now.format("%B %Y"),
            self.rows,
            self.rounds
        )
    }

    fn table(&self, measure: Measure) -> String {
        let mut text = "| task | s3orm, ms |".to_owned();
        for peer in &self.outcome.peers {
            let _ = write!(text, " {}, ms | times s3orm's |", peer.name);
        }
        let _ = write!(text, " s3orm again |\n|---|---|");
        text.push_str(&"---|---|".repeat(self.outcome.peers.len()));
        text.push_str("---|\n");
        for task in TASKS {
            let ours = milliseconds(&self.outcome.ours, task, measure);
            let _ = write!(text, "| {task} | {ours} |");
            for peer in &self.outcome.peers {
                let theirs = milliseconds(peer, task, measure);
                let ratio = self.ratio(peer, task, measure);
                let _ = write!(text, " {theirs} | {ratio} |");
            }
            let again = self.ratio(&self.outcome.again, task, measure);
            let _ = writeln!(text, " {again} |");
        }
        let noise = "The last column is a second process of s3orm beside the first: what it is from 1 is noise.";
        let _ = writeln!(text, "\n{noise}");
        text
    }

    fn ratio(&self, client: &Client, task: &str, measure: Measure) -> String {
        let Some(Spread {
            least,
            middle,
            most,
        }) = self.outcome.ratio(client, task, measure)
        else {
            return String::new();
        };
        let [least, middle, most] = [least, middle, most].map(plot::times);
        format!("**{middle}** ({least} to {most})")
    }

    fn plot(&self, measure: Measure) -> String {
        let peers = &self.outcome.peers;
        let groups: Vec<_> = TASKS
            .into_iter()
            .map(|task| {
                let ratios = peers
                    .iter()
                    .map(|peer| self.outcome.ratio(peer, task, measure));
                (task, ratios.collect())
            })
            .collect();
        let series: Vec<_> = peers.iter().map(|peer| &*peer.name).collect();
        plot::svg(title(measure), &series, &groups)
    }
}

fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Cpu => "CPU of the client, times that of s3orm",
        Measure::Wall => "Time by the clock, times that of s3orm",
    }
}

fn plot_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Cpu => "peers-cpu.svg",
        Measure::Wall => "peers-wall.svg",
    }
}

/// What a task costs, with as many digits as say something.
fn milliseconds(client: &Client, task: &str, measure: Measure) -> String {
    let Some(cost) = client.cost(task, measure) else {
        return "fails".to_owned();
    };
    match cost.middle {
        value @ 10.0.. => format!("{value:.0}"),
        value @ 1.0.. => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::tests::client;

    fn outcome() -> Outcome {
        Outcome {
            ours: client("s3orm", &[0.02, 0.02, 0.02]),
            again: client("s3orm", &[0.02, 0.021, 0.02]),
            peers: vec![
                client("one 1.0", &[2.0, 4.0, 1.0]),
                client("two <2>", &[0.01, 0.01, 0.2]),
            ],
        }
    }

    #[test]
    fn the_page_has_every_figure() {
        let outcome = outcome();
        let page = Page::new(&outcome, 1_000, 3).text();
        assert!(page.contains("1000 rows, 3 rounds"), "{page}");
        for task in TASKS {
            let row = format!(
                "| {task} | 0.020 | 2.00 | **100** (50 to 200) | 0.010 | **0.50** (0.50 to 10) | **1.0** (1.0 to 1.1) |"
            );
            assert!(page.contains(&row), "{page}");
            let wall = format!("| {task} | 0.040 | 4.00 | **100** (50 to 200) |");
            assert!(page.contains(&wall), "{page}");
        }
        for plot in ["(plots/peers-cpu.svg)", "(plots/peers-wall.svg)"] {
            assert!(page.contains(plot), "{plot}");
        }
    }

    #[test]
    fn it_is_written_with_its_plots() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = outcome();
        let file = folder.path().join("docs/page.md");
        Page::new(&outcome, 1_000, 3).write(&file).unwrap();
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("# "));
        let plot = folder.path().join("docs/plots/peers-cpu.svg");
        let plot = std::fs::read_to_string(plot).unwrap();
        // A bar for each task and peer, and one of the legend.
        assert_eq!(plot.matches("<rect class=\"s1\"").count(), TASKS.len() + 1);
    }
}
