//! What the benchmarks share: modules, an engine, and signed requests over raw connections.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use hookbox::domain::clock::{Clock as _, SystemClock};
use hookbox::domain::secret::Secret;
use hookbox::engine::{Engine, EngineConfig};
use hookbox::sources::samples::{Sample, samples};
use hookbox::sources::{ToSign, signed_headers};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The key with which the requests are signed.
pub(crate) const KEY: &str = "whsec_dGhlIGtleSBvZiB0aGUgYmVuY2htYXJrcywgMzIgYi4=";

pub(crate) fn sample(name: &str) -> &'static Sample {
    samples()
        .find(|sample| sample.provider == "gitlab" && sample.name == name)
        .expect("there is such a sample")
}

pub(crate) fn engine(folder: &Path) -> Arc<Engine> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_hookbox"));
    let config = EngineConfig::new(program, folder.join("cache"));
    Arc::new(Engine::new(&config).expect("the engine can be set up"))
}

fn build(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let name = path.file_name().expect("it has a name").to_owned();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("benches");
    let built = Command::new(env!("CARGO_BIN_EXE_hookbox"))
        .arg("build")
        .arg(&path)
        .arg("--out")
        .arg(&out)
        .status()
        .expect("the program can be run");
    assert!(built.success());
    let module = out.join(name).with_extension("wasm");
    std::fs::read(module).expect("the module is there")
}

pub(crate) fn rule(name: &str) -> Vec<u8> {
    build(&format!("rules/{name}"))
}

pub(crate) fn guest(name: &str) -> Vec<u8> {
    build(&format!("tests/guests/{name}"))
}

/// A push in bytes, as a sender puts it on the wire, with a new delivery identifier.
pub(crate) fn request(path: &str) -> Vec<u8> {
    static SECRET: OnceLock<Secret> = OnceLock::new();
    let sample = sample("push");
    let id = uuid::Uuid::now_v7().to_string();
    let headers = signed_headers(&ToSign {
        provider: "gitlab",
        signature: None,
        secret: SECRET.get_or_init(|| Secret::new(KEY)),
        event: sample.event_header,
        body: sample.body.as_bytes(),
        id: &id,
        now: SystemClock.now(),
    })
    .expect("the key is right");
    let mut text = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        text.push_str(&name);
        text.push_str(": ");
        text.push_str(&value);
        text.push_str("\r\n");
    }
    text.push_str("content-length: ");
    text.push_str(&sample.body.len().to_string());
    text.push_str("\r\n\r\n");
    text.push_str(sample.body);
    text.into_bytes()
}

pub(crate) async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    stream.set_nodelay(true).expect("a socket's option");
    stream
}

/// Sends requests one after the other over one connection, and checks each status.
pub(crate) async fn send_all(stream: &mut TcpStream, requests: &[Vec<u8>], status: &str) {
    let mut buffer = vec![0; 4096];
    for request in requests {
        stream.write_all(request).await.expect("the server reads");
        let mut filled = 0;
        loop {
            let count = stream
                .read(&mut buffer[filled..])
                .await
                .expect("the server answers");
            assert!(count > 0, "the server closed the connection");
            filled += count;
            if is_whole(&buffer[..filled]) {
                break;
            }
        }
        let text = String::from_utf8_lossy(&buffer[..filled]);
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
    }
}

/// Whether an answer has arrived with all of its body.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")
                .map(str::to_owned)
        })
        .and_then(|length| length.parse::<usize>().ok())
        .unwrap_or(0);
    body.len() >= length
}

/// A folder with a configuration that takes the signed requests, and these rules.
pub(crate) fn folder(config: &str, rules: &[(&str, &[u8], &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let put = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("a file can be written");
    };
    std::fs::create_dir(folder.path().join("rules")).expect("a folder can be made");
    put("secret", KEY.as_bytes());
    put(
        "hookbox.toml",
        format!(
            "listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'\n\
             [sources.gitlab]\nprovider = 'gitlab'\nsecret = {{ file = 'secret' }}\n\
             [shared]\nsources = ['*']\nchannels = ['*']\ncommands = ['*']\n\
             [limits]\nrate = 1_000_000_000\nburst = 1_000_000_000\n{config}"
        )
        .as_bytes(),
    );
    for (name, module, settings) in rules {
        put(&format!("rules/{name}.wasm"), module);
        put(&format!("rules/{name}.toml"), settings.as_bytes());
    }
    folder
}

/// A server of its own process, as in production.
pub(crate) struct Serving {
    child: std::process::Child,
    pub(crate) public: String,
    pub(crate) admin: String,
}

impl Serving {
    pub(crate) fn start(folder: &Path) -> Self {
        use std::io::BufRead as _;
        let mut child = Command::new(env!("CARGO_BIN_EXE_hookbox"))
            .arg("serve")
            .current_dir(folder)
            .env("HOOKBOX_LOG", "error")
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = std::io::BufReader::new(stdout).lines();
        let line = lines
            .next()
            .expect("it says where it listens")
            .expect("text");
        let address = |number: usize| {
            let rest = line.split("http://").nth(number)?;
            Some(rest.split([' ', '/', ')']).next()?.to_owned())
        };
        let (public, admin) = address(1)
            .zip(address(2))
            .expect("the line has both addresses");
        // What a console channel would write must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            public,
            admin,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
