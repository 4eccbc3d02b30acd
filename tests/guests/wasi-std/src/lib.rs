//! Tries what the standard library offers a program, the part that its setting names, and gives what came
//! of it as its reason.
//!
//! For the test of a module for `wasm32-wasip2`, as any program in Rust becomes one.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::Read as _;
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hookbox_sdk::prelude::*;

rule! {
    settings: Settings {
        /// What to try.
        attempt: String = "environment",
    },
    evaluate: attempt,
}

fn attempt(event: &Event, settings: &Settings) -> Decision {
    nothing(match settings.attempt.as_str() {
        "environment" => format!(
            "{} variables, {} arguments",
            std::env::vars().count(),
            std::env::args().count()
        ),
        "files" => files(),
        "sockets" => sockets(),
        "clocks" => clocks(),
        "random" => format!("{:016x}", RandomState::new().build_hasher().finish()),
        "input" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            format!("{:?} {text:?}", read.ok())
        }
        "output" => {
            println!("about {}", event.id);
            eprintln!("a complaint");
            print!("without an end");
            "it is written".to_owned()
        }
        "sleep" => {
            std::thread::sleep(Duration::from_millis(1));
            "it slept".to_owned()
        }
        "thread" => format!("{}", std::thread::Builder::new().spawn(|| ()).is_ok()),
        "exit" => std::process::exit(3),
        "panic" => panic!("there is nothing in event {}", event.id),
        other => format!("nothing is called `{other}`"),
    })
}

fn files() -> String {
    let read = std::fs::read_to_string("/etc/passwd").is_ok();
    let listed = std::fs::read_dir(".").is_ok();
    let written = std::fs::write("note.txt", "a note").is_ok();
    format!("{read} {listed} {written}")
}

fn sockets() -> String {
    let connected = TcpStream::connect("127.0.0.1:80").is_ok();
    let bound = UdpSocket::bind("127.0.0.1:0").is_ok();
    let found = ("localhost", 80).to_socket_addrs().is_ok();
    format!("{connected} {bound} {found}")
}

fn clocks() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let began = Instant::now();
    let passed = began.elapsed();
    format!("{} {}", since.map_or(0, |time| time.as_millis()), passed.as_nanos())
}
