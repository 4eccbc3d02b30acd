//! A team's files are a stranger's: whatever they are called and wherever they lead, they reach nothing of another
//! team's, nothing of the operator's, and hold up nobody.
//!
//! The team `payments` writes what is hostile; `shop` has a rule that must go on as if nothing were there.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

use crate::support::events::{evaluated_by, evaluations, push_of_its_own};
use crate::support::modules::{digest, marked};
use crate::support::server::{Server, Site};
use crate::support::{eventually, guest};

mod names;
mod reach;

const CONFIG: &str = r#"
    [sources.gitlab]
    provider = "gitlab"
    secret = { file = "secret" }

    [channels.payments-room]
    kind = "console"

    [channels.shop-room]
    kind = "console"

    [commands.shop-deploy]
    argv = ["/bin/true"]

    [teams.payments]
    sources = ["gitlab"]
    channels = ["payments-*"]

    [teams.shop]
    sources = ["gitlab"]
    channels = ["shop-*"]
    commands = ["shop-*"]
"#;

/// What stands in the settings file of the team `shop` and in no answer to another.
const SECRET_TAG: &str = "what-only-shop-knows";

fn settings(team: &str, tag: &str) -> String {
    format!("[settings]\nchannel = '{team}-room'\ntag = '{tag}'\n")
}

/// Both teams with the rule `echo` at work.
async fn teams_at_work() -> (Site, Server) {
    let site = Site::new(CONFIG);
    for (team, tag) in [("payments", "payments"), ("shop", SECRET_TAG)] {
        let path = |ending: &str| format!("rules/{team}/echo.{ending}");
        site.put(&path("toml"), settings(team, tag).as_bytes());
        site.put(&path("wasm"), &guest("echo"));
    }
    let server = site.serve().await;
    for rule in ["payments/echo", "shop/echo"] {
        server.rule_in_state(rule, "active").await;
    }
    (site, server)
}

fn folder(site: &Site) -> PathBuf {
    site.path().join("rules/payments")
}

/// The rules folder is still looked at, and the other team's rule is asked as before.
async fn goes_on(site: &Site, server: &Server) -> Value {
    let newer = marked(&guest("echo"), "newer");
    site.put("rules/shop/echo.wasm", &newer);
    server.serves("shop/echo", &digest(&newer)).await;
    let event = server.send_sample("push").await;
    let record = server.settled(&event).await;
    assert!(
        evaluated_by(&record).contains(&"shop/echo".to_owned()),
        "{record}"
    );
    record
}

#[tokio::test]
async fn a_link_that_leads_out_of_a_teams_folder_is_refused_and_tells_nothing_of_its_target() {
    let (site, server) = teams_at_work().await;
    let folder = folder(&site);
    let token = site.path().join("data/admin-token");
    symlink("../shop/echo.wasm", folder.join("module.wasm")).expect("a link");
    symlink("../shop", folder.join("beside")).expect("a link");
    symlink(&token, folder.join("absolute.wasm")).expect("a link");
    symlink("/proc/self/environ", folder.join("magic.wasm")).expect("a link");
    symlink("round.wasm", folder.join("round.wasm")).expect("a link");
    for (name, target) in [
        ("theirs", PathBuf::from("../shop/echo.toml")),
        ("token", token),
        ("config", PathBuf::from("../../hookbox.toml")),
    ] {
        std::fs::write(folder.join(format!("{name}.wasm")), guest("echo")).expect("written");
        symlink(target, folder.join(format!("{name}.toml"))).expect("a link");
    }
    symlink("echo.wasm", folder.join("inside.wasm")).expect("a link");
    site.put(
        "rules/payments/inside.toml",
        settings("payments", "inside").as_bytes(),
    );

    let inside = server.rule_in_state("payments/inside", "active").await;
    for name in [
        "module", "absolute", "magic", "round", "theirs", "token", "config",
    ] {
        let rejected = server
            .rule_in_state(&format!("payments/{name}"), "rejected")
            .await;
        assert_eq!(rejected["code"], "rule/file", "{rejected}");
        assert!(rejected["serving"].is_null(), "{rejected}");
    }
    let listing = server.get("/api/v1/rules").await.to_string();

    assert_eq!(inside["serving"]["module"], digest(&guest("echo")));
    for told in [SECRET_TAG, server.token.as_str()] {
        assert!(!listing.contains(told), "{listing}");
        assert!(!server.log().contains(told), "{}", server.log());
    }
    goes_on(&site, &server).await;
}

