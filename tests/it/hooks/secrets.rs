//! Secrets stay where the operator put them.

use std::path::Path;

use super::{Hooks, PUSH, accepted, refused};
use crate::support::server::{SECRET, Site};
use crate::support::signature::{KEY, seconds_from_now, standard};

/// The files of a folder and of those below it.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    entries
        .map(|entry| entry.expect("the folder can be read").path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn no_token_key_or_signature_is_logged_printed_shown_or_stored() {
    let site = Site::new(&Site::CONFIG.replace(
        "secret = { file = \"secret\" }",
        "secrets = { token = { file = 'secret' }, key = { file = 'key' } }",
    ));
    site.put("key", KEY.as_bytes());
    let hooks = Hooks::start_in(site).await;
    let guess = "a-guess-that-somebody-made";
    let time = seconds_from_now(0).to_string();
    let signature = standard(KEY, "delivery-1", &time, PUSH.0.as_bytes());
    let signed = hooks
        .push("gitlab")
        .header("webhook-id", "delivery-1")
        .header("webhook-timestamp", &time)
        .header("webhook-signature", &signature)
        .header("authorization", "Bearer of-the-proxy")
        .header("cookie", "session=of-the-proxy");

    let wrong = hooks.push("gitlab").header("x-gitlab-token", guess);
    refused(wrong, 401, "hook/bad-signature").await;
    let ids = [
        accepted(hooks.push("gitlab").header("x-gitlab-token", SECRET)).await,
        accepted(signed).await,
    ];
    let mut shown = hooks.server.get("/api/v1/sources").await.to_string();
    for id in &ids {
        shown.push_str(&hooks.server.settled(id).await.to_string());
    }
    let (log, console) = (hooks.server.log(), hooks.server.console());
    let admin_token = hooks.server.token.clone();
    let Hooks { site, server } = hooks;
    assert_eq!(server.terminate().await, Some(0));

    let mut written = vec![
        ("the log".to_owned(), log.into_bytes()),
        ("the console".to_owned(), console.into_bytes()),
        ("the answers".to_owned(), shown.into_bytes()),
    ];
    let data = files(&site.path().join("data"));
    assert!(data.iter().any(|path| path.ends_with("data/hookbox.db")));
    for path in data.iter().filter(|path| !path.ends_with("admin-token")) {
        let bytes = std::fs::read(path).expect("the file can be read");
        written.push((path.display().to_string(), bytes));
    }
    assert!(written.iter().any(|(_, bytes)| holds(bytes, &ids[1])));
    let key = KEY.trim_start_matches("whsec_");
    let signature = signature.trim_start_matches("v1,");
    for secret in [SECRET, key, signature, guess, &admin_token, "of-the-proxy"] {
        for (place, bytes) in &written {
            assert!(!holds(bytes, secret), "`{secret}` stands in {place}");
        }
    }
}
