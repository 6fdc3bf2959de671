//! Asking before something is deleted.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use s3orm::Env;

use crate::exit::{Code, Failure};
use crate::output::{Output, shown};

/// Asks at the terminal for a name that the user has to type; without a terminal, `--force` is asked
/// for.
pub(crate) async fn name(output: &Output, question: &str, name: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let failure = Failure::usage(format!("{question}? nobody is at the terminal to say yes"));
        return Err(failure.help("add `--force` if that is what you mean"));
    }
    output.finish()?;
    write!(
        io::stderr().lock(),
        "{question}? Type `{}` to go on: ",
        shown(name)
    )?;
    // In a thread of its own, so that Ctrl-C is heard.
    let answered = Env::system().spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    let answer = answered.await.map_err(io::Error::other)??;
    if answer.trim() == name {
        return Ok(());
    }
    Err(Failure::new(Code::Refused, "nothing was deleted"))
}
