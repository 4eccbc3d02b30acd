//! Following a command to its end: what it writes is shown as it comes.
//!
//! Of a long output the server keeps the beginning and the end, so that what was shown last is looked for in what there
//! is now.

use std::time::Duration;

use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::output::{one_line, text};
use crate::cli::{CliError, Exit, output};

/// How often the server is asked.
const POLL: Duration = Duration::from_millis(250);

/// How much of what was shown last is looked for, in bytes: more than a line, so that it is found once.
const SEAM: usize = 512;

/// How much of an output is asked for each time, in bytes: what comes between two looks, as a rule.
const LOOKED_AT: u32 = 256 << 10;

/// What is shown while a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// Its output.
    Output,
    /// Nothing.
    Nothing,
}

/// Waits until an action has ended, and returns the last answer about its output.
pub(super) async fn follow(client: &Client, id: i64, shows: Shows) -> Result<Value, CliError> {
    let path = format!("/api/v1/actions/{id}/output");
    let mut shown = Shown::default();
    loop {
        let limit = ("limit", LOOKED_AT.to_string());
        let answer = client.get(&path, &[limit]).await?;
        if shows == Shows::Output {
            let number = answer["attempt"]["number"].as_u64().unwrap_or(0);
            output::write(&output::safe(
                &shown.news(number, answer["text"].as_str().unwrap_or("")),
            ));
        }
        if ended(&answer).is_some() {
            return Ok(answer);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// How an action ended; none while it has not.
pub(super) fn ended(action: &Value) -> Option<Result<Exit, CliError>> {
    let state = action["state"].as_str()?;
    match state {
        "waiting" | "running" | "retrying" => return None,
        "done" => return Some(Ok(Exit::Ok)),
        _ => {}
    }
    let id = text(action.get("action").unwrap_or(&action["id"]));
    let reasons = [
        &action["detail"],
        &action["attempt"]["detail"],
        &action["caused-by"],
    ];
    let reason = reasons.into_iter().find(|reason| reason.is_string());
    let reason = reason.map(|reason| format!(": {}", one_line(reason)));
    let error = anyhow::anyhow!(
        "action {id} is {}{}",
        output::safe(state),
        reason.unwrap_or_default()
    );
    let shows = format!("`hookbox actions show {id}` shows its attempts");
    let hint = match state {
        // Something newer is there.
        "superseded" => shows,
        _ => format!("{shows}, and `hookbox actions retry {id}` tries it again"),
    };
    Some(Err(CliError::new(Exit::Failed, error).hint(hint)))
}

/// What was shown so far of the newest attempt.
#[derive(Default)]
struct Shown {
    attempt: u64,
    text: String,
}

impl Shown {
    /// What is new in an attempt's output.
    fn news(&mut self, attempt: u64, now: &str) -> String {
        if attempt != self.attempt {
            self.attempt = attempt;
            self.text.clear();
        }
        let news = match now.strip_prefix(self.text.as_str()) {
            Some(news) => news.to_owned(),
            None => {
                let seam = self.text.len().saturating_sub(SEAM);
                let seam = (seam..=self.text.len()).find(|at| self.text.is_char_boundary(*at));
                let seam = &self.text[seam.unwrap_or(self.text.len())..];
                match now.rfind(seam) {
                    Some(at) => now[at + seam.len()..].to_owned(),
                    None => format!("\n… what came between was not seen …\n{now}"),
                }
            }
        };
        now.clone_into(&mut self.text);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_shown_once() {
        let mut shown = Shown::default();

        assert_eq!(shown.news(1, "a\n"), "a\n");
        assert_eq!(shown.news(1, "a\n"), "");
        assert_eq!(shown.news(1, "a\nbé\n"), "bé\n");
        assert_eq!(shown.news(2, "a\n"), "a\n");
    }

    #[test]
    fn an_output_of_which_the_middle_was_left_out_goes_on_where_it_was_seen_last() {
        let mut shown = Shown::default();
        let lines = |from: u32, to: u32| {
            (from..to)
                .map(|n| format!("line {n}\n"))
                .collect::<String>()
        };

        shown.news(1, &lines(0, 300));
        let news = shown.news(
            1,
            &format!("{}… left out …\n{}", lines(0, 10), lines(200, 320)),
        );

        assert_eq!(news, lines(300, 320));
        let lost = shown.news(
            1,
            &format!("{}… left out …\n{}", lines(0, 10), lines(900, 902)),
        );
        assert!(lost.contains("not seen"), "{lost}");
        assert!(lost.ends_with("line 901\n"), "{lost}");
    }

    #[test]
    fn only_done_is_a_good_end() {
        let state = |state: &str| ended(&serde_json::json!({ "id": 1, "state": state }));

        assert!(matches!(state("done"), Some(Ok(Exit::Ok))));
        for open in ["waiting", "running", "retrying"] {
            assert!(state(open).is_none(), "{open}");
        }
        for bad in [
            "dead",
            "refused",
            "superseded",
            "canceled",
            "interrupted",
            "stuck",
        ] {
            let error = state(bad).expect("it has ended").expect_err(bad);
            assert_eq!(error.exit, Exit::Failed);
            assert!(
                error.source.to_string().starts_with("action 1 is "),
                "{bad}"
            );
        }
    }
}
