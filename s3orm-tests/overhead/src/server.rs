//! A server that answers every request of a method with the same bytes. It runs in a process of its
//! own, so that its work is not counted.

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Serves on a free port of the loopback address, which it prints, until it is killed.
pub async fn serve(body: &'static [u8]) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A client that goes away ends its connection's task, which is no failure.
        tokio::spawn(answer_all(stream, body));
    }
}

async fn answer_all(mut stream: TcpStream, body: &[u8]) -> Result<()> {
    const MARKS: &str = "x-amz-request-id: 4442587FB7D0A2F9\r\n\
        etag: \"9b2cf535f27731c974343645a3985328\"\r\n\
        date: Tue, 14 Nov 2023 22:13:20 GMT\r\nserver: fixed\r\n";
    let put = format!("HTTP/1.1 200 OK\r\n{MARKS}content-length: 0\r\n\r\n").into_bytes();
    let delete = format!("HTTP/1.1 204 No Content\r\n{MARKS}\r\n").into_bytes();
    let mut get = format!(
        "HTTP/1.1 200 OK\r\n{MARKS}content-type: application/json\r\naccept-ranges: bytes\r\n\
         last-modified: Tue, 14 Nov 2023 22:13:20 GMT\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    get.extend_from_slice(body);

    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let Some(head) = read_head(&mut stream, &mut buffer).await? else {
            return Ok(());
        };
        let whole = head + content_length(&buffer[..head])?;
        while buffer.len() < whole {
            anyhow::ensure!(stream.read_buf(&mut buffer).await? > 0, "half a request");
        }
        let answer = match buffer[0] {
            b'P' => &put,
            b'G' => &get,
            b'D' => &delete,
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
