//! Templates with every value that could break out.

use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};

use super::*;

/// A message whose every text is the same.
struct Same<'a>(&'a str);

impl Parts for Same<'_> {
    fn value(&self, part: Part) -> Value {
        match part {
            Part::Mentions => json!([self.0, self.0]),
            Part::Fields => json!([{ "name": self.0, "value": self.0, "short": false }]),
            _ => json!(self.0),
        }
    }
}

fn parse(content_type: &str, text: &str) -> Result<Template, String> {
    Template::parse(text, Encoding::of(content_type).expect("a type"))
}

fn written(content_type: &str, text: &str, value: &str) -> String {
    let template = parse(content_type, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    template.write(&Same(value))
}

const TEMPLATE: &str = r#"{
  "say": "$$5 for ${title}: ${text}",
  "title": ${title},
  "lists": [${fields}, ${mentions}],
  "text": {"fields": "${fields}", "mentions": "${mentions}"},
  "cost": "$9 $"
}"#;

#[test]
fn values_stand_in_strings_and_where_values_stand() {
    let body = written("application/json", TEMPLATE, "a \"b\"\n\\");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let field = json!([{ "name": "a \"b\"\n\\", "value": "a \"b\"\n\\", "short": false }]);
    assert_eq!(
        body,
        json!({
            "say": "$5 for a \"b\"\n\\: a \"b\"\n\\",
            "title": "a \"b\"\n\\",
            "lists": [field, ["a \"b\"\n\\", "a \"b\"\n\\"]],
            "text": { "fields": field.to_string(), "mentions": "a \"b\"\n\\, a \"b\"\n\\" },
            "cost": "$9 $",
        })
    );
}

#[test]
fn a_message_without_a_part_has_no_text_or_null_there() {
    let template = parse("application/json", TEMPLATE).expect("a template");
    let body: Value = serde_json::from_str(&template.write(&Sample::Nothing)).expect("JSON");
    assert_eq!(body["title"], Value::Null);
    assert_eq!(body["say"], "$5 for : ");
    assert_eq!(body["lists"], json!([[], []]));
}

#[test]
fn each_type_of_body_has_its_own_encoding() {
    let nasty = "a&b=<c d='\"'>\u{1b}é";
    for (content_type, template, expected) in [
        (
            "application/x-www-form-urlencoded",
            "t=${title}&x=1",
            "t=a%26b%3D%3Cc+d%3D%27%22%27%3E%1B%C3%A9&x=1",
        ),
        (
            "text/xml; charset=UTF-8",
            "<?xml version=\"1.0\"?><m t='${title}'><!-- it's -->${text}</m>",
            "<?xml version=\"1.0\"?><m t='a&amp;b=&lt;c d=&#39;&quot;&#39;&gt;\u{fffd}é'><!-- it's -->\
             a&amp;b=&lt;c d=&#39;&quot;&#39;&gt;\u{fffd}é</m>",
        ),
        (
            "text/html",
            "<p title=\"${title}\">${text}</p><script>f('$9')</script>",
            "<p title=\"a&amp;b=&lt;c d=&#39;&quot;&#39;&gt;\u{fffd}é\">a&amp;b=&lt;c d=&#39;&quot;&#39;&gt;\u{fffd}é</p>\
             <script>f('$9')</script>",
        ),
        ("text/plain", "${title}!", "a&b=<c d='\"'>\u{1b}é!"),
        (
            "application/vnd.api+json",
            "[${title}]",
            r#"["a&b=<c d='\"'>\u001bé"]"#,
        ),
    ] {
        assert_eq!(written(content_type, template, nasty), expected);
    }
}

fn assert_refused(content_type: &str, mistakes: &[(&str, &str)]) {
    for (template, expected) in mistakes {
        let error = parse(content_type, template).expect_err(template);
        assert!(error.contains(expected), "{template}: {error}");
    }
}

#[test]
fn a_placeholder_that_is_none_is_found_with_its_neighbour() {
    assert_refused(
        "text/plain",
        &[
            (
                "a ${titel}",
                "`${titel}` is no placeholder, and there are title, text",
            ),
            ("a ${titel}", "is it `${title}`?"),
            ("a ${}", "a `${` is followed by no name"),
            ("a ${ title }", "a `${` is followed by no name"),
            ("${text} ${", "a `${` without its `}`"),
        ],
    );
}

