//! Policies allow what their verbs do over HTTP, and no more.

use std::sync::Arc;
use std::time::Duration;

use s3orm::infra::Verb;
use s3orm::store::CreateUpload;
use s3orm::{Env, Table};
use s3orm_tests::connect;
use s3orm_tests::server::{BUCKET, TestServer};

use super::*;

#[tokio::test]
async fn policies_are_frozen() {
    let db = on_aws().await;
    let plain = db.table::<Visit>();
    let rows = "arn:aws:s3:::bucket/app/visits/*";
    assert_eq!(
        plain.iam_policy([Verb::Write, Verb::List]),
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [rows]},
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::bucket"],
             "Condition": {"StringLike": {"s3:prefix": ["app/visits/*"]}}},
        ]})
    );
    assert_eq!(plain.iam_policy([Verb::Maintain])["Statement"], json!([]));
    assert_eq!(
        db.table::<Account>().iam_policy([Verb::Delete])["Statement"],
        json!([
            {"Effect": "Allow", "Action": ["s3:GetObject"],
             "Resource": ["arn:aws:s3:::bucket/app/_s3orm/capabilities.json"]},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
             "Resource": ["arn:aws:s3:::bucket/app/_s3orm/tx/*", "arn:aws:s3:::bucket/app/accounts/*"]},
        ])
    );
    assert_eq!(
        db.table::<User>().iam_policy([Verb::Read])["Statement"],
        json!([{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [
            "arn:aws:s3:::bucket/app/_s3orm/ix/users/*",
            "arn:aws:s3:::bucket/app/_s3orm/schema/users.json",
            "arn:aws:s3:::bucket/app/_s3orm/uq/users/*",
            "arn:aws:s3:::bucket/app/users/*",
        ]}])
    );
    // What is a wildcard or a variable in a policy means itself.
    let odd = Db::connect("s3://bucket/a*$b?region=eu-north-1")
        .await
        .unwrap();
    let policy = odd.table::<Visit>().iam_policy([Verb::Read]);
    let resource = &policy["Statement"][0]["Resource"][0];
    assert_eq!(resource, "arn:aws:s3:::bucket/a${*}${$}b/visits/*");
}

/// Whether a policy of ours allows a request that a server was sent.
fn allows(policy: &Value, operation: &str, key: &str, prefix: &str) -> bool {
    let action = match operation {
        "GetObject" | "HeadObject" => "s3:GetObject",
        // A copy takes `s3:GetObject` of its source, too.
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "CompleteMultipartUpload" => "s3:PutObject",
        "AbortMultipartUpload" => "s3:AbortMultipartUpload",
        "ListParts" => "s3:ListMultipartUploadParts",
        "ListMultipartUploads" => "s3:ListBucketMultipartUploads",
        "DeleteObject" => "s3:DeleteObject",
        "ListObjectsV2" => "s3:ListBucket",
        other => panic!("an unexpected {other}"),
    };
    let like = |pattern: &Value, text: &str| {
        let pattern = pattern.as_str().unwrap();
        match pattern.strip_suffix('*') {
            Some(begin) => text.starts_with(begin),
            None => text == pattern,
        }
    };
    let any = |patterns: &Value, text: &str| {
        let mut patterns = patterns.as_array().unwrap().iter();
        patterns.any(|pattern| like(pattern, text))
    };
    let mut statements = policy["Statement"].as_array().unwrap().iter();
    statements.any(|statement| {
        let resource = format!("arn:aws:s3:::{key}");
        any(&statement["Action"], action)
            && any(&statement["Resource"], resource.trim_end_matches('/'))
            && match statement.get("Condition") {
                Some(condition) => any(&condition["StringLike"]["s3:prefix"], prefix),
                None => true,
            }
    })
}

