//! `download`

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use s3orm::upload::Download;
use tokio::fs::{self, File, OpenOptions};
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

All bytes are of one version, also where it is resumed. They are checked by the checksum that S3 keeps, unless it is
resumed.
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
        if file.exists() && !self.force && !self.resume {
            let failure = Failure::new(
                Code::Conflict,
                format!("`{}` is there already", file.display()),
            );
            return Err(failure.help("add `--force` to write over it"));
        }
        let part = Part::of(&file);
        let have = if self.resume { part.size().await } else { 0 };
        let request = db.download(&self.key).parallel(self.parallel).range(have..);
        let mut object = request.await?.ok_or_else(|| self.absent())?;
        let out = part.open(&object, have).await?;
        self.fetch(context, &mut object, out, &part).await?;
        part.finish(&file).await?;
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

    async fn fetch(
        &self,
        context: &Context<'_>,
        object: &mut Download,
        mut out: File,
        part: &Part,
    ) -> Result<(), Failure> {
        let progress = context.progress("bytes", Some(object.size()));
        progress.set(object.size() - object.len());
        context.stop.gracefully();
        loop {
            let bytes = tokio::select! {
                biased;
                () = context.stop.wait() => {
                    out.flush().await?;
                    let help = format!("`{}` has the bytes so far: the same with `--resume` goes on", part.bytes.display());
                    return Err(Failure::new(Code::Interrupted, "interrupted").help(help));
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

/// What an unfinished download keeps: the bytes so far, and beside them of which version they are.
struct Part {
    bytes: PathBuf,
    version: PathBuf,
}

impl Part {
    fn of(file: &Path) -> Self {
        Self {
            bytes: format!("{}.part", file.display()).into(),
            version: format!("{}.part.version", file.display()).into(),
        }
    }

    async fn size(&self) -> u64 {
        let meta = fs::metadata(&self.bytes).await;
        meta.map_or(0, |meta| meta.len())
    }

    /// The file that goes on with so many bytes, if they are the object's.
    async fn open(&self, object: &Download, have: u64) -> Result<File, Failure> {
        let of_bytes = |error| Failure::from(error).at(&format!("`{}`", self.bytes.display()));
        let version = object.version();
        if have == 0 {
            fs::write(&self.version, version.etag())
                .await
                .map_err(of_bytes)?;
            return File::create(&self.bytes).await.map_err(of_bytes);
        }
        let of_version = fs::read_to_string(&self.version).await.ok();
        if of_version.as_deref() != Some(version.etag()) || have > object.size() {
            let what = format!(
                "`{}` is not of the object as it is now",
                self.bytes.display()
            );
            let failure = Failure::new(Code::Conflict, what);
            return Err(failure.help("leave `--resume` out to begin anew"));
        }
        let file = OpenOptions::new().append(true).open(&self.bytes).await;
        file.map_err(of_bytes)
    }

    async fn finish(&self, file: &Path) -> Result<(), Failure> {
        fs::rename(&self.bytes, file).await?;
        fs::remove_file(&self.version).await?;
        Ok(())
    }
}
