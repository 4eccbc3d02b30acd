//! Settings as a settings file has them, made into what the server hands to a rule.

use serde_json::{Map, Value};

use crate::bindings::hookbox::rule::manifest::Setting;

/// The JSON object of a TOML text, completed with the defaults that the rule declares.
#[track_caller]
pub(crate) fn completed(written: &str, declared: &[Setting]) -> String {
    let mut settings: Map<String, Value> = match toml::from_str(written) {
        Ok(settings) => settings,
        Err(error) => panic!("the case's settings are no TOML: {error}"),
    };
    for setting in declared {
        let Some(default) = &setting.default else {
            continue;
        };
        let default = match serde_json::from_str(default) {
            Ok(default) => default,
            Err(error) => panic!("the default of `{}` is no JSON: {error}", setting.name),
        };
        settings.entry(setting.name.clone()).or_insert(default);
    }
    Value::Object(settings).to_string()
}
