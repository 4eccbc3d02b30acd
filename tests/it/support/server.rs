//! A running server with a folder of its own, and the questions tests ask it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use super::{eventually, program};

/// The secret of the source `gitlab` in [`Site::CONFIG`].
pub(crate) const SECRET: &str = "a-secret-of-the-tests";

/// A folder with a configuration, rules and data; servers are started in it one after the other.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
}

impl Site {
    /// A source, a console channel, and nothing granted but both, as fast as a rule likes.
    pub(crate) const CONFIG: &'static str = r#"
        [sources.gitlab]
        provider = "gitlab"
        secret = { file = "secret" }

        [channels.console]
        kind = "console"

        [shared]
        sources = ["*"]
        channels = ["*"]
        commands = ["*"]

        [limits]
        rate = 1_000_000
        burst = 1_000_000
    "#;

    /// A folder with this configuration, to which listeners on free ports are added.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::create_dir(folder.path().join("rules")).expect("a folder can be made");
        std::fs::write(folder.path().join("secret"), SECRET).expect("a file can be written");
        let site = Self { folder };
        site.configure(config);
        site
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, config: &str) {
        let listeners = "listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'\n";
        self.put("hookbox.toml", format!("{listeners}{config}").as_bytes());
    }

    /// Puts a file in place with one rename.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        let folder = path.parent().expect("it has a folder");
        std::fs::create_dir_all(folder).expect("the folder can be made");
        let partial = folder.join(format!(".{}.partial", uuid::Uuid::now_v7()));
        std::fs::write(&partial, bytes).expect("the file can be written");
        std::fs::rename(&partial, &path).expect("the file can be renamed");
    }

    /// Starts the server and waits until it listens.
    pub(crate) async fn serve(&self) -> Server {
        self.serve_with(&[]).await
    }

    /// Starts the server with more arguments, and waits until it listens.
    pub(crate) async fn serve_with(&self, arguments: &[&str]) -> Server {
        let mut command = Command::new(program());
        command.arg("serve").args(arguments);
        self.serve_by(command).await
    }

    /// Starts the server by a command that becomes it, and waits until it listens.
    pub(crate) async fn serve_by(&self, mut command: Command) -> Server {
        let mut child = command
            .current_dir(self.path())
            .env_remove("HOOKBOX_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let log = collect(child.stderr.take().expect("it is piped"));
        let stdout = child.stdout.take().expect("it is piped");
        let console: Arc<Mutex<String>> = Arc::default();
        let (ready, line) = tokio::sync::oneshot::channel();
        let shared = Arc::clone(&console);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            // A server that does not start writes no line, which the receiver sees.
            let _ended = lines.next().map(|line| ready.send(line));
            for line in lines.map_while(Result::ok) {
                let mut console = shared.lock().expect("nobody panicked");
                console.push_str(&line);
                console.push('\n');
            }
        });
        let line = match line.await {
            Ok(line) => line.expect("the line is text"),
            Err(_) => {
                let status = child.wait().expect("it can be waited for");
                panic!(
                    "the server did not start: {status}\n{}",
                    log.lock().expect("nobody panicked")
                );
            }
        };
        let mut addresses = line.split("http://").skip(1).map(|rest| {
            let end = rest
                .find(|character: char| !character.is_ascii_digit() && !".:".contains(character))
                .unwrap_or(rest.len());
            format!("http://{}", &rest[..end])
        });
        let public = addresses.next().expect("the line has the public address");
        let admin = addresses.next().expect("the line has the admin address");
        // As the server sees its folder: it may have one of its own in this place.
        let seen = format!("/proc/{}/root{}", child.id(), self.path().display());
        let token = std::fs::read_to_string(Path::new(&seen).join("data/admin-token"))
            .expect("the server made a token")
            .trim()
            .to_owned();
        Server {
            public,
            admin,
            token,
            http: client(),
            console,
            log,
            child: Some(child),
        }
    }
}

fn collect(mut stream: impl std::io::Read + Send + 'static) -> Arc<Mutex<String>> {
    let text: Arc<Mutex<String>> = Arc::default();
    let shared = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut bytes) {
            let mut text = shared.lock().expect("nobody panicked");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    });
    text
}

