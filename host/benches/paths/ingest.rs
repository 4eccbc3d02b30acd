//! Accepting deliveries: a bare handler that checks the same HMAC, the durable one, and the whole way
//! to a message at a receiver.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, Throughput};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hookbox::config::Config;
use hookbox::domain::clock::{Clock, SystemClock};
use hookbox::http::{Listener, Public, PublicParts};
use hookbox::server::check_live;
use hookbox::store::sqlite::Sqlite;
use hookbox::worker::Waker;
use sha2::Sha256;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::site::{self, KEY, Serving};

/// The connections that send at once, as a busy GitLab's workers do.
const CONNECTIONS: usize = 256;

/// The requests of one measurement.
const REQUESTS: usize = 8_192;

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    group.sample_size(10);

    let bare = runtime.block_on(bare_handler());
    group.bench_function("bare", |bencher| {
        bencher.iter_custom(|rounds| {
            (0..rounds)
                .map(|_| runtime.block_on(volley(&bare, "/hooks/gitlab", "202")))
                .sum()
        });
    });

    let folder = site::folder("", &[]);
    let durable = runtime.block_on(durable(folder.path()));
    group.bench_function("durable", |bencher| {
        bencher.iter_custom(|rounds| {
            (0..rounds)
                .map(|_| runtime.block_on(volley(&durable, "/hooks/gitlab", "202")))
                .sum()
        });
    });

    let (receiver, count) = runtime.block_on(receiver());
    let echo = site::guest("echo");
    let config = format!("[channels.receiver]\nkind = 'http'\nurl = 'http://{receiver}/'\n");
    let rule = (
        "echo",
        echo.as_slice(),
        "[settings]\nchannel = 'receiver'\n",
    );
    let folder = site::folder(&config, &[rule]);
    let server = Serving::start(folder.path());
    group.bench_function("to-receiver", |bencher| {
        bencher.iter_custom(|rounds| {
            (0..rounds)
                .map(|_| runtime.block_on(whole_way(&server.public, &count)))
                .sum()
        });
    });
    group.finish();
}

/// Sends all requests over all connections; those are open, and the requests made and signed, before the
/// clock starts.
async fn volley(address: &str, path: &str, status: &'static str) -> Duration {
    let mut shares = Vec::new();
    for _ in 0..CONNECTIONS {
        let requests: Vec<Vec<u8>> = (0..REQUESTS / CONNECTIONS)
            .map(|_| site::request(path))
            .collect();
        shares.push((site::connect(address).await, requests));
    }
    let began = Instant::now();
    let tasks: Vec<_> = shares
        .into_iter()
        .map(|(mut stream, requests)| {
            tokio::spawn(async move { site::send_all(&mut stream, &requests, status).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("every request is answered");
    }
    began.elapsed()
}

/// The same, until every message has arrived.
async fn whole_way(address: &str, count: &AtomicU64) -> Duration {
    let before = count.load(Ordering::SeqCst);
    let began = Instant::now();
    volley(address, "/hooks/gitlab", "202").await;
    while count.load(Ordering::SeqCst) < before + REQUESTS as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    began.elapsed()
}

/// An axum handler that checks the signature and answers.
async fn bare_handler() -> String {
    let key = STANDARD
        .decode(KEY.trim_start_matches("whsec_"))
        .expect("the key is Base64");
    let key: Arc<[u8]> = key.into();
    let handler = move |headers: HeaderMap, body: Bytes| {
        let key = Arc::clone(&key);
        async move { check(&key, &headers, &body) }
    };
    serve(Router::new().route("/hooks/gitlab", post(handler))).await
}

fn check(key: &[u8], headers: &HeaderMap, body: &[u8]) -> StatusCode {
    let header = |name: &str| headers[name].to_str().expect("the header is text");
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length does");
    mac.update(header("webhook-id").as_bytes());
    mac.update(b".");
    mac.update(header("webhook-timestamp").as_bytes());
    mac.update(b".");
    mac.update(body);
    let sent = STANDARD
        .decode(header("webhook-signature").trim_start_matches("v1,"))
        .expect("the signature is Base64");
    match mac.verify_slice(&sent) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::UNAUTHORIZED,
    }
}

/// The public listener with its store, and no worker: what is accepted is on disk and stays there.
async fn durable(folder: &Path) -> String {
    let config = Config::load(&folder.join("hookbox.toml")).expect("the configuration is right");
    let live = check_live(&config).expect("the source can be built");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Sqlite::open(folder, Arc::clone(&clock)).expect("the store can be opened");
    let public = Public::new(PublicParts {
        store: Arc::new(store),
        live: Arc::new(RwLock::new(Arc::new(live))),
        clock,
        timezone: config.timezone.clone(),
        waker: Waker::default(),
        trusted_proxies: Vec::new(),
    });
    let listener = Listener::open(config.listen, "listen")
        .await
        .expect("a port is free");
    let address = listener.address().to_string();
    let (running, ending) = watch::channel(false);
    // It ends with the process.
    std::mem::forget(running);
    listener.serve(Arc::new(public).router(), ending);
    address
}

/// A receiver of messages, and how many have arrived.
async fn receiver() -> (String, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let handler = move |_body: Bytes| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { "ok" }
    };
    (serve(Router::new().fallback(handler)).await, count)
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener
        .local_addr()
        .expect("it has an address")
        .to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