/// The requests since the last call that a policy does not allow.
fn refused(server: &TestServer, policy: &Value) -> Vec<String> {
    let requests = server.requests();
    assert!(!requests.is_empty());
    server.reset();
    let decode = |text: &str| {
        text.replace("%2F", "/")
            .replace("%40", "@")
            .replace("%21", "!")
    };
    let refused = requests.into_iter().filter_map(|request| {
        let key = decode(request.path.trim_start_matches('/'));
        let mut parameters = request.query.split('&');
        let prefix = parameters.find_map(|parameter| parameter.strip_prefix("prefix="));
        let prefix = decode(prefix.unwrap_or_default());
        let allowed = allows(policy, request.operation, &key, &prefix);
        (!allowed).then(|| format!("{} {key} {prefix}", request.operation))
    });
    refused.collect()
}

#[tokio::test]
async fn policies_allow_what_their_verbs_do_and_no_more() {
    let server = TestServer::memory().await;
    let plain = connect::db(&server.endpoint()).await.table::<Visit>();
    assert!(
        plain.iam_policy([Verb::Read])["Statement"][0]["Resource"][0]
            .as_str()
            .unwrap()
            .contains(BUCKET)
    );
    let row = plain.insert(visit(1, 1)).await.unwrap();
    plain.put(visit(1, 2)).await.unwrap();
    plain.save(row).await.unwrap();
    plain
        .update((visit(1, 1).date, 1), |row| row.spent = 2.0)
        .await
        .unwrap();
    assert_eq!(refused(&server, &plain.iam_policy([Verb::Write])), [""; 0]);
    assert_eq!(plain.query().scan().all().await.unwrap().len(), 2);
    assert_eq!(
        refused(&server, &plain.iam_policy([Verb::Read, Verb::List])),
        [""; 0]
    );
    assert_eq!(plain.query().count().await.unwrap(), 2);
    assert_eq!(refused(&server, &plain.iam_policy([Verb::Read])).len(), 1);
    let row = plain.read((visit(1, 1).date, 1)).await.unwrap().unwrap();
    plain
        .delete((row.date, row.id))
        .if_version(row.version())
        .await
        .unwrap();
    plain.delete((visit(1, 1).date, 2)).await.unwrap();
    assert_eq!(refused(&server, &plain.iam_policy([Verb::Delete])), [""; 0]);
    plain.delete((visit(1, 1).date, 2)).await.unwrap();
    assert_eq!(
        refused(&server, &plain.iam_policy([Verb::Read, Verb::Write])).len(),
        1
    );
}

#[tokio::test]
async fn policies_cover_what_is_kept_for_transactions() {
    let server = TestServer::memory().await;
    let db = connect::db(&server.endpoint()).await;
    let accounts = &db.table::<Account>();
    accounts.insert(account("ann", 100)).await.unwrap();
    accounts.insert(account("bob", 100)).await.unwrap();
    let done = db.transaction(|tx| async move {
        tx.write(accounts.patch("ann").decrement(Account::COL.balance, 30))?;
        tx.write(accounts.insert(account("carl", 30)))
    });
    // What it does after its answer is a writer's, too.
    done.settled().await.unwrap();
    assert_eq!(
        refused(&server, &accounts.iam_policy([Verb::Write])),
        [""; 0]
    );
    assert_eq!(accounts.query().count().await.unwrap(), 3);
    assert_eq!(accounts.query().scan().all().await.unwrap().len(), 3);
    assert_eq!(
        refused(&server, &accounts.iam_policy([Verb::Read, Verb::List])),
        [""; 0]
    );
    accounts.delete("bob").await.unwrap();
    assert_eq!(
        refused(&server, &accounts.iam_policy([Verb::Delete])),
        [""; 0]
    );
    db.settle().await.unwrap();
    db.sweep().await.unwrap();
    accounts.vacuum().await.unwrap();
    assert_eq!(
        refused(&server, &accounts.iam_policy([Verb::Maintain])),
        [""; 0]
    );
}

