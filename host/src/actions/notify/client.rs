//! The outgoing HTTP client, which every channel that speaks HTTP sends through.
//!
//! A channel opens one [`Client`] for its URL and posts to it. The client alone knows the URL; a
//! channel sees an [`Answer`] with a status and the beginning of a body, whatever the status is, and
//! decides what it means.
//!
//! Invariants:
//! - No redirect is followed, and no proxy is used but the channel's own.
//! - Nothing is sent to an address that the guard forbids.
//! - No more than 64 KiB of an answer is ever held.
//! - What leaves this file shows of the URL its scheme, host and port alone.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ::http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Proxy, Response, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{Problem, SettingError, Verdict, status_text};
use super::guard::{ForbiddenAddress, Guard, GuardedResolver};
use super::text::{cut, one_line};
use super::{Context, Sent};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::secret::Secret;

/// A service answers with a few hundred bytes; this holds the longest page that explains an error.
const MAX_ANSWER: usize = 64 << 10;

/// What of an answer is shown: enough for a sentence, little enough for a line.
const MAX_EXCERPT: usize = 200;

/// The longest wait that an answer may ask for: a mistaken date must not hold a message for ever.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Parts of a URL shorter than this are not masked: they are no keys, and masking them would make
/// every message unreadable.
const MIN_MASK: usize = 6;

/// How long a connection may take to stand: a chat server that takes longer is down.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// How long a request may take where nothing is configured.
const TOTAL: Duration = Duration::from_secs(15);

/// The setting that leads to a service.
const URL: &str = "url";

/// What `proxy` says where none is to be used, though one is configured for all channels.
const NO_PROXY: &str = "none";

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    #[default]
    Post,
    Put,
}

/// What is posted.
#[derive(Default)]
pub(super) struct Post {
    /// Whether it is posted or put.
    pub(super) method: Method,
    /// What is added to the URL's query.
    pub(super) query: Vec<(&'static str, String)>,
    /// The headers, `Content-Type` among them.
    pub(super) headers: HeaderMap,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Post {
    /// A body of JSON, with its header.
    pub(super) fn json(body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| Problem::Unsendable {
            reason: error.to_string(),
        })?;
        let json = HeaderValue::from_static("application/json");
        Ok(Self {
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            body,
            ..Self::default()
        })
    }
}

/// An HTTP client for one URL.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    origin: String,
    masks: Masks,
    guard: Guard,
    total: Duration,
    clock: Arc<dyn Clock>,
}

/// What a server answered; any status but a redirect.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The body, or its first 64 KiB.
    body: Vec<u8>,
    /// How long the header `Retry-After` asks to wait, a day at most.
    pub(super) retry_after: Option<Duration>,
}

impl Client {
    /// Prepares a client for a URL, which is the setting `url` or made of it. No message shows these secrets, nor
    /// the parts of the URL: tokens, the values of headers. Connects to nothing.
    pub(super) fn open(
        url: &Secret,
        secrets: &[Secret],
        context: &Context<'_>,
    ) -> Result<Self, SettingError> {
        let guard = Guard::new(&context.forbidden);
        let url = read_url(URL, url, &guard)?;
        let proxy = match &context.outgoing.proxy {
            Some(proxy) => {
                let proxy = proxy.read("proxy", context.secrets)?;
                let is_none = proxy.expose().trim() == NO_PROXY;
                (!is_none)
                    .then(|| read_url("proxy", &proxy, &guard))
                    .transpose()?
            }
            None => None,
        };
        let total = context.outgoing.timeout.map_or(TOTAL, |timeout| timeout.0);
        let reach = Reach {
            url: &url,
            proxy: proxy.as_ref(),
            authorities: authorities(context)?,
            total,
        };
        let http = prepare(reach, &guard).map_err(|error| SettingError::Client {
            key: URL.to_owned(),
            reason: cause(&error),
        })?;
        let mut masks = masks(&url);
        masks.extend(proxy.iter().flat_map(masks_of_credentials));
        masks.extend(secrets.iter().map(|secret| secret.expose().to_owned()));
        Ok(Self {
            http,
            origin: url.origin().ascii_serialization(),
            url,
            masks: Masks::new(masks),
            guard,
            total,
            clock: Arc::clone(&context.clock),
        })
    }

