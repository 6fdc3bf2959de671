//! `download`

use std::path::PathBuf;

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::output;

/// Download an object into a file or to standard output
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm download videos/cat.mp4                      # into cat.mp4
  s3orm download videos/cat.mp4 copy.mp4 --resume    # after Ctrl-C
  s3orm download logs/1.gz - | zcat

All bytes are of one version, and are checked by the checksum that S3 keeps, unless it is resumed.
Cost: 1 HEAD, and 1 GET for each 8 MiB.")]
pub(crate) struct Args {
    /// The object's key, after the prefix of the connection
    key: String,

    /// The file; the last part of the key unless said, `-` is standard output
    file: Option<PathBuf>,

    /// Go on with a file that an interrupted download has left
    #[arg(long, conflicts_with = "force")]
    resume: bool,

    /// Over a file that is there
    #[arg(long)]
    force: bool,

    /// Requests at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    parallel: usize,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let name = self.key.rsplit('/').next().unwrap_or(&self.key);
        let file = self.file.clone().unwrap_or_else(|| PathBuf::from(name));
        if file.as_os_str() == "-" {
            return self.print(context, &db).await;
        }
        if self.file.is_none() && matches!(name, "" | "." | "..") {
            return Err(
                Failure::usage(format!("`{}` ends in no file's name", self.key))
                    .help("name the file"),
            );
        }
        let part = PathBuf::from(format!("{}.part", file.display()));
        if file.exists() && !self.force && !self.resume {
            let failure = Failure::new(
                Code::Conflict,
                format!("`{}` is there already", file.display()),
            );
            return Err(failure.help("add `--force` to write over it"));
        }
        let have = if self.resume {
            tokio::fs::metadata(&part)
                .await
                .map_or(0, |meta| meta.len())
        } else {
            0
        };
        let request = db.download(&self.key).parallel(self.parallel).range(have..);
        let mut object = request.await?.ok_or_else(|| self.absent())?;
        if have > object.size() {
            let failure = Failure::new(
                Code::Conflict,
                format!("`{}` is longer than the object", part.display()),
            );
            return Err(failure.help("delete it, and begin anew"));
        }
        let progress = context.progress("bytes", Some(object.size()));
        progress.set(have);
        let mut options = tokio::fs::OpenOptions::new();
        options
            .create(true)
            .write(true)
            .append(have > 0)
            .truncate(have == 0);
        let mut out = options
            .open(&part)
            .await
            .map_err(|error| Failure::from(error).at(&format!("`{}`", part.display())))?;
        context.stop.gracefully();
        loop {
            let bytes = tokio::select! {
                biased;
                () = context.stop.wait() => {
                    out.flush().await?;
                    let failure = Failure::new(Code::Interrupted, "interrupted");
                    return Err(failure.help(format!("`{}` has the bytes so far: the same with `--resume` goes on", part.display())));
                }
                bytes = object.next() => bytes,
            };
            let Some(bytes) = bytes else { break };
            let bytes = bytes?;
            out.write_all(&bytes).await?;
            progress.add(bytes.len() as u64);
        }
        out.flush().await?;
        out.sync_all().await?;
        tokio::fs::rename(&part, &file).await?;
        drop(progress);
        let text = format!(
            "downloaded `{}`: {}",
            file.display(),
            output::bytes(object.size())
        );
        context.output.done(
            &text,
            &[
                ("file", file.display().to_string().into()),
                ("size", object.size().into()),
            ],
        )?;
        Ok(())
    }

    async fn print(&self, context: &Context<'_>, db: &s3orm::Db) -> Result<(), Failure> {
        let object = db.download(&self.key).parallel(self.parallel).await?;
        let mut object = object.ok_or_else(|| self.absent())?;
        while let Some(bytes) = object.next().await {
            context.output.bytes(&bytes?)?;
        }
        Ok(())
    }

    fn absent(&self) -> Failure {
        Failure::new(Code::NotFound, format!("there is no object `{}`", self.key))
    }
}
