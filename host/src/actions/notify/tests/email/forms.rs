//! The form of letters: headers, both texts, and what strangers cannot do to them.

use serde_json::{Value, json};

use super::super::super::contract::{full, mentioning};
use super::super::{open_kind, plain, send_to};
use super::letters::Letter;
use super::smtp::{MailServer, Script, Security};
use crate::domain::decision::{Field, Notification, Severity};

async fn sent_with(changes: Value, message: &Notification) -> Letter {
    let mut server = MailServer::start(Script::new(Security::None)).await;
    let mut settings = server.settings();
    let changes = changes.as_object().expect("keys").clone();
    settings.as_object_mut().expect("keys").extend(changes);
    let channels = open_kind("email", settings, "ada@example.org");
    send_to(&channels, message).await.expect("a letter taken");
    server.dialog().await.letter()
}

async fn sent(message: &Notification) -> Letter {
    sent_with(json!({}), message).await
}

fn titled(title: &str) -> Notification {
    Notification {
        title: Some(title.to_owned()),
        ..plain("x")
    }
}

fn field(name: &str, value: &str, short: bool) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
        short,
    }
}

#[tokio::test]
async fn no_text_of_a_stranger_makes_a_header() {
    let forged = "x\r\nBcc: eve@example.org\n\nbody\u{2028}\0";
    let mut message = mentioning();
    message.title = Some(forged.to_owned());
    message.footer = Some(forged.to_owned());
    message.mentions = vec![forged.to_owned()];
    message.fields[0].name = forged.to_owned();
    for message in [message, titled(forged), plain(forged)] {
        let letter = sent(&message).await;
        let expected = [
            "Auto-Submitted",
            "Content-Type",
            "Date",
            "From",
            "Importance",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To",
        ];
        let found: Vec<_> = letter.headers.keys().map(String::as_str).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .filter(|name| *name != "Importance" || message.severity.is_some())
            .collect();
        assert_eq!(found, expected);
        assert_eq!(letter.parts.len(), 2);
        assert!(!letter.subject().contains(['\r', '\n', '\0', '\u{2028}']));
    }
}

#[tokio::test]
async fn a_subject_is_the_title_or_the_first_line_behind_the_channels_prefix() {
    for (message, subject) in [
        (titled("Pipeline failed"), "[hookbox] Pipeline failed"),
        (titled("构建失败 é"), "[hookbox] 构建失败 é"),
        (plain("**one**\n\ntwo"), "[hookbox] one"),
        (plain(""), "[hookbox] (no text)"),
        (titled("a\tb\nc"), "[hookbox] a\\tb\\nc"),
    ] {
        let letter = sent_with(json!({ "subject_prefix": "[hookbox]" }), &message).await;
        assert_eq!(letter.subject(), subject);
    }
}

#[tokio::test]
async fn a_subject_of_any_length_or_script_is_folded_and_cut_between_characters() {
    for piece in ["构建失败👩\u{200d}💻", "word ", "long", "é", "👍🏽"] {
        let letter = sent(&titled(&piece.repeat(500))).await;
        let subject = letter.subject();
        assert!(
            subject.ends_with('…') && subject.chars().count() <= 200,
            "{subject}"
        );
        assert!(piece.repeat(500).starts_with(subject.trim_end_matches('…')));
        assert!(letter.has_short_lines());
    }
}

#[tokio::test]
async fn a_title_that_looks_encoded_is_not_decoded_by_the_reader() {
    let letter = sent(&titled("=?utf-8?q?=0D=0ABcc:_eve=40example.org?= x")).await;
    let subject = &letter.headers["Subject"];
    assert!(!subject.contains("?q?"), "{subject}");
    assert_eq!(
        letter.subject().replace('\u{200b}', ""),
        "=?utf-8?q?=0D=0ABcc:_eve=40example.org?= x"
    );
}

#[tokio::test]
async fn importance_follows_the_severity() {
    for (severity, importance) in [
        (None, None),
        (Some(Severity::Info), Some("low")),
        (Some(Severity::Success), Some("normal")),
        (Some(Severity::Warning), Some("normal")),
        (Some(Severity::Error), Some("high")),
    ] {
        let letter = sent(&Notification {
            severity,
            ..plain("x")
        })
        .await;
        let found = letter.headers.get("Importance").map(String::as_str);
        assert_eq!(found, importance);
        assert_eq!(letter.headers["Auto-Submitted"], "auto-generated");
    }
}