    /// Scheme, host and port of the URL.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Posts a body, once. Dropping the future closes the connection; the server may have taken it.
    pub(super) async fn post(&self, post: Post) -> Result<Answer, Problem> {
        // A listener may have been bound since the channel was opened.
        check_literal(&self.url, &self.guard).map_err(Problem::Forbidden)?;
        let mut url = self.url.clone();
        if !post.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&post.query);
        }
        let request = match post.method {
            Method::Post => self.http.post(url),
            Method::Put => self.http.put(url),
        };
        let request = request.headers(post.headers).body(post.body);
        let mut response = request.send().await.map_err(|error| self.problem(&error))?;
        let status = response.status();
        if status.is_redirection() {
            let to = self.redirect_target(&response);
            return Err(Problem::Redirected { status, to });
        }
        let retry_after = header(&response, RETRY_AFTER.as_str())
            .and_then(|text| retry_after(text, self.clock.now()));
        let headers = response.headers().clone();
        let body = match read_body(&mut response).await {
            Ok(body) => body,
            Err(error) if status.is_success() => return Err(self.problem(&error)),
            // The status says enough: what is lost is its explanation.
            Err(_) => Vec::new(),
        };
        Ok(Answer {
            status,
            headers,
            body,
            retry_after,
        })
    }

    /// The problem that an answer without success is, with what it said about it.
    pub(super) fn refused(&self, answer: &Answer, message: &str) -> Problem {
        Problem::Refused {
            status: answer.status,
            message: self.excerpt(message),
            retry_after: answer.retry_after,
        }
    }

    /// The problem that an answer is by a code of the service's own, whatever its status says.
    pub(super) fn coded(&self, code: impl ToString, message: &str, verdict: Verdict) -> Problem {
        Problem::Coded {
            code: self.excerpt(&code.to_string()),
            message: self.excerpt(message),
            verdict,
        }
    }

    /// The problem that an answer is which has a status of success, and not the form that a success has.
    pub(super) fn not_taken(&self, answer: &Answer, expected: &'static str) -> Problem {
        Problem::NotTaken {
            status: answer.status,
            expected,
            found: self.excerpt(&answer.text()),
        }
    }

    /// The beginning of what a server said, on one line, without what the URL keeps secret: some servers
    /// repeat the path in their error pages.
    pub(super) fn excerpt(&self, said: &str) -> String {
        self.masks.excerpt(said)
    }

    fn redirect_target(&self, response: &Response) -> String {
        let target = header(response, LOCATION.as_str()).and_then(|to| self.url.join(to).ok());
        // Its path may repeat the key.
        target.map_or_else(
            || "nowhere".to_owned(),
            |to| to.origin().ascii_serialization(),
        )
    }

    fn problem(&self, error: &reqwest::Error) -> Problem {
        if let Some(forbidden) = causes(error).find_map(|cause| cause.downcast_ref()) {
            return Problem::Forbidden(*forbidden);
        }
        let reason = self.excerpt(&cause(error));
        if error.is_timeout() {
            let connect = CONNECT.min(self.total);
            let within = if error.is_connect() {
                connect
            } else {
                self.total
            };
            Problem::TimedOut { within }
        } else if error.is_connect() {
            Problem::Unreachable { reason }
        } else if error.is_builder() {
            Problem::Unsendable { reason }
        } else {
            Problem::Broken { reason }
        }
    }
}

/// Texts that no message shows.
pub(super) struct Masks(Vec<String>);

impl Masks {
    /// Masks these texts, but for those too short to be keys.
    pub(super) fn new(mut masks: Vec<String>) -> Self {
        masks.retain(|mask| mask.len() >= MIN_MASK);
        // The longest first, so that no part of it is left.
        masks.sort_by_key(|mask| std::cmp::Reverse(mask.len()));
        Self(masks)
    }

    /// The beginning of what a server said, on one line, without these texts.
    pub(super) fn excerpt(&self, said: &str) -> String {
        let mut shown = said.trim().to_owned();
        for mask in &self.0 {
            shown = shown.replace(mask.as_str(), "…");
        }
        let words: Vec<_> = shown.split_whitespace().collect();
        cut(&one_line(&words.join(" ")), MAX_EXCERPT)
    }
}

impl Answer {
    /// The body as text, with what is not UTF-8 replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON of a form; none where it is something else.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The record of a success.
    pub(super) fn sent(&self) -> Sent {
        let detail = status_text(&self.status);
        Sent { detail }
    }
}