#[tokio::test]
async fn a_settings_file_names_no_module_outside_its_teams_folder() {
    let (site, server) = teams_at_work().await;
    symlink("../shop", folder(&site).join("beside")).expect("a link");
    let absolute = site.path().join("rules/shop/echo.wasm");
    for (name, module) in [
        ("up", "../shop/echo.wasm".to_owned()),
        ("around", "./../payments/../shop/echo.wasm".to_owned()),
        ("absolute", absolute.display().to_string()),
        ("linked", "beside/echo.wasm".to_owned()),
        ("null", "echo.wasm\\u0000".to_owned()),
    ] {
        let text = format!("module = \"{module}\"\n{}", settings("payments", name));
        site.put(&format!("rules/payments/{name}.toml"), text.as_bytes());
    }
    let own = format!("module = 'echo.wasm'\n{}", settings("payments", "again"));
    site.put("rules/payments/own.toml", own.as_bytes());

    server.rule_in_state("payments/own", "active").await;
    for name in ["up", "around", "absolute", "linked", "null"] {
        let rejected = server
            .rule_in_state(&format!("payments/{name}"), "rejected")
            .await;
        assert_eq!(rejected["code"], "rule/file", "{rejected}");
    }
    goes_on(&site, &server).await;
}

#[tokio::test]
async fn pipes_sockets_devices_and_folders_in_a_teams_folder_hold_up_nobody() {
    let (site, server) = teams_at_work().await;
    let folder = folder(&site);
    let pipe = |name: &str| {
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, folder.join(name), FileType::Fifo, mode, 0).expect("a pipe");
    };
    pipe("pipe.wasm");
    pipe("settings.toml");
    std::fs::write(folder.join("settings.wasm"), guest("echo")).expect("written");
    let _listener = UnixListener::bind(folder.join("socket.wasm")).expect("a socket");
    symlink("/dev/zero", folder.join("device.wasm")).expect("a link");
    std::fs::create_dir(folder.join("folder.wasm")).expect("a folder");
    std::fs::create_dir(folder.join("deeper")).expect("a folder");
    std::fs::write(folder.join("deeper/echo.wasm"), guest("echo")).expect("written");

    for name in ["pipe", "settings", "socket", "device"] {
        let rejected = server
            .rule_in_state(&format!("payments/{name}"), "rejected")
            .await;
        assert_eq!(rejected["code"], "rule/file", "{rejected}");
    }
    let record = goes_on(&site, &server).await;
    let listing = server.get("/api/v1/rules").await;

    assert_eq!(evaluated_by(&record), ["payments/echo", "shop/echo"]);
    assert!(!listing.to_string().contains("deeper"), "{listing}");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_one_of_its_states_or_refused() {
    let (site, server) = teams_at_work().await;
    let path = folder(&site).join("echo.wasm");
    let (first, last) = (guest("echo"), marked(&guest("echo"), "last"));
    let states = [digest(&first), digest(&last)];

    let (whole, broken) = (last.clone(), vec![0; last.len()]);
    let writer = std::thread::spawn(move || {
        let open = || {
            std::fs::File::options()
                .write(true)
                .open(&path)
                .expect("opened")
        };
        for round in 0..400_usize {
            let mut file = open();
            let bytes = if round.is_multiple_of(2) {
                &broken
            } else {
                &whole
            };
            // In pieces, so that a look finds some of each.
            for piece in bytes.chunks(4096) {
                file.write_all(piece).expect("written");
            }
        }
    });
    let mut events = Vec::new();
    while !writer.is_finished() {
        events.push(server.send("Push Hook", &push_of_its_own()).await);
    }
    writer.join().expect("it writes");
    server.serves("payments/echo", &states[1]).await;
    server.rule_in_state("payments/echo", "active").await;

    assert!(!events.is_empty());
    for event in events {
        let record = server.settled(&event).await;
        assert_eq!(evaluated_by(&record), ["payments/echo", "shop/echo"]);
        let module = &evaluations(&record)[0]["module"];
        assert!(states.iter().any(|state| module == state), "{record}");
    }
}

#[tokio::test]
async fn a_team_that_spoils_its_own_folder_takes_no_rule_from_others() {
    let (site, server) = teams_at_work().await;

    // The folder becomes the source of a rule, which the server leaves alone.
    site.put("rules/payments/Cargo.toml", b"[package]");
    eventually("the team's rules are gone", || async {
        let found = server.rule("payments/echo").await;
        found.is_none().then_some(()).ok_or(format!("{found:?}"))
    })
    .await;
    let record = goes_on(&site, &server).await;

    assert_eq!(evaluated_by(&record), ["shop/echo"]);
}
