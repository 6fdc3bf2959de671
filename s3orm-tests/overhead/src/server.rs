//! A server that answers with bytes made beforehand: every request of a method with the same, but
//! for the pages of a listing and the number in a row that one of them names. It runs in a process of
//! its own, so that its work is not counted.

use std::fmt::Write as _;
use std::ops::Range;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::clients::{BUCKET, Row, TABLE};

const MARKS: &str = "x-amz-request-id: 4442587FB7D0A2F9\r\n\
    date: Tue, 14 Nov 2023 22:13:20 GMT\r\nserver: fixed\r\n";
const ETAG: &str = "9b2cf535f27731c974343645a3985328";
/// Of the least row's number, so that all have as many digits.
pub const FIRST_ROW: usize = 100_000;
const PAGE: usize = 1000;

/// What is answered.
struct Answers {
    put: Vec<u8>,
    delete: Vec<u8>,
    get: Vec<u8>,
    /// Where in `get` the row's number is.
    number: Range<usize>,
    pages: Vec<Vec<u8>>,
}

/// Serves a table of so many rows on a free port of the loopback address, which it prints, until it
/// is killed.
pub async fn serve(rows: usize) -> Result<()> {
    let answers: &'static Answers = Box::leak(Box::new(Answers::new(rows)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A client that goes away ends its connection's task, which is no failure.
        tokio::spawn(answer_all(stream, answers));
    }
}

impl Answers {
    fn new(rows: usize) -> Result<Self> {
        let sample = Row::sample();
        let body = String::from_utf8(Row::encoded()?.to_vec())?;
        let head = format!(
            "HTTP/1.1 200 OK\r\n{MARKS}etag: \"{ETAG}\"\r\ncontent-type: application/json\r\n\
             accept-ranges: bytes\r\nlast-modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let number = sample.id.to_string();
        let at = head.len() + body.find(&number).context("a row has its number")?;
        Ok(Self {
            put: format!("HTTP/1.1 200 OK\r\n{MARKS}etag: \"{ETAG}\"\r\ncontent-length: 0\r\n\r\n")
                .into_bytes(),
            delete: format!("HTTP/1.1 204 No Content\r\n{MARKS}\r\n").into_bytes(),
            get: (head + &body).into_bytes(),
            number: at..at + number.len(),
            pages: (0..rows.div_ceil(PAGE))
                .map(|page| listing(page, rows))
                .collect(),
        })
    }
}

/// A page as S3 answers it, `EncodingType` included: no key here is changed by it.
fn listing(page: usize, rows: usize) -> Vec<u8> {
    let numbers = page * PAGE..rows.min((page + 1) * PAGE);
    let mut body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{BUCKET}</Name>\
         <Prefix>{TABLE}/</Prefix><KeyCount>{}</KeyCount><MaxKeys>{PAGE}</MaxKeys>\
         <EncodingType>url</EncodingType><IsTruncated>{}</IsTruncated>",
        numbers.len(),
        numbers.end < rows
    );
    if numbers.end < rows {
        let next = page + 1;
        let _ = write!(
            body,
            "<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM={next:06}\
             </NextContinuationToken>"
        );
    }
    for number in numbers {
        let _ = write!(
            body,
            "<Contents><Key>{TABLE}/{}.json</Key><LastModified>2023-11-14T22:13:20.000Z\
             </LastModified><ETag>&quot;{ETAG}&quot;</ETag><Size>1028</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>",
            FIRST_ROW + number
        );
    }
    body.push_str("</ListBucketResult>");
    let head = format!(
        "HTTP/1.1 200 OK\r\n{MARKS}content-type: application/xml\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// The number of the page that a request for a listing asks for: what its token ends with.
fn page_of(head: &str) -> Result<usize> {
    let Some((_, token)) = head.split_once("continuation-token=") else {
        return Ok(0);
    };
    let end = token.find(['&', ' ']).context("the request's first line")?;
    let digits = end.checked_sub(6).and_then(|start| token.get(start..end));
    Ok(digits.context("a token of ours")?.parse()?)
}

/// The digits of the row that a request asks for.
fn number_of(head: &str) -> Option<&str> {
    let path = head.split(' ').nth(1)?;
    path.rsplit('/').next()?.strip_suffix(".json")
}

async fn answer_all(mut stream: TcpStream, answers: &Answers) -> Result<()> {
    let mut row = answers.get.clone();
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let Some(head) = read_head(&mut stream, &mut buffer).await? else {
            return Ok(());
        };
        let whole = head + content_length(&buffer[..head])?;
        while buffer.len() < whole {
            anyhow::ensure!(stream.read_buf(&mut buffer).await? > 0, "half a request");
        }
        let text = std::str::from_utf8(&buffer[..head])?;
        let answer = match buffer[0] {
            b'P' => &answers.put,
            b'D' => &answers.delete,
            b'G' if text.contains("list-type=2") => {
                let page = answers.pages.get(page_of(text)?);
                page.context("a page that there is")?
            }
            b'G' => {
                let number = number_of(text).context("a row's key")?.as_bytes();
                anyhow::ensure!(number.len() == answers.number.len(), "a row that there is");
                row[answers.number.clone()].copy_from_slice(number);
                &row
            }
            method => anyhow::bail!("no answer for a method in {method}"),
        };
        stream.write_all(answer).await?;
        buffer.drain(..whole);
    }
}

/// Reads until the head of a request is whole; its length, or `None` at the connection's end.
async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Option<usize>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(end + 4));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize> {
    let text = std::str::from_utf8(head)?;
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    Ok(0)
}