/// The certificates of the authorities that are trusted besides those of the system.
pub(super) fn authorities(context: &Context<'_>) -> Result<Vec<Vec<u8>>, SettingError> {
    let Some(path) = &context.outgoing.ca else {
        return Ok(Vec::new());
    };
    let path = context.folder.join(path);
    let unusable = |reason: String| SettingError::Authorities {
        path: path.clone(),
        reason,
    };
    let found = CertificateDer::pem_file_iter(&path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(error.to_string()))?;
    if found.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(found.into_iter().map(|one| one.to_vec()).collect())
}

fn read_url(key: &str, text: &Secret, guard: &Guard) -> Result<Url, SettingError> {
    let invalid = |expected| SettingError::Invalid {
        key: key.to_owned(),
        expected,
    };
    // The parser's own error is of no use here, and the text is a secret.
    let url = Url::parse(text.expose().trim())
        .map_err(|_| invalid("write a whole URL, such as \"https://chat.example.org/hooks/…\""))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("it begins with neither `https://` nor `http://`"));
    }
    check_literal(&url, guard).map_err(|address| SettingError::Forbidden {
        key: key.to_owned(),
        address,
    })?;
    Ok(url)
}

/// Checks the address that stands in a URL itself, for which no name is resolved.
fn check_literal(url: &Url, guard: &Guard) -> Result<(), ForbiddenAddress> {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => guard.check(SocketAddr::new(ip, port(url))),
        Err(_) => Ok(()),
    }
}

fn port(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or_default()
}

/// How a client reaches its server.
struct Reach<'a> {
    url: &'a Url,
    proxy: Option<&'a Url>,
    authorities: Vec<Vec<u8>>,
    total: Duration,
}

fn prepare(reach: Reach<'_>, guard: &Guard) -> Result<reqwest::Client, reqwest::Error> {
    // It fails when a provider is installed already, which then serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let connects_to = reach.proxy.unwrap_or(reach.url);
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("hookbox/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT.min(reach.total))
        .timeout(reach.total)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .dns_resolver(GuardedResolver::new(guard.clone(), port(connects_to)));
    if reach.url.scheme() == "http" && connects_to.scheme() == "http" {
        // Nothing is encrypted, so no certificates are asked for: a container may have none, and then
        // the platform's verifier cannot be made.
        let nobody = rustls::RootCertStore::empty();
        let config = rustls::ClientConfig::builder().with_root_certificates(nobody);
        builder = builder.tls_backend_preconfigured(config.with_no_client_auth());
    } else {
        let authorities = reach
            .authorities
            .iter()
            .map(|one| Certificate::from_der(one));
        builder = builder.tls_certs_merge(authorities.collect::<Result<Vec<_>, _>>()?);
    }
    if let Some(proxy) = reach.proxy {
        builder = builder.proxy(Proxy::all(proxy.clone())?);
    }
    builder.build()
}

/// What of a URL must not be shown: its path and query, their parts, and its user and password.
fn masks(url: &Url) -> Vec<String> {
    let mut masks = masks_of_credentials(url);
    masks.push(url.path().to_owned());
    masks.extend(url.path().split('/').map(str::to_owned));
    masks.extend(url.query().map(str::to_owned));
    masks.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    masks
}

fn masks_of_credentials(url: &Url) -> Vec<String> {
    let password = url.password().map(str::to_owned);
    password
        .into_iter()
        .chain([url.username().to_owned()])
        .collect()
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MAX_ANSWER - body.len();
        body.extend(chunk.iter().take(room));
        if chunk.len() >= room {
            break;
        }
    }
    Ok(body)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Reads `Retry-After`: seconds, or a date. None when it is neither; zero for a date gone by.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        // More digits than fit are more than a day.
        text.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        let date = jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text)
            .ok()?;
        Timestamp(date.as_millisecond()).since(now)
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}

/// The innermost cause alone: the outer ones name the URL.
pub(super) fn cause(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date_and_is_a_day_at_most() {
        let now = Timestamp(1_795_354_145_000);
        for (text, wait) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(86_400)),
            ("Sun, 22 Nov 2026 13:30:05 GMT", Some(60)),
            ("Sun, 22 Nov 2020 13:30:05 GMT", Some(0)),
            ("Sun, 22 Nov 2099 13:30:05 GMT", Some(86_400)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(
                retry_after(text, now),
                wait.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
