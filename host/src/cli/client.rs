//! Asking a running server through its admin listener.

use anyhow::Context as _;
use serde_json::Value;

use super::{CliError, Exit, Global, output};
use crate::config::env::{Secrets, variable};
use crate::domain::secret::ReadSecret as _;
use crate::server::admin_token_path;

/// How long an answer may take that goes on as long as there is something to say.
const LONG: std::time::Duration = std::time::Duration::from_hours(24);

/// A running server's admin interface.
pub(super) struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
}

/// A name as one part of a path, whatever it holds.
///
/// # Errors
/// For what no path can have: nothing, and what leads upwards.
pub(super) fn segment(name: &str) -> Result<String, CliError> {
    if matches!(name, "" | "." | "..") {
        let error = anyhow::anyhow!("`{name}` is no name");
        return Err(CliError::new(Exit::Usage, error));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let escaped = name.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    Ok(escaped.collect())
}

/// An HTTP client that follows no redirect: the token must not travel on.
pub(super) fn http() -> Result<reqwest::Client, CliError> {
    // Another provider that was installed before does as well.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(std::time::Duration::from_secs(30))
        .build()
        .map_err(|error| CliError::new(Exit::Internal, error))
}

impl Client {
    /// Finds the server and its token: from the options, from the environment, or from the
    /// configuration of this folder.
    pub(super) fn new(global: &Global) -> Result<Self, CliError> {
        let named = global.server.clone().or_else(|| variable("HOOKBOX_SERVER"));
        let token = variable("HOOKBOX_TOKEN");
        let (base, token) = match (named, token) {
            (Some(base), Some(token)) => (base, token),
            (named, token) => {
                let config = global.load()?;
                let base = named.unwrap_or_else(|| format!("http://{}", config.admin_listen));
                let token = match token {
                    Some(token) => token,
                    None => configured_token(&config)?,
                };
                (base, token)
            }
        };
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            token,
            http: http()?,
        })
    }

    /// Asks for a path of the interface.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Value, CliError> {
        let request = self.http.get(format!("{}{path}", self.base)).query(query);
        self.send(request).await
    }

    /// Sends to a path of the interface.
    pub(super) async fn post(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Value, CliError> {
        let request = self.http.post(format!("{}{path}", self.base)).query(query);
        self.send(request).await
    }

    /// Has what a path of the interface stands for forgotten.
    pub(super) async fn delete(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Value, CliError> {
        let request = self
            .http
            .delete(format!("{}{path}", self.base))
            .query(query);
        self.send(request).await
    }

    /// Sends JSON to a path of the interface.
    pub(super) async fn post_json(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        self.send(request).await
    }

    /// Sends JSON to a path of the interface that answers with one JSON object a line, and takes its time.
    pub(super) async fn post_for_lines(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: &Value,
    ) -> Result<Lines, CliError> {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = request.query(query).json(body).timeout(LONG);
        let answer = self.answer(request).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Lines {
                answer,
                read: Vec::new(),
            });
        }
        Err(refused(status, &json_of(answer).await?))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, CliError> {
        let answer = self.answer(request).await?;
        let status = answer.status();
        let body = json_of(answer).await?;
        if status.is_success() {
            return Ok(body);
        }
        Err(refused(status, &body))
    }

    async fn answer(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, CliError> {
        let answer = request.bearer_auth(&self.token).send().await;
        answer.map_err(|error| {
            CliError::new(
                Exit::Unreachable,
                anyhow::Error::new(error)
                    .context(format!("the server at {} does not answer", self.base)),
            )
            .hint("start it with `hookbox serve`, or name it with `--server` or `HOOKBOX_SERVER`")
        })
    }
}

async fn json_of(answer: reqwest::Response) -> Result<Value, CliError> {
    answer
        .json()
        .await
        .context("the answer is not JSON: is this the admin address?")
        .map_err(|error| CliError::new(Exit::Unreachable, error))
}

/// What the server says no with.
fn refused(status: reqwest::StatusCode, body: &Value) -> CliError {
    let message = body["error"]["message"]
        .as_str()
        .unwrap_or("no reason given");
    let code = body["error"]["code"].as_str().unwrap_or_default();
    // The server did its part.
    if code == "api/channel-failed" {
        return CliError::new(Exit::Failed, anyhow::anyhow!("{}", output::safe(message)));
    }
    if code.starts_with("rule/") {
        let error = anyhow::anyhow!("{} ({code})", output::safe(message));
        return CliError::new(
            Exit::Rule,
            error.context("the server would not take the rule"),
        );
    }
    CliError::new(
        Exit::Refused,
        anyhow::anyhow!("the server refused: {message} ({status})"),
    )
}

/// An answer of one JSON object a line, as it comes.
pub(super) struct Lines {
    answer: reqwest::Response,
    read: Vec<u8>,
}

impl Lines {
    /// The next line; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Value>, CliError> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let line = serde_json::from_slice(&line);
                return line.map(Some).map_err(|error| broken_off(error.into()));
            }
            match self.answer.chunk().await {
                Ok(Some(chunk)) => self.read.extend_from_slice(&chunk),
                Ok(None) if self.read.is_empty() => return Ok(None),
                Ok(None) => {
                    let error = anyhow::anyhow!("the connection was closed");
                    return Err(broken_off(error));
                }
                Err(error) => return Err(broken_off(error.into())),
            }
        }
    }
}

fn broken_off(error: anyhow::Error) -> CliError {
    CliError::new(
        Exit::Unreachable,
        error.context("the server's answer broke off"),
    )
}

fn configured_token(config: &crate::config::Config) -> Result<String, CliError> {
    if let Some(reference) = &config.admin_token {
        let secrets = Secrets {
            folder: config.folder.clone(),
        };
        return secrets
            .read(reference)
            .map(|secret| secret.expose().to_owned())
            .map_err(|error| CliError::new(Exit::Config, error).hint("or set `HOOKBOX_TOKEN`"));
    }
    let path = admin_token_path(&config.data);
    std::fs::read_to_string(&path)
        .map(|token| token.trim().to_owned())
        .with_context(|| format!("the admin token `{}` cannot be read", path.display()))
        .map_err(|error| {
            CliError::new(Exit::Unreachable, error)
                .hint("a server that runs with this configuration makes it; or set `HOOKBOX_TOKEN`")
        })
}
