//! A team whose rules are all hostile, beside one that behaves: every guest of `tests/guests` at once, with the real
//! server.
//!
//! Each attack has the end that it must come to, so that a guest which does nothing does not pass for one that was
//! stopped. The server's memory is that of its own process, as the kernel counts it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use hookbox::domain::limits::Limits;
use hookbox::domain::quantity::Bytes;
use serde_json::Value;

use self::ends::{ATTACKS, Attack, BEHAVED, REFUSED};
use crate::support::events::{evaluated_by, evaluations, push_of_its_own, text};
use crate::support::modules::echo_settings;
use crate::support::server::{Server, Site};
use crate::support::{guest, workspace};

mod ends;

/// A hostile team that may keep something and tell a channel, and one that behaves; each has its own projects.
const TEAMS: &str = "
    [sources.gitlab]
    provider = 'gitlab'
    secret = { file = 'secret' }

    [channels.console]
    kind = 'console'
    [channels.spare]
    kind = 'console'
    [channels.others]
    kind = 'console'

    [commands.deploy]
    argv = ['/bin/true']

    [teams.mallory]
    sources = ['*']
    projects = ['mallory/**']
    channels = ['console', 'spare']
    state = '64KiB'

    [teams.good]
    sources = ['*']
    projects = ['good/**']
    channels = ['others']
";

/// Puts these attacks in place, and the rule of the team that behaves.
fn put_rules<'a>(site: &Site, attacks: impl Iterator<Item = &'a Attack>) {
    for attack in attacks {
        let path = format!("rules/mallory/{}", attack.rule);
        site.put(&format!("{path}.toml"), attack.settings().as_bytes());
        site.put(&format!("{path}.wasm"), &guest(attack.guest));
    }
    let settings = echo_settings("good").replace("console", "others");
    site.put("rules/good/echo.toml", settings.as_bytes());
    site.put("rules/good/echo.wasm", &guest("echo"));
}

/// A server with every attack at work.
async fn attacked() -> (Site, Server) {
    let site = Site::new(TEAMS);
    put_rules(&site, ATTACKS.iter());
    for (name, _) in REFUSED {
        site.put(&format!("rules/mallory/{name}.wasm"), &guest(name));
    }
    let server = site.serve().await;
    for attack in ATTACKS {
        let rule = format!("mallory/{}", attack.rule);
        server.rule_in_state(&rule, "active").await;
    }
    server.rule_in_state("good/echo", "active").await;
    (site, server)
}

/// Sends a push of its own to a project of a team, which is answered `202`, and returns its identifier.
async fn push(server: &Server, team: &str) -> String {
    let body = push_of_its_own().replace("payments/storefront", &format!("{team}/storefront"));
    server.send("Push Hook", &body).await
}

/// How an evaluation ended: the code of its fault, or its reason.
fn end(evaluation: &Value) -> String {
    let outcome = &evaluation["outcome"];
    match outcome["faulted"]["kind"].as_str() {
        Some(kind) => format!("rule/{kind}"),
        None => text(&outcome["decided"]["reason"]),
    }
}

/// A line of what the kernel says of the server's memory, in bytes.
fn memory(server: &Server, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("the process is there");
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    let kibibytes = found.expect("the kernel counts it").trim();
    let kibibytes = kibibytes.trim_end_matches(" kB").parse::<u64>();
    kibibytes.expect("it is a number") * 1024
}

/// Has the kernel count the most memory of the server anew.
/// <https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html>
fn forget_peak(server: &Server) {
    let path = format!("/proc/{}/clear_refs", server.pid());
    std::fs::write(path, "5").expect("the process is this user's");
}

/// What one evaluation may take of the server: its own memory; what is handed over, once as the module has it and
/// once as the server does; and the body of the delivery, handed the other way.
fn of_an_evaluation() -> u64 {
    let limits = Limits::DEFAULT;
    limits.memory.0 + 2 * limits.copied_out.0 + Bytes::mib(1).0
}

