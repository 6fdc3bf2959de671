//! A private authority and client certificates, by every way to say them, against a server over TLS.
#![allow(clippy::unwrap_used)] // Its helpers are tests, too.

use s3orm::{Config, Db, DbBuilder, ErrorKind, Profiles};
use s3orm_tests::connect;
use s3orm_tests::server::{BUCKET, TestServer};
use s3orm_tests::tables::{Person, person};
use s3orm_tests::tls::{Authority, Identity, TlsFront, text};

/// The same connection by methods, by parameters, from a file and from variables.
fn each_way(endpoint: &str, ca: &str, client: &Identity) -> Vec<DbBuilder> {
    let (cert, key) = (text(&client.cert), text(&client.key));
    let plain = format!("s3://{BUCKET}?endpoint={endpoint}");
    let parameters = format!("{plain}&tls_ca={ca}&tls_cert={cert}&tls_key={key}");
    let toml = format!("tls_ca = {ca:?}\ntls_cert = 'file://{cert}'\ntls_key = {key:?}\n");
    let variables = [
        ("S3ORM_TLS_CA", ca),
        ("S3ORM_TLS_CERT", cert),
        ("S3ORM_TLS_KEY", key),
    ];
    let methods = Db::builder(&plain).unwrap().tls_ca(ca);
    let methods = methods.tls_cert(cert).tls_key(key);
    let file = Config::new().toml("s3orm.toml", &toml).unwrap();
    let variables = Config::new().variables(variables).unwrap();
    [
        methods,
        Db::builder(&parameters).unwrap(),
        file.builder_for(&plain).unwrap(),
        variables.builder_for(&plain).unwrap(),
    ]
    .map(|builder| builder.credentials(connect::credentials()))
    .into()
}

#[tokio::test]
async fn a_private_authority_and_a_client_certificate_by_every_way() {
    let server = TestServer::memory().await;
    let (authority, clients) = (Authority::new(), Authority::new());
    let front = TlsFront::new(server.local_addr(), &authority, Some(&clients)).await;
    let (ca, client) = (authority.ca(), clients.client("client"));
    let ways = each_way(&front.endpoint(), text(&ca), &client);
    for (id, builder) in (0..).zip(ways) {
        let people = builder.connect().await.unwrap().table::<Person>();
        people.insert(person(id)).await.unwrap();
        assert_eq!(people.get(("Oslo", id)).await.unwrap(), Some(person(id)));
    }
    let rusoto = &mut each_way(&front.endpoint(), text(&ca), &client);
    let rusoto = rusoto.remove(0).rusoto().connect().await.unwrap();
    assert_eq!(rusoto.table::<Person>().count().await.unwrap(), 4);
}

/// What must not be let in, or not be trusted, never reaches the server.
#[tokio::test]
async fn without_trust_nothing_is_sent() {
    let server = TestServer::memory().await;
    let (authority, other) = (Authority::new(), Authority::new());
    let front = TlsFront::new(server.local_addr(), &authority, Some(&authority)).await;
    let (client, stranger) = (authority.client("client"), other.client("stranger"));
    let builder = || connect::builder(&front.endpoint()).retries(1);
    let trusting = || builder().tls_ca(authority.ca());
    for (case, expected) in [
        // The system's authorities, and one that is not the server's.
        (
            builder().tls_cert(&client.cert).tls_key(&client.key),
            "trust its authority with `tls_ca`",
        ),
        (
            builder().tls_ca(other.ca()),
            "trust its authority with `tls_ca`",
        ),
        // No certificate, and one of another authority. Under TLS 1.3 the server refuses after the
        // client has begun to speak.
        (trusting(), ""),
        (
            trusting().tls_cert(&stranger.cert).tls_key(&stranger.key),
            "",
        ),
    ] {
        let people = case.connect().await.unwrap().table::<Person>();
        let error = people.get(("Oslo", 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        people.put(person(1)).await.unwrap_err();
    }
    assert_eq!(server.requests().len(), 0);

    // Half of a certificate, another's key, and a file that is none, are said when connecting.
    for (case, expected) in [
        (
            trusting().tls_cert(&client.cert),
            "`tls_cert` and `tls_key`",
        ),
        (
            trusting().tls_cert(&client.cert).tls_key(&stranger.key),
            "`tls_key`",
        ),
        (trusting().tls_ca(&client.key), "`tls_ca`"),
        (
            connect::builder(&server.endpoint())
                .tls_cert(&client.cert)
                .tls_key(&client.key),
            "never sees a client certificate",
        ),
    ] {
        let error = case.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!format!("{error:?}").contains("PRIVATE"), "{error:?}");
    }
}

#[tokio::test]
async fn a_profiles_certificate_is_exchanged_while_it_is_in_use() {
    let server = TestServer::memory().await;
    let (old, new) = (Authority::new(), Authority::new());
    let before = TlsFront::new(server.local_addr(), &old, Some(&old)).await;
    let after = TlsFront::new(server.local_addr(), &new, Some(&new)).await;
    let settings = |front: &TlsFront, authority: &Authority| {
        let client = authority.client("client");
        let ways = each_way(&front.endpoint(), text(&authority.ca()), &client);
        ways.into_iter().next().unwrap()
    };
    let profiles = Profiles::new();
    profiles
        .start("main", settings(&before, &old))
        .await
        .unwrap();
    let running = profiles.db("main").unwrap().table::<Person>();
    running.put(person(1)).await.unwrap();
    profiles
        .update("main", settings(&after, &new))
        .await
        .unwrap();
    let fresh = profiles.db("main").unwrap().table::<Person>();
    assert!(fresh.get(("Oslo", 1)).await.unwrap().is_some());
    assert!(
        running.get(("Oslo", 1)).await.unwrap().is_some(),
        "as it began"
    );
    profiles.health("main").await.unwrap();
}
