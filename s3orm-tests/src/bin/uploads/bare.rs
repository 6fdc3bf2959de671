//! The measure: a multipart upload as one would write it by hand over `hyper`, with signed payloads
//! and nothing else: no checksum, no retry, no look at the answers beyond their status.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use s3orm::Env;
use s3orm_tests::raw;
use s3orm_tests::server::BUCKET;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;

/// Connections to a server.
pub(crate) struct Bare {
    host: String,
    connections: Vec<SendRequest<Full<Bytes>>>,
}

impl Bare {
    pub(crate) async fn connect(endpoint: &str, connections: usize) -> Result<Self> {
        let host = endpoint.trim_start_matches("http://").to_owned();
        let mut opened = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(&host).await?;
            stream.set_nodelay(true)?;
            let io = TokioIo::new(stream);
            let (sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            Env::system().spawn(connection);
            opened.push(sender);
        }
        Ok(Self {
            host,
            connections: opened,
        })
    }

    /// Uploads so many parts, each as `part` makes it of its number from 0, as one object.
    pub(crate) async fn upload(
        &mut self,
        key: &str,
        count: usize,
        part: impl Fn(usize) -> Bytes + Clone + Send + 'static,
    ) -> Result<()> {
        let path = format!("/{BUCKET}/{key}");
        let host = self.host.clone();
        let begin = format!("POST {path}?uploads=");
        let (_, answer) = send(&mut self.connections[0], &host, &begin, Bytes::new()).await?;
        let answer = String::from_utf8(answer.to_vec())?;
        let id = answer
            .split_once("<UploadId>")
            .and_then(|(_, rest)| rest.split_once("</UploadId>"))
            .context("an upload id")?
            .0
            .to_owned();
        let workers = self.connections.len();
        // As the library does: each connection in a task of its own.
        let mut tasks = Vec::new();
        for (worker, mut connection) in self.connections.drain(..).enumerate() {
            let (host, path, id) = (host.clone(), path.clone(), id.clone());
            let part = part.clone();
            tasks.push(Env::system().spawn(async move {
                let mut tags = Vec::new();
                for number in (worker + 1..=count).step_by(workers) {
                    let target = format!("PUT {path}?partNumber={number}&uploadId={id}");
                    let sent = send(&mut connection, &host, &target, part(number - 1)).await?;
                    let tag = sent.0.get("etag").context("a tag")?.to_str()?.to_owned();
                    tags.push((number, tag));
                }
                anyhow::Ok((connection, tags))
            }));
        }
        let mut tags = Vec::new();
        for ended in try_join_all(tasks).await? {
            let (connection, more) = ended?;
            self.connections.push(connection);
            tags.extend(more);
        }
        tags.sort_unstable();
        let mut body = "<CompleteMultipartUpload>".to_owned();
        for (number, tag) in &tags {
            let part = format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
            body += &part;
        }
        body += "</CompleteMultipartUpload>";
        let end = format!("POST {path}?uploadId={id}");
        send(&mut self.connections[0], &host, &end, body.into()).await?;
        Ok(())
    }
}

async fn send(
    connection: &mut SendRequest<Full<Bytes>>,
    host: &str,
    target: &str,
    body: Bytes,
) -> Result<(HeaderMap, Bytes)> {
    let (method, uri) = target.split_once(' ').context("`METHOD /path`")?;
    let payload = raw::hex(&Sha256::digest(&body));
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .body(Full::new(body))?;
    raw::sign(&mut request, host, &payload);
    connection.ready().await?;
    let answer = connection.send_request(request).await?;
    ensure!(answer.status().is_success(), "status {}", answer.status());
    let (head, body) = answer.into_parts();
    Ok((head.headers, body.collect().await?.to_bytes()))
}