/// What the server has for itself besides, while events wait that it had room for before: buffers of requests, pages
/// of the store, and what an allocator does not give back at once.
const OWN: Bytes = Bytes::mib(24);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_at_once_ends_as_it_must_and_takes_no_more_memory_than_its_limit() {
    const EVENTS: usize = 40;
    let (_site, server) = attacked().await;
    for _ in 0..EVENTS {
        push(&server, "nobody").await;
    }
    let event = push(&server, "good").await;
    server.settled(&event).await;
    server.idle().await;
    let before = memory(&server, "VmRSS:");
    forget_peak(&server);

    let first = push(&server, "mallory").await;
    for _ in 1..EVENTS {
        push(&server, "mallory").await;
    }
    let event = push(&server, "good").await;
    let good = server.settled(&event).await;
    let attacked = server.settled(&first).await;
    server.idle().await;
    let taken = memory(&server, "VmHWM:").saturating_sub(before);

    let ends: BTreeMap<String, String> = evaluations(&attacked)
        .into_iter()
        .map(|evaluation| {
            let end = end(evaluation).replace(&first, "EVENT");
            (text(&evaluation["rule"]), end)
        })
        .collect();
    let expected: BTreeMap<String, String> = ATTACKS
        .iter()
        .map(|attack| (format!("mallory/{}", attack.rule), attack.end.to_owned()))
        .collect();
    assert_eq!(ends, expected);
    for action in attacked["record"]["actions"].as_array().expect("a list") {
        assert_eq!(action["state"], "refused", "{action}");
    }
    assert_eq!(evaluated_by(&good), ["good/echo"]);
    for (name, code) in REFUSED {
        let rule = server.rule(&format!("mallory/{name}")).await;
        assert_eq!(rule.expect("it is listed")["code"], *code, "{name}");
    }
    // Rules that keep something are asked in order, so there is one evaluation of each team at once.
    let bound = 2 * of_an_evaluation() + OWN.0;
    println!("it took {} KiB of {} KiB", taken / 1024, bound / 1024);
    assert!(taken < bound, "{taken} bytes, and may take {bound}");
}

/// A server with the attacks that are no faults, so that no quarantine ends them, and as many rules as one turn of a
/// team is for, which together take as long as one is for. Nothing is kept, so that the team is on every thread.
async fn attacked_for_long() -> (Site, Server) {
    let site = Site::new(&TEAMS.replace("state = '64KiB'", "limits = { fuel = 100_000_000 }"));
    let lasting = |attack: &&Attack| !attack.end.starts_with("rule/");
    put_rules(&site, ATTACKS.iter().filter(lasting));
    site.put("rules/mallory/a.wasm", &guest("slow"));
    for number in 0..64 {
        let settings = "module = 'a.wasm'\n[settings]\nsteps = 9_000_000\n";
        site.put(
            &format!("rules/mallory/a-{number:02}.toml"),
            settings.as_bytes(),
        );
    }
    let server = site.serve().await;
    for rule in ["mallory/a-63", "mallory/lying-manifest", "good/echo"] {
        server.rule_in_state(rule, "active").await;
    }
    (site, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hostile_events_keep_no_hook_from_its_202_and_delay_another_team_by_a_unit() {
    const WAITING: usize = 1_000;
    let (_site, server) = attacked_for_long().await;

    let mut hostile = Vec::new();
    for _ in 0..WAITING / 50 {
        hostile.extend(join_all((0..50).map(|_| push(&server, "mallory"))).await);
    }
    let event = push(&server, "good").await;
    let good = server.settled(&event).await;
    let status = server.get("/api/v1/status").await;

    let from = good["record"]["event"]["received-at"].as_i64();
    let to = good["record"]["evaluations"][0]["at"].as_i64();
    let meanwhile = from.expect("a moment")..=to.expect("a moment");
    // Each commit of a unit, or of the part of it that is one turn, has a moment of its own.
    let (mut before, mut between) = (0, BTreeSet::new());
    for event in &hostile {
        let record = server.record(event).await;
        let commits = record["record"]["evaluations"].as_array().expect("a list");
        let Some(first) = commits.first() else {
            continue;
        };
        before += usize::from(end(&first["evaluation"]).starts_with("the sum is"));
        let moments = commits.iter().filter_map(|one| one["at"].as_i64());
        let moments = moments.filter(|at| meanwhile.contains(at));
        between.extend(moments.map(|at| (event, at)));
    }
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    println!(
        "{} turns ended in {meanwhile:?}, {before} events before",
        between.len()
    );
    assert!(before > 0, "the hostile team was never at work");
    // Those that are at work when it is accepted, and those that are when it is its turn.
    assert!(
        between.len() <= 2 * threads,
        "{} turns of the hostile team ended before the event of the other",
        between.len()
    );
    let left = status["backlog"]["events"].as_u64().expect("a count")
        + status["backlog"]["deliveries"].as_u64().expect("a count");
    assert!(
        left > u64::try_from(WAITING / 2).expect("it is small"),
        "only {left} of the hostile events still waited"
    );
    server.kill();
}

#[test]
fn every_guest_attacks_behaves_or_is_refused() {
    let folders =
        std::fs::read_dir(workspace().join("tests/guests")).expect("the guests are there");
    let guests: BTreeSet<String> = folders
        .map(|entry| entry.expect("it can be read"))
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();

    let attacks = ATTACKS.iter().map(|attack| attack.guest);
    let refused = REFUSED.iter().map(|(name, _)| *name);
    let known = attacks.chain(refused).chain(BEHAVED.iter().copied());

    assert_eq!(guests, known.map(str::to_owned).collect());
}
