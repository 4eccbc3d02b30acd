//! Versions that were at work: rolled back to, kept over restarts, and served while newer files are broken.

use super::*;

/// A running server whose rule has had three versions, with their digests, the oldest first.
async fn three_versions() -> (Site, Server, [String; 3]) {
    let site = moody(CALM);
    let server = site.serve().await;
    let modules = ["one", "two", "three"].map(|mark| marked(&guest("moody"), mark));
    for module in &modules {
        site.put("rules/moody.wasm", module);
        server.serves("moody", &digest(module)).await;
    }
    (site, server, modules.map(|module| digest(&module)))
}

fn serving(rule: &Value) -> &str {
    rule["serving"]["module"]
        .as_str()
        .expect("a version serves")
}

#[tokio::test]
async fn each_roll_back_serves_the_version_before_until_the_files_change() {
    let (site, server, [one, two, three]) = three_versions().await;

    let back = wish(&server, "rollback").await;
    let event = push(&server).await;
    let further = wish(&server, "rollback").await;
    let server = again(&site, server).await;
    let kept = stands(&server).await;
    let named = wish(
        &server,
        &format!("rollback&to={}", &two["sha256:".len()..][..12]),
    )
    .await;
    let ended = wish(&server, "enable").await;
    wish(&server, "rollback").await;
    let newer = marked(&guest("moody"), "four");
    site.put("rules/moody.wasm", &newer);
    let changed = server.serves("moody", &digest(&newer)).await;

    assert_eq!(serving(&back), two);
    assert_eq!(evaluations(&event)[0]["module"], two);
    assert_eq!(
        standing(&back),
        [json!("active"), json!("rule/rolled-back"), json!("ada")]
    );
    assert_eq!((serving(&further), serving(&kept)), (&*one, &*one));
    assert_eq!(standing(&kept), standing(&back));
    assert_eq!((serving(&named), serving(&ended)), (&*two, &*three));
    assert_eq!(
        standing(&changed),
        [json!("active"), json!(null), json!(null)]
    );
}

#[tokio::test]
async fn the_last_good_version_serves_also_after_a_restart_with_broken_files() {
    let (site, server, [.., three]) = three_versions().await;
    site.put("rules/moody.wasm", b"not a module");
    let before = server.rule_in_state("moody", "rejected").await;
    let server = again(&site, server).await;
    let kept = stands(&server).await;
    let event = push(&server).await;
    // The settings first: the module alone would be at work with the former ones for a moment.
    site.put("rules/moody.toml", b"[settings]\nchanel = 'console'\n");
    site.put("rules/moody.wasm", &guest("moody"));
    let server = again(&site, server).await;
    let settings = stands(&server).await;

    assert_eq!((serving(&before), serving(&kept)), (&*three, &*three));
    assert_eq!(
        (kept["state"].as_str(), &kept["code"]),
        (Some("rejected"), &before["code"])
    );
    assert_eq!(evaluations(&event)[0]["module"], three);
    assert_eq!(
        (settings["state"].as_str(), serving(&settings)),
        (Some("rejected"), &*three)
    );
}

#[tokio::test]
async fn a_version_that_is_no_longer_kept_is_named_and_what_serves_goes_on() {
    let (site, server, [.., three]) = three_versions().await;
    std::fs::remove_dir_all(site.path().join("data/versions")).expect("it is there");

    let back = wish(&server, "rollback").await;

    assert_eq!(back["state"], "rejected");
    assert!(
        back["reason"]
            .as_str()
            .expect("a reason")
            .contains("no longer kept"),
        "{back}"
    );
    assert_eq!(serving(&back), three);
}

#[tokio::test]
async fn ten_versions_are_kept_and_the_contents_of_no_others() {
    let site = moody(CALM);
    let server = site.serve().await;
    for number in 0..12 {
        let module = marked(&guest("moody"), &number.to_string());
        site.put("rules/moody.wasm", &module);
        server.serves("moody", &digest(&module)).await;
    }
    let server = again(&site, server).await;
    let rule = stands(&server).await;

    assert_eq!(rule["versions"].as_array().expect("a list").len(), 10);
    let kept = std::fs::read_dir(site.path().join("data/versions")).expect("a folder");
    assert_eq!(kept.count(), 11, "ten modules and one settings file");
}

#[tokio::test]
async fn what_serves_while_newer_files_are_rejected_sees_no_more_than_is_granted_now() {
    let site = moody(CALM);
    let server = site.serve().await;
    server.rule_in_state("moody", "active").await;
    site.put("rules/moody.wasm", b"not a module");
    server.rule_in_state("moody", "rejected").await;
    let before = push(&server).await;

    let narrowed = Site::CONFIG.replace("sources = [\"*\"]", "sources = [\"another\"]");
    assert_ne!(narrowed, Site::CONFIG);
    site.configure(&narrowed);
    let record = crate::support::eventually("the grants are in force", || async {
        let record = push(&server).await;
        match evaluated_by(&record).is_empty() {
            true => Ok(record),
            false => Err(record.to_string()),
        }
    })
    .await;

    assert_eq!(evaluated_by(&before), ["moody"]);
    assert_eq!(evaluated_by(&record), Vec::<String>::new());
}
