//! Conditions of requests other than single writes: of many deletions, copies, uploads in parts.

use super::lab::{Answer, Lab};
use super::verdict::{Verdict, told};
use crate::store::Precondition::{self, IfAbsent, IfMatch};
use crate::store::{
    CompleteUpload, CopyObject, CreateUpload, DeleteObject, StoreError, StoreErrorKind, UploadPart,
};

/// The verdict on what must be refused with 412.
fn verdict(answers: [(&str, Answer<()>); 2], means: &'static str) -> Verdict {
    let mut wrong = Vec::new();
    for (what, answer) in answers {
        match answer {
            Err(error) if error.kind() == StoreErrorKind::PreconditionFailed => {}
            Err(error) => wrong.push(format!("{} for {what}", told(&error))),
            Ok(()) => wrong.push(format!("{what} is ignored")),
        }
    }
    if wrong.is_empty() {
        Verdict::pass("412")
    } else {
        Verdict::warn(wrong.join(", "), means)
    }
}

pub(super) async fn bulk_delete(lab: &Lab) -> Answer<Verdict> {
    const MEANS: &str = "many deletions at once cannot be by version; s3orm makes none";
    let first = lab.put("bulk", "1").await?;
    lab.put("bulk", "2").await?;
    let request = DeleteObject {
        key: lab.key("bulk"),
        precondition: IfMatch(first),
    };
    let outcomes = lab.hear(lab.store(0, 1).delete_many(vec![request]).await);
    let outcome = outcomes.and_then(|mut outcomes| {
        let nothing = || StoreError::new(StoreErrorKind::BadAnswer, "no outcome");
        outcomes.pop().ok_or_else(nothing)?
    });
    Ok(match outcome {
        Err(error) if error.kind() == StoreErrorKind::PreconditionFailed => Verdict::pass("412"),
        Err(error) => Verdict::warn(told(&error), MEANS),
        Ok(()) => Verdict::warn("another `ETag` is ignored", MEANS),
    })
}

pub(super) async fn copies(lab: &Lab) -> Answer<Verdict> {
    const MEANS: &str = "copies cannot be conditional; s3orm makes no such";
    let first = lab.put("copy", "1").await?;
    lab.put("copy", "2").await?;
    lab.put("copy-source", "3").await?;
    let copy = async |precondition| {
        let request = CopyObject {
            source: lab.key("copy-source"),
            key: lab.key("copy"),
            precondition,
            ..CopyObject::default()
        };
        lab.copy(request).await
    };
    let answers = [
        ("`If-None-Match: *`", copy(IfAbsent).await),
        ("`If-Match`", copy(IfMatch(first)).await),
    ];
    Ok(verdict(answers, MEANS))
}

pub(super) async fn uploads(lab: &Lab) -> Answer<Verdict> {
    const MEANS: &str = "uploads in parts overwrite what others wrote, whatever `if_absent` and `if_version` ask for";
    let first = lab.put("upload", "1").await?;
    lab.put("upload", "2").await?;
    let answers = [
        ("`If-None-Match: *`", upload(lab, IfAbsent).await?),
        ("`If-Match`", upload(lab, IfMatch(first)).await?),
    ];
    Ok(verdict(answers, MEANS))
}

/// Uploads one part; what the end was answered.
async fn upload(lab: &Lab, precondition: Precondition) -> Answer<Answer<()>> {
    let key = lab.key("upload");
    let create = CreateUpload {
        key: key.clone(),
        ..CreateUpload::default()
    };
    let upload_id = lab.hear(lab.store(0, 1).create_upload(create).await)?;
    let part = UploadPart {
        key: key.clone(),
        upload_id: upload_id.clone(),
        number: 1,
        body: "3".into(),
        checksum: None,
        encryption: None,
    };
    let end = match lab.hear(lab.store(0, 1).upload_part(part).await) {
        Ok(tag) => {
            let complete = CompleteUpload {
                key: key.clone(),
                upload_id: upload_id.clone(),
                parts: vec![(1, tag)],
                precondition,
                checksum: None,
            };
            lab.hear(lab.store(0, 1).complete_upload(complete).await.map(drop))
        }
        Err(error) => Err(error),
    };
    if end.is_err() {
        // What a refused completion leaves costs money until somebody drops it. Where this fails
        // too, the lifecycle rule that `lifecycle` asks for does.
        let dropped = lab.store(0, 1).abort_upload(&key, &upload_id).await;
        if let Err(error) = dropped {
            tracing::debug!(target: "s3orm", %error, "an upload of the doctor's stays");
        }
    }
    Ok(end)
}
