//! Settings as an operator could get them wrong.

use serde_json::{Value, json};

use super::{BranchPattern, Channel, CommandName, Json, Language, Reader, SettingType};
use crate::event::SubjectName;

fn refusal<T: SettingType + std::fmt::Debug>(value: &Value) -> String {
    T::parse(Json::new(&value.to_string())).expect_err("it is of another type")
}

#[test]
fn each_type_says_what_it_expected() {
    assert_eq!(refusal::<String>(&json!(5)), "a text");
    assert_eq!(refusal::<bool>(&json!("yes")), "true or false");
    assert_eq!(refusal::<i64>(&json!(1.5)), "a whole number");
    assert_eq!(
        refusal::<u32>(&json!(-1)),
        "a whole number from 0 to 4294967295"
    );
    assert_eq!(refusal::<Channel>(&json!("")), "the name of a channel");
    assert_eq!(
        refusal::<CommandName>(&json!(["a"])),
        "the name of a command"
    );
    assert_eq!(refusal::<Language>(&json!("de")), "`en`, `fr` or `zh`");
    assert_eq!(refusal::<Vec<Channel>>(&json!("dev")), "a list of channels");
    assert_eq!(
        refusal::<Vec<Channel>>(&json!(["dev", 5])),
        "a list of channels, each the name of a channel"
    );
    assert!(refusal::<BranchPattern>(&json!("release/[0-9]")).contains("a pattern"));
    assert!(
        refusal::<SubjectName>(&json!("pushes")).starts_with("one of push, tag, merge-request")
    );
}

#[test]
fn right_values_are_taken() {
    let mut reader =
        Reader::new(r#"{"channel":"dev","retries":3,"branches":["main","release/*"]}"#).unwrap();

    assert_eq!(reader.take::<Channel>("channel"), Some(Channel::new("dev")));
    assert_eq!(reader.take::<Option<u8>>("retries"), Some(Some(3)));
    assert_eq!(reader.take::<Option<String>>("mention"), Some(None));
    let branches: Vec<BranchPattern> = reader.take("branches").unwrap();

    assert!(branches[1].matches("release/1.2"));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn every_problem_is_told_at_once_with_the_nearest_key() {
    let mut reader = Reader::new(r#"{"chanel":"dev","language":"de","wholly-other":1}"#).unwrap();

    assert_eq!(reader.take::<Channel>("channel"), None);
    assert_eq!(reader.take::<Language>("language"), None);

    assert_eq!(
        reader.finish().unwrap_err(),
        "`channel` is missing, expected the name of a channel; \
         `language` is `\"de\"`, expected `en`, `fr` or `zh`; \
         unknown key `chanel`: did you mean `channel`?; \
         unknown key `wholly-other`: the keys are `channel`, `language`"
    );
}
