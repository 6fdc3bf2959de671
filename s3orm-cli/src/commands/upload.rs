//! `upload`

use std::path::PathBuf;

use futures_util::TryStreamExt as _;
use s3orm::Db;
use s3orm::upload::{Unfinished, Uploader};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::connect::Context;
use crate::exit::{Code, Failure};
use crate::output;
use crate::values::pair;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// Upload a file as an object, in parts where it is large
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  s3orm upload cat.mp4 videos/cat.mp4 --content-type video/mp4
  s3orm upload cat.mp4 videos/cat.mp4 --resume       # after Ctrl-C: parts that are there are not sent again
  tar c folder | s3orm upload - backups/folder.tar

The object appears when all of it is there, or not at all. Cost: 1 PUT for each part of 5 MiB or more.")]
pub(crate) struct Args {
    /// The file; `-` is standard input
    file: PathBuf,

    /// The object's key, after the prefix of the connection
    key: String,

    /// Its content type
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,

    /// Metadata of the object: `name=value`; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,

    /// Only if there is no object with this key
    #[arg(long)]
    if_absent: bool,

    /// Go on with the newest upload to this key that was interrupted
    #[arg(long)]
    resume: bool,

    /// Parts that are sent at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    parallel: usize,
}

impl Args {
    pub(crate) async fn run(self, context: &Context<'_>) -> Result<(), Failure> {
        let db = context.db().await?;
        let (mut input, size): (Box<dyn AsyncRead + Send + Unpin>, _) =
            if self.file.as_os_str() == "-" {
                (Box::new(tokio::io::stdin()), None)
            } else {
                let place = |error: std::io::Error| {
                    Failure::from(error).at(&format!("`{}`", self.file.display()))
                };
                let file = tokio::fs::File::open(&self.file).await.map_err(place)?;
                let meta = file.metadata().await.map_err(place)?;
                if meta.is_dir() {
                    return Err(
                        Failure::usage(format!("`{}` is a folder", self.file.display()))
                            .help("upload files one by one, or `tar c` into a pipe"),
                    );
                }
                (Box::new(file), Some(meta.len()))
            };
        let progress = context.progress("bytes", size);
        let mut uploader = self.uploader(&db, size).await?;
        context.stop.gracefully();
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = tokio::select! {
                biased;
                () = context.stop.wait() => {
                    drop(progress);
                    return Err(self.left(uploader).await);
                }
                read = input.read(&mut buffer) => read?,
            };
            if read == 0 {
                break;
            }
            uploader.write(buffer[..read].to_vec()).await?;
            progress.add(read as u64);
        }
        let made = uploader.complete().await?;
        drop(progress);
        let reused = if made.reused == 0 {
            String::new()
        } else {
            format!(", {} parts were there", made.reused)
        };
        let text = format!(
            "uploaded `{}`: {}{reused}",
            made.key,
            output::bytes(made.size)
        );
        let checksum = made.checksum.map(|checksum| checksum.to_string());
        context.output.done(
            &text,
            &[
                ("key", made.key.as_str().into()),
                ("size", made.size.into()),
                ("version", made.version.etag().into()),
                ("checksum", checksum.into()),
                ("parts", made.parts.into()),
                ("reused", made.reused.into()),
            ],
        )?;
        Ok(())
    }

    async fn uploader(&self, db: &Db, size: Option<u64>) -> Result<Uploader, Failure> {
        let mut upload = db.upload(&self.key).parallel(self.parallel);
        if let Some(content_type) = &self.content_type {
            upload = upload.content_type(content_type);
        }
        for (name, value) in &self.metadata {
            upload = upload.metadata(name, value);
        }
        if self.if_absent {
            upload = upload.if_absent();
        }
        if let Some(size) = size {
            upload = upload.size_hint(size);
        }
        if !self.resume {
            return Ok(upload.start());
        }
        let object = format!("{}{}", db.prefix(), self.key);
        let mut uploads = std::pin::pin!(db.uploads(&self.key));
        let mut newest: Option<Unfinished> = None;
        while let Some(found) = uploads.try_next().await? {
            if found.key == object
                && newest
                    .as_ref()
                    .is_none_or(|known| known.initiated <= found.initiated)
            {
                newest = Some(found);
            }
        }
        match newest {
            Some(unfinished) => Ok(upload.resume(&unfinished).await?),
            None => Err(Failure::new(
                Code::NotFound,
                format!("no upload to `{object}` was interrupted"),
            )
            .help("leave `--resume` out")),
        }
    }

    /// The parts that are full stay, for who goes on.
    async fn left(&self, uploader: Uploader) -> Failure {
        let failure = Failure::new(Code::Interrupted, "interrupted");
        match uploader.leave().await {
            Ok(Some(_)) => failure
                .help("the parts so far are kept: the same with `--resume` goes on")
                .help(format!(
                    "or drop them: `s3orm sweep --uploads --older-than 0s --under '{}'`",
                    self.key
                )),
            Ok(None) => failure.help("nothing was sent"),
            Err(error) => Failure::from(error).at("interrupted"),
        }
    }
}
