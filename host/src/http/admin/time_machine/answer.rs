//! The answer to a trial: a task drives it, and its lines wait for whoever asked, a few at a time.
//!
//! Invariants:
//! - Whoever has gone ends what drives the answer at once, and whoever does not read it ends it after [`PATIENCE`].
//! - What ends it has the last line, also where nobody read the others.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::http::error::ApiError;

/// How many lines wait until they are read. The connection itself keeps some more.
const WAITING: usize = 16;

/// How long a line waits for whoever asked: far longer than a network that works lets anybody wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody takes the lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unread;

/// Takes the lines of an answer.
#[derive(Debug)]
pub(super) struct Teller(mpsc::Sender<Bytes>);

impl Teller {
    /// Says a line, and waits until there is room for it.
    ///
    /// # Errors
    /// When nobody reads.
    pub(super) async fn say(&self, line: &Value) -> Result<(), Unread> {
        let saying = timeout(PATIENCE, self.0.send(bytes(line))).await;
        saying.map_err(|_| Unread)?.map_err(|_| Unread)
    }
}

fn bytes(line: &Value) -> Bytes {
    format!("{line}\n").into()
}

/// The body of an answer, whose lines are said by a task of its own. What that comes to is the last line.
pub(super) fn told_by<F>(drive: impl FnOnce(Teller) -> F) -> Body
where
    F: Future<Output = Result<Value, Unread>> + Send + 'static,
{
    let (sender, lines) = mpsc::channel(WAITING + 1);
    let driving = drive(Teller(sender.clone()));
    tokio::spawn(async move {
        // The last line has a place of its own, so that it never waits.
        let Ok(last) = sender.clone().reserve_owned().await else {
            return;
        };
        tokio::select! {
            () = sender.closed() => {}
            end = driving => {
                last.send(bytes(&end.unwrap_or_else(|Unread| unread())));
            }
        }
    });
    Body::from_stream(unfold(lines, |mut lines| async move {
        let line = lines.recv().await?;
        Some((Ok::<_, Infallible>(line), lines))
    }))
}

fn unread() -> Value {
    failed(&ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        "api/too-slow",
        format!("the answer was not read for {} s", PATIENCE.as_secs()),
    ))
}

/// The last line of an answer that ends early.
pub(super) fn failed(error: &ApiError) -> Value {
    json!({ "error": { "code": error.code, "message": error.message } })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;
    use tokio::time::Instant;

    use super::*;

    /// Says lines without end, and holds something until it ends.
    fn endless(held: Arc<()>) -> Body {
        told_by(|teller| async move {
            let _held = held;
            loop {
                teller.say(&json!({ "event": {} })).await?;
            }
        })
    }

    /// Waits until nobody but the test holds it. The clock goes on by itself where all others wait.
    async fn is_let_go(held: &Arc<()>) {
        while Arc::strong_count(held) > 1 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_ends_after_a_minute_and_says_so() {
        let (held, began) = (Arc::new(()), Instant::now());
        let answer = endless(Arc::clone(&held));

        is_let_go(&held).await;
        let waited = began.elapsed();
        let kept = answer.collect().await.expect("lines").to_bytes();

        assert!(waited >= PATIENCE && waited < PATIENCE * 2, "{waited:?}");
        let kept = String::from_utf8_lossy(&kept).into_owned();
        let lines: Vec<&str> = kept.lines().collect();
        assert_eq!(lines.len(), WAITING + 1);
        let last: Value = serde_json::from_str(lines[WAITING]).expect("JSON");
        assert_eq!(last["error"]["code"], "api/too-slow", "{last}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_read_slowly_goes_on() {
        let held = Arc::new(());
        let mut answer = endless(Arc::clone(&held));

        for _ in 0..WAITING * 4 {
            tokio::time::sleep(PATIENCE / 2).await;
            let frame = answer.frame().await.expect("a line").expect("no error");
            let line = frame.into_data().expect("a line");
            assert_eq!(line, bytes(&json!({ "event": {} })));
        }

        assert_eq!(Arc::strong_count(&held), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_ends_what_drives_the_answer_also_while_it_says_nothing() {
        let (held, began) = (Arc::new(()), Instant::now());
        let driving = Arc::clone(&held);
        let answer = told_by(|_teller| async move {
            let _held = driving;
            std::future::pending::<()>().await;
            Ok(Value::Null)
        });

        drop(answer);
        is_let_go(&held).await;

        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn what_it_comes_to_is_the_last_line() {
        let answer = told_by(|teller| async move {
            for _ in 0..WAITING {
                teller.say(&json!(1)).await?;
            }
            Ok(json!(2))
        });

        let lines = answer.collect().await.expect("lines").to_bytes();

        assert!(lines.ends_with(b"1\n2\n"), "{lines:?}");
    }
}