#[tokio::test]
async fn lines_that_begin_with_dots_or_are_one_arrive_as_they_are() {
    let letter = sent(&plain("```\n.\n..\n.x\nFrom me\n```")).await;
    assert_eq!(letter.plain(), ".\n..\n.x\nFrom me\n\n");
}

#[tokio::test]
async fn a_text_that_holds_the_boundary_ends_no_part() {
    let letter = sent(&plain("x")).await;
    let boundary = letter.headers["Content-Type"]
        .split('"')
        .nth(1)
        .expect("a boundary");
    let forged = format!("```\n--{boundary}--\n--{boundary}\n```");
    let letter = sent(&plain(&forged)).await;
    assert_eq!(letter.plain(), format!("--{boundary}--\n--{boundary}\n\n"));
    assert!(letter.html().ends_with("</html>\n\n"));
}

#[tokio::test]
async fn short_fields_stand_beside_each_other_and_long_ones_alone() {
    let mut message = plain("x");
    message.fields = vec![
        field("a", "1", true),
        field("b", "2", true),
        field("c", "3", true),
        field("d", "4\n5", false),
        field("e", "6", true),
    ];
    let letter = sent(&message).await;
    assert_eq!(
        letter.plain(),
        "x\n\na: 1\nb: 2\nc: 3\nd: 4\n    5\ne: 6\n\n"
    );
    let rows: Vec<_> = letter.html().split("<tr>").skip(1).collect();
    let names = |row: &&str| row.matches("<strong>").count();
    assert_eq!(rows.iter().map(names).collect::<Vec<_>>(), [2, 1, 1, 1]);
    let spans = |row: &&str| row.matches("colspan").count();
    assert_eq!(rows.iter().map(spans).collect::<Vec<_>>(), [0, 1, 1, 1]);
}

#[tokio::test]
async fn a_letter_that_is_too_long_is_cut_as_a_whole_and_keeps_what_stands_around_the_text() {
    let mut messages = vec![full()];
    messages[0].text = "<&\"' ".repeat(16_000);
    messages.push(full());
    messages[1].fields = (0..3_000)
        .map(|number| field(&format!("name {number}"), "`<&>`", number % 3 > 0))
        .collect();
    messages.push(full());
    messages[2].title = Some("<title>".repeat(5_000));
    messages[2].footer = Some("<footer>".repeat(5_000));
    messages[2].fields[0].name = "<name>".repeat(5_000);
    messages[2].fields[0].value = "**value** ".repeat(5_000);
    messages[2].url = Some(format!("https://example.org/{}", "a".repeat(30_000)));
    for message in messages {
        let letter = sent(&message).await;
        for text in [letter.plain(), letter.html()] {
            assert!(text.len() <= 72_400, "{}", text.len());
            assert!(text.contains("For ada, bob, all"));
            assert!(text.contains('…') && !text.contains('\u{fffd}'));
        }
        assert!(letter.html().ends_with("</div>\n</body>\n</html>\n\n"));
        assert!(letter.has_short_lines());
        for tag in ["p", "strong", "code", "td", "small", "h2"] {
            let count = |mark: &str| letter.html().matches(mark).count();
            let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
            assert_eq!(opened, count(&format!("</{tag}>")), "{tag}");
        }
    }
}

#[tokio::test]
async fn a_link_without_a_title_is_its_own_title_and_leads_only_to_the_web() {
    let mut message = plain("x");
    message.url = Some("https://example.org/7?a='b'&c".to_owned());
    let letter = sent(&message).await;
    let link = "<h2><a href=\"https://example.org/7?a=&#39;b&#39;&amp;c\">https://example.org/7?a=&#39;b&#39;&amp;c</a></h2>";
    assert!(letter.html().contains(link), "{}", letter.html());
    assert_eq!(letter.plain(), "x\n\nhttps://example.org/7?a='b'&c\n\n");

    message.url = Some("javascript:alert(1)".to_owned());
    let letter = sent(&message).await;
    assert!(!letter.html().contains("javascript"));
    assert_eq!(letter.plain(), "x\n\n");
}

#[tokio::test]
async fn the_color_of_a_message_wins_over_that_of_its_severity() {
    let mut message = plain("x");
    message.severity = Some(Severity::Success);
    assert!(
        sent(&message)
            .await
            .html()
            .contains("border-left:4px solid #22c55e")
    );
    message.color = Some(0x00_00ff);
    assert!(
        sent(&message)
            .await
            .html()
            .contains("border-left:4px solid #0000ff")
    );
}
