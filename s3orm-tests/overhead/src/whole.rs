//! The comparison over whole tables: rows per second, and CPU a row.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use crate::Asked;
use crate::bare::Bare;
use crate::clients::Orm;
use crate::measure::{Used, measured};
use crate::server::FIRST_ROW;
use crate::tables::{READERS, Table, check};

#[derive(Clone, Copy)]
enum Op {
    Scan,
    List,
}

impl Op {
    const ALL: [Self; 2] = [Self::Scan, Self::List];

    fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::List => "list",
        }
    }

    /// What is at once, and how often in a measure: listings are short.
    fn times(self) -> (usize, usize) {
        match self {
            Self::Scan => (READERS, 1),
            Self::List => (1, 10),
        }
    }
}

type Run = Box<dyn Fn(Op) -> Pin<Box<dyn Future<Output = Result<(usize, u64)>>>>>;

/// A client, and the least that a row has used so far.
struct Contender {
    name: &'static str,
    run: Run,
    least: [Used; Op::ALL.len()],
}

impl Contender {
    fn new(name: &'static str, table: impl Table + 'static) -> Self {
        let table = Arc::new(table);
        let run = move |op| -> Pin<Box<dyn Future<Output = _>>> {
            let table = Arc::clone(&table);
            Box::pin(async move {
                match op {
                    Op::Scan => table.scan().await,
                    Op::List => table.list().await,
                }
            })
        };
        Self {
            name,
            run: Box::new(run),
            least: [Used::MOST; Op::ALL.len()],
        }
    }
}

/// Takes turns as the single operations do, and prints a line for each operation and client.
pub fn compare(runtime: &Runtime, endpoint: &str, asked: &Asked) -> Result<()> {
    let mut contenders = vec![Contender::new("bare", Bare::connect(endpoint)?)];
    if asked.wants("s3orm") {
        let orm = runtime.block_on(Orm::connect(endpoint))?;
        contenders.push(Contender::new("s3orm", orm));
    }
    for round in 0..=asked.rounds {
        for (op_index, op) in Op::ALL.into_iter().enumerate() {
            if !asked.wants_op(op.name()) {
                continue;
            }
            for contender in &mut contenders {
                let (_, times) = op.times();
                for _ in 0..times {
                    let (used, answer) = measured(runtime, (contender.run)(op))
                        .with_context(|| format!("{} of {}", op.name(), contender.name))?;
                    check(answer, FIRST_ROW, asked.rows)?;
                    if round > 0 {
                        contender.least[op_index].lower_to(used.each(asked.rows));
                    }
                }
            }
        }
    }
    for (op_index, op) in Op::ALL.into_iter().enumerate() {
        if asked.wants_op(op.name()) {
            report(op, op_index, &contenders);
        }
    }
    Ok(())
}

fn report(op: Op, index: usize, contenders: &[Contender]) {
    let bare = contenders[0].least[index];
    for contender in contenders {
        let used = contender.least[index];
        println!(
            "{{\"op\":\"{}\",\"concurrency\":{},\"client\":\"{}\",\"rows_per_s\":{:.0},\
             \"rows_ratio\":{:.3},{}}}",
            op.name(),
            op.times().0,
            contender.name,
            1.0 / used.wall,
            bare.wall / used.wall,
            used.beside(&bare),
        );
    }
}
