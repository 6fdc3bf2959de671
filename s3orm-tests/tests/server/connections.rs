//! Connections, the server's name, its log and its end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use s3orm::Env;
use s3orm::server::Server;
use s3orm::store::memory::MemoryStore;
use s3orm::store::{GetObject, PutObject, Store};
use s3orm_tests::raw;
use s3orm_tests::server::{ACCESS_KEY, BUCKET, SECRET_KEY, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Fixture, outcome};

/// Sends a `PUT`'s head alone, which promises four bytes.
async fn send_head(s3: &Fixture, key: &str, headers: &[(&str, &str)]) -> TcpStream {
    let target = format!("PUT /{BUCKET}/{key}");
    let headers = [&[("content-length", "4")], headers].concat();
    raw::open(s3.0.local_addr(), &target, &headers)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it() {
    let s3 = Fixture::new().await;
    let headers = [("expect", "100-continue"), ("connection", "close")];
    let mut stream = send_head(&s3, "a", &headers).await;
    let mut first = [0; 25];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{rest}");
    assert_eq!(s3.send("GET /{b}/a", &[], "").await.text(), "body");
}

#[tokio::test]
async fn requests_under_way_at_once_are_counted() {
    let s3 = Fixture::new().await;
    let streams = [
        send_head(&s3, "a", &[]).await,
        send_head(&s3, "b", &[]).await,
        send_head(&s3, "c", &[]).await,
    ];
    until(|| s3.0.overlap() == 3).await;
    assert!(s3.0.requests().is_empty());
    drop(streams);
    until(|| s3.0.requests().len() == 3).await;
    let requests = s3.0.requests();
    assert!(requests.iter().all(|request| request.status != Some(200)));
    assert!(s3.keys().await.is_empty(), "a cut request is not applied");
}

/// Waits for what another task does in a moment.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    waited.expect("it did not come to pass in ten seconds");
}

#[tokio::test]
async fn a_bucket_may_stand_in_the_host_name() {
    let store = MemoryStore::new(BUCKET, Env::system());
    let server = Server::builder(Arc::new(store.clone()))
        .credentials(ACCESS_KEY, SECRET_KEY)
        .domain("s3.test")
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let send = async |mut request: Request<Full<Bytes>>, host: &str| {
        raw::sign(&mut request, host, raw::UNSIGNED);
        raw::exchange(server.local_addr(), request).await.unwrap()
    };
    let put = Request::put("/dir/a%20b").body(Full::new(Bytes::from("1")));
    let host = format!("{BUCKET}.s3.test:9000");
    assert_eq!(outcome(&send(put.unwrap(), &host).await), "200");
    let get = GetObject {
        key: "dir/a b".to_owned(),
        ..GetObject::default()
    };
    assert_eq!(store.get(get).await.unwrap().body, "1");
    let get = Request::get(format!("/{BUCKET}/dir/a%20b")).body(Full::default());
    assert_eq!(outcome(&send(get.unwrap(), "s3.test").await), "200");
}

#[tokio::test]
async fn the_server_remembers_what_it_was_asked() {
    let s3 = Fixture::new().await;
    s3.put("a%20b", "1").await;
    s3.send("GET /{b}/none?x-id=GetObject", &[], "").await;
    let requests = s3.0.requests();
    let seen: Vec<_> = requests
        .iter()
        .map(|r| (r.operation, r.method.as_str(), r.query.as_str(), r.status))
        .collect();
    let put = ("PutObject", "PUT", "", Some(200));
    let get = ("GetObject", "GET", "x-id=GetObject", Some(404));
    assert_eq!(seen, [put, get]);
    assert_eq!(requests[0].path, format!("/{BUCKET}/a%20b"));
    assert_eq!(s3.0.count("PutObject"), 1);
    assert_eq!(s3.0.count("DeleteObject"), 0);
    assert_eq!(s3.0.overlap(), 1);
    s3.0.reset();
    assert!(s3.0.requests().is_empty());
    assert_eq!(s3.0.overlap(), 0);
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections_and_frees_the_port() {
    let server = TestServer::memory().await;
    let address = server.local_addr();
    let mut idle = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    idle.write_all(request).await.unwrap();
    idle.read_u8().await.unwrap();
    server.shutdown().await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(rest.starts_with(b"TTP/1.1 403"), "{}", rest.escape_ascii());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn it_says_why_it_cannot_start() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(BUCKET, Env::system()));
    let server = Server::builder(Arc::clone(&store));
    let error = server.bind("127.0.0.1:0").await.unwrap_err();
    assert!(error.to_string().contains("credentials"), "{error}");
    let taken = TestServer::over(Arc::clone(&store)).await;
    let address = taken.local_addr().to_string();
    let server = Server::builder(store).credentials(ACCESS_KEY, SECRET_KEY);
    assert!(!format!("{server:?}").contains(SECRET_KEY));
    let error = server.bind(&address).await.unwrap_err();
    assert_eq!(error.kind(), s3orm::ErrorKind::Config);
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn what_is_written_in_process_is_read_over_http() {
    let s3 = Fixture::new().await;
    let put = PutObject {
        key: "a".into(),
        body: Bytes::from("1"),
        ..PutObject::default()
    };
    s3.0.store().put(&put).await.unwrap();
    assert_eq!(s3.send("GET /{b}/a", &[], "").await.text(), "1");
}