#[tokio::test]
async fn policies_cover_what_is_kept_for_indexes() {
    let server = TestServer::memory().await;
    let users: Table<User> = connect::db(&server.endpoint()).await.table();
    users.insert(user(1)).await.unwrap();
    users.insert(user(2)).await.unwrap();
    users
        .update(1, |row| row.email = "new@a.org".into())
        .await
        .unwrap();
    assert_eq!(refused(&server, &users.iam_policy([Verb::Write])), [""; 0]);
    // Another connection, which knows nothing yet.
    let users: Table<User> = connect::db(&server.endpoint()).await.table();
    assert_eq!(
        users
            .query()
            .by(User::INDEX.city)
            .at("Oslo")
            .all()
            .await
            .unwrap()
            .len(),
        2
    );
    assert!(
        users
            .get_by(User::UNIQUE.email, "new@a.org")
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        refused(&server, &users.iam_policy([Verb::Read, Verb::List])),
        [""; 0]
    );
    users.delete(2).await.unwrap();
    assert_eq!(refused(&server, &users.iam_policy([Verb::Delete])), [""; 0]);
    assert!(users.verify().await.unwrap().is_clean());
    users.repair().await.unwrap();
    users.index(User::INDEX.city).build().await.unwrap();
    users.vacuum().await.unwrap();
    assert_eq!(
        refused(&server, &users.iam_policy([Verb::Maintain])),
        [""; 0]
    );
}

#[derive(Debug, Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "albums", path = "<id>")]
struct Album {
    id: u64,
    photo: s3orm::Blob,
}

#[tokio::test]
async fn policies_cover_blobs() {
    let env = Env::seeded(1);
    let store = s3orm::store::memory::MemoryStore::new(BUCKET, env);
    let server = TestServer::over(Arc::new(store)).await;
    let db = connect::db(&server.endpoint()).await;
    let albums = db.table::<Album>();
    let policy = |verb| albums.iam_policy([verb]);
    let photo = albums.blob().bytes("a photo").await.unwrap();
    albums.blob().bytes(vec![0; 6 << 20]).await.unwrap();
    let mut given_up = albums.blob().start();
    given_up.write(vec![0; 6 << 20]).await.unwrap();
    given_up.abort().await.unwrap();
    let photo = albums.copy_blob(&photo).await.unwrap();
    assert_eq!(refused(&server, &policy(Verb::WriteBlobs)), [""; 0]);
    // One that a crash has cut off.
    let cut = CreateUpload {
        key: "_s3orm/blob/albums/3f/x".to_owned(),
        ..CreateUpload::default()
    };
    server.store().create_upload(cut).await.unwrap();
    photo.bytes(&db, 100).await.unwrap();
    assert_eq!(refused(&server, &policy(Verb::ReadBlobs)), [""; 0]);
    albums.insert(Album { id: 1, photo }).await.unwrap();
    server.reset();
    // Two blobs of three are named nowhere.
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(62)).await;
    tokio::time::resume();
    let swept = db.sweep_blobs().of::<Album>().await.unwrap();
    assert_eq!((swept.named, swept.marked), (1, 2));
    let uploads = db.sweep_uploads().under("_s3orm/blob/albums/");
    let ended = uploads.older_than(Duration::from_hours(1)).await.unwrap();
    assert_eq!(ended.ended, 1);
    assert_eq!(refused(&server, &policy(Verb::SweepBlobs)), [""; 0]);
    // What a request that deletes many deletes is in its body.
    let sweeping = policy(Verb::SweepBlobs);
    for key in ["_s3orm/blob/albums/3f/x", "_s3orm/blob-marks/albums/3f/x"] {
        let key = format!("{BUCKET}/{key}");
        assert!(allows(&sweeping, "DeleteObject", &key, ""));
        assert!(!allows(&policy(Verb::WriteBlobs), "DeleteObject", &key, ""));
    }
    let row = format!("{BUCKET}/albums/1.json");
    assert!(!allows(&sweeping, "DeleteObject", &row, ""));
    assert!(!allows(&policy(Verb::WriteBlobs), "PutObject", &row, ""));
}