#[test]
fn a_template_that_is_no_json_with_some_message_is_refused() {
    assert_refused(
        "application/json",
        &[
            (
                "{\n\"a\": ${title}\n\"b\": 1}",
                "line 3: expected `,` or `}`",
            ),
            (r#"{"a": 1,}"#, "it is no JSON: line 1: trailing comma"),
            (r#"{"a": "${title}}"#, "it is no JSON"),
            ("", "it is no JSON"),
            (r#"{"a": "\${title}"}"#, "stands behind a backslash"),
            (r#"{"a": "\u00e${title}9"}"#, "it is no JSON"),
            (r#"{"a": "\ud83d${title}"}"#, "it is no JSON"),
            (r#"{"a": 1${title}}"#, "it is no JSON"),
            ("[${title}${text}]", "it is no JSON"),
            (
                "{${title}: 1}",
                "for a message that has no more than a text it is no JSON",
            ),
        ],
    );
}

#[test]
fn a_placeholder_stands_where_its_value_can_be_escaped() {
    assert_refused(
        "text/html",
        &[
            ("<a href=${url}>x</a>", "in a tag outside of quotes"),
            ("<${title}>", "in a tag outside of quotes"),
            (
                "<SCRIPT>f('${title}')</SCRIPT>",
                "behind `<script` or `<style`",
            ),
            ("<style>${title}</style>", "behind `<script` or `<style`"),
        ],
    );
    assert_refused(
        "application/xml",
        &[
            ("<a><!-- ${title} --></a>", "in a comment"),
            ("<a><![CDATA[${title}]]></a>", "in a CDATA section"),
        ],
    );
}

#[test]
fn a_type_for_which_nothing_is_encoded_is_none() {
    for content_type in [
        "application/yaml",
        "json",
        "",
        "application/octet-stream",
        "text/plain; charset=iso-8859-1",
    ] {
        assert!(Encoding::of(content_type).is_err(), "{content_type}");
    }
    let type_with_parameters = "Application/JSON ; charset=\"UTF-8\"; profile=x";
    assert_eq!(Encoding::of(type_with_parameters), Ok(Encoding::Json));
}

/// A value of JSON with every text taken out of it.
fn shape(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => Value::Null,
    }
}

/// A document of XML without what stands between its tags and in its attributes.
fn tags(body: &str) -> String {
    let (mut kept, mut is_tag, mut is_quoted) = (String::new(), false, false);
    for c in body.chars() {
        match c {
            '<' => is_tag = true,
            '\'' if is_tag => is_quoted = !is_quoted,
            _ => {}
        }
        if is_tag && !is_quoted {
            kept.push(c);
        }
        is_tag &= c != '>' || is_quoted;
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_value_breaks_out_of_json(value in any::<String>()) {
        let body = written("application/json", TEMPLATE, &value);
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let plain = written("application/json", TEMPLATE, "x");
        let plain: Value = serde_json::from_str(&plain).expect("JSON");
        assert_eq!(shape(&body), shape(&plain));
        assert_eq!(body["title"], value);
    }

    #[test]
    fn no_value_breaks_out_of_a_form(value in any::<String>()) {
        let body = written("application/x-www-form-urlencoded", "a=${title}&b=2", &value);
        let pairs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(pairs, [("a".to_owned(), value), ("b".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn no_value_breaks_out_of_xml(value in "[<>&\"'a/=! \\-\\[\\]]{0,20}") {
        let template = "<m t='${title}'><n>${text}</n></m>";
        let body = written("application/xml", template, &value);
        assert_eq!(tags(&body), tags(&written("application/xml", template, "x")));
    }

    #[test]
    fn no_text_stops_the_reading_of_a_template(text in "[${}a\"\\\\<>'x!-]{0,24}") {
        for content_type in ["application/json", "text/html", "text/xml", "text/plain"] {
            drop(parse(content_type, &text));
        }
    }
}
