//! Where the clients' programs are, and their interpreters and packages; installed where they are not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// A library and the program that uses it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    script: &'static str,
    language: Language,
}

#[derive(Debug, Clone, Copy)]
enum Language {
    Python,
    Node,
}

pub(crate) const PEERS: [Peer; 3] = [
    Peer {
        name: "s3aads",
        script: "s3aads_peer.py",
        language: Language::Python,
    },
    Peer {
        name: "s3db.js",
        script: "s3db.mjs",
        language: Language::Node,
    },
    Peer {
        name: "boto3",
        script: "boto3_peer.py",
        language: Language::Python,
    },
];

/// This project's client, with a folder of its own.
pub(crate) fn ours(folder: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("client").env("FOLDER", folder);
    Ok(command)
}

impl Peer {
    /// The program to run; its packages are in `folder`, or are installed there.
    pub(crate) fn find(&self, folder: &Path) -> anyhow::Result<Command> {
        if !self.language.is_installed(folder) {
            self.language.install(folder)?;
        }
        let mut command = self.language.interpreter(folder);
        command.arg(scripts().join(self.script));
        Ok(command)
    }
}

impl Language {
    fn interpreter(self, folder: &Path) -> Command {
        match self {
            Self::Python => Command::new(folder.join("python/bin/python")),
            Self::Node => {
                let mut command = Command::new("node");
                command.env("NODE_MODULES", folder.join("node_modules"));
                command
            }
        }
    }

    fn is_installed(self, folder: &Path) -> bool {
        match self {
            Self::Python => runs(
                self.interpreter(folder)
                    .args(["-c", "import boto3, s3aads"]),
            ),
            Self::Node => {
                let package = folder.join("node_modules/s3db.js/package.json");
                package.exists() && runs(Command::new("node").arg("--version"))
            }
        }
    }

    fn install(self, folder: &Path) -> anyhow::Result<()> {
        let (what, needed): (_, &[&str]) = match self {
            Self::Python => ("python", &["bash", "python3"]),
            Self::Node => ("node", &["bash", "node", "npm"]),
        };
        for tool in needed {
            let found = runs(Command::new(tool).arg("--version"));
            ensure!(found, "`{tool}` is not installed");
        }
        println!("installing the peers of {what} into {}", folder.display());
        let mut setup = Command::new("bash");
        setup.arg(scripts().join("setup.sh")).arg(folder).arg(what);
        let output = setup.output().context("`setup.sh` does not run")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        ensure!(output.status.success(), "`setup.sh` failed: {last}");
        let done = "it was installed and does not run";
        ensure!(self.is_installed(folder), done);
        Ok(())
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// Whether a command succeeds; what it says is not of interest.
fn runs(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
