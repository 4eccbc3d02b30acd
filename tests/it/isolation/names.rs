//! Names that look like another's, or lead elsewhere.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::{folder, goes_on, settings, teams_at_work};
use crate::support::guest;

#[tokio::test]
async fn a_name_that_is_none_or_looks_like_anothers_is_no_rule_and_no_team() {
    let (site, server) = teams_at_work().await;
    let team = folder(&site);
    // Case, a Cyrillic letter, a full-width one, one of no width, a combining accent, and the other way around.
    let names = [
        "Echo",
        "ECHO",
        "\u{435}cho",
        "ec\u{ff48}o",
        "ec\u{200b}ho",
        "e\u{301}cho",
        "\u{202e}ohce",
        "echo\n",
        "echo echo",
        "-echo",
        "echo\\..\\..\\shop",
        "%2e%2e%2fshop%2fecho",
        "shop:echo",
    ];
    for name in names {
        std::fs::write(team.join(format!("{name}.wasm")), guest("echo")).expect("written");
        let text = settings("payments", "look-alike");
        std::fs::write(team.join(format!("{name}.toml")), text).expect("written");
    }
    for hidden in ["..wasm", "...wasm", ".echo.wasm"] {
        std::fs::write(team.join(hidden), guest("echo")).expect("written");
    }
    let raw = OsStr::from_bytes(b"ec\xffho.wasm");
    std::fs::write(team.join(raw), guest("echo")).expect("written");
    for look_alike in [
        "Shop",
        "SHOP",
        "sh\u{43e}p",
        "shop ",
        "..shop",
        "shop\u{200d}",
    ] {
        let folder = format!("rules/{look_alike}");
        site.put(&format!("{folder}/echo.wasm"), &guest("echo"));
        site.put(
            &format!("{folder}/echo.toml"),
            settings("shop", "look-alike").as_bytes(),
        );
    }

    let record = goes_on(&site, &server).await;
    let listing = server.get("/api/v1/rules").await;

    let rules = listing["rules"].as_array().expect("a list");
    let rules: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule["name"].as_str())
        .collect();
    assert_eq!(rules, ["payments/echo", "shop/echo"]);
    assert!(!record.to_string().contains("look-alike"), "{record}");
    let ignored = listing["ignored"].as_array().expect("a list");
    let of_team = ignored.iter().filter(|ignored| {
        let path = ignored["path"].as_str().unwrap_or_default();
        path.contains("/payments/")
    });
    // Each with its settings file, and the name that is no text.
    assert_eq!(of_team.count(), 2 * names.len() + 1, "{listing}");
}