fn client() -> reqwest::Client {
    // The first test of the process installs it.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client can be made")
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    pub(crate) public: String,
    pub(crate) admin: String,
    pub(crate) token: String,
    pub(crate) http: reqwest::Client,
    console: Arc<Mutex<String>>,
    log: Arc<Mutex<String>>,
    child: Option<Child>,
}

impl Server {
    /// What the channels of kind `console` wrote.
    pub(crate) fn console(&self) -> String {
        self.console.lock().expect("nobody panicked").clone()
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nobody panicked").clone()
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Sends a request to a source, with a right token and a new delivery identifier.
    pub(crate) fn hook(
        &self,
        event: &str,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/hooks/gitlab", self.public))
            .header("content-type", "application/json")
            .header("x-gitlab-event", event)
            .header("x-gitlab-token", SECRET)
            .header("idempotency-key", uuid::Uuid::now_v7().to_string())
            .body(body)
    }

    /// Sends a sample, and returns the identifier that the server gave it.
    pub(crate) async fn send_sample(&self, name: &str) -> String {
        let sample = hookbox::sources::samples::samples()
            .find(|sample| sample.provider == "gitlab" && sample.name == name)
            .expect("there is such a sample");
        let answer = self
            .hook(sample.event_header, sample.body)
            .send()
            .await
            .expect("the server answers");
        assert_eq!(answer.status(), 202);
        let body: Value = answer.json().await.expect("the answer is JSON");
        body["id"]
            .as_str()
            .expect("the answer has an id")
            .to_owned()
    }

    /// Asks the admin interface.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self
            .http
            .get(format!("{}{path}", self.admin))
            .bearer_auth(&self.token)
            .send()
            .await
            .expect("the server answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("the answer is JSON");
        assert!(status.is_success(), "{path}: {status}: {body}");
        body
    }

    /// Sends to the admin interface.
    pub(crate) async fn post(&self, path: &str) -> Value {
        let answer = self
            .http
            .post(format!("{}{path}", self.admin))
            .bearer_auth(&self.token)
            .send()
            .await
            .expect("the server answers");
        answer.json().await.expect("the answer is JSON")
    }

    /// The record of an event, once every action of it has ended.
    pub(crate) async fn settled(&self, event: &str) -> Value {
        eventually("the event is settled", || async {
            let record = self.get(&format!("/api/v1/events/{event}")).await;
            let open = record["record"]["actions"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|action| {
                    matches!(
                        action["state"].as_str(),
                        Some("waiting" | "running" | "retrying")
                    )
                });
            if record["record"]["state"] == "done" && !open {
                Ok(record)
            } else {
                Err(record.to_string())
            }
        })
        .await
    }

    /// A rule's entry in the listing, once it is in this state.
    pub(crate) async fn rule_in_state(&self, name: &str, state: &str) -> Value {
        eventually(&format!("`{name}` is {state}"), || async {
            let listing = self.get("/api/v1/rules").await;
            let rules = listing["rules"].as_array().cloned().unwrap_or_default();
            rules
                .into_iter()
                .find(|rule| rule["name"] == name && rule["state"] == state)
                .ok_or_else(|| listing.to_string())
        })
        .await
    }

    /// Sends the server a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let child = self.child.as_ref().expect("it runs");
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, signal).expect("it can be told");
    }

    /// Kills the server as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.end_with(rustix::process::Signal::KILL);
    }

    /// Ends the server in order, and returns its exit code.
    pub(crate) async fn terminate(mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it can be told");
        tokio::task::spawn_blocking(move || child.wait().expect("it ends").code())
            .await
            .expect("nothing panicked")
    }

    fn end_with(&mut self, signal: rustix::process::Signal) {
        if let Some(mut child) = self.child.take() {
            let pid = rustix::process::Pid::from_child(&child);
            // It may have ended by itself.
            let _gone = rustix::process::kill_process(pid, signal);
            let _status = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end_with(rustix::process::Signal::KILL);
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "it belongs to the failure's message")]
            {
                eprintln!("the server's log:\n{}", self.log());
            }
        }
    }
}
