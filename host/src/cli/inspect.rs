//! `hookbox inspect`: what a module is and asks for.

use std::path::PathBuf;

use serde_json::json;

use super::run::{Scratch, load, read_module};
use super::{CliError, Exit, Global, output};
use crate::domain::limits::Limits;
use crate::domain::manifest::{Manifest, Setting, SettingKind};
use crate::engine::{Form, inspect};

/// Show what a module is, what it can reach and what it asks for
///
/// Prints the settings file and the grants to paste.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The module
    module: PathBuf,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, CliError> {
    let bytes = read_module(&args.module)?;
    let inspection = inspect(&bytes).map_err(|error| CliError::new(Exit::Rule, error))?;
    let scratch = Scratch::new()?;
    let limits = Limits::DEFAULT;
    let module = load(&scratch, &bytes, &limits)?;
    let manifest = module
        .describe(&limits)
        .result
        .map_err(|fault| CliError::new(Exit::Rule, anyhow::anyhow!("asked who it is, {fault}")))?;
    let form = match inspection.form {
        Form::Core => "core module",
        Form::Component => "component",
    };
    if global.json {
        output::json(&json!({
            "digest": module.digest(), "size": bytes.len(), "form": form,
            "interface": inspection.interface.as_str(), "imports": inspection.imports,
            "manifest": manifest,
        }));
        return Ok(Exit::Ok);
    }
    output::line(format!(
        "{} {}",
        output::safe(&manifest.name),
        output::safe(&manifest.version)
    ));
    output::line(output::safe(&manifest.summary));
    output::line(format!("digest     {}", module.digest()));
    output::line(format!("size       {} bytes, {form}", bytes.len()));
    output::line(format!(
        "interface  hookbox:rule@{}",
        inspection.interface.as_str()
    ));
    output::line(format!("imports    {}", or_none(&inspection.imports)));
    output::line(format!("authors    {}", or_none(&manifest.authors)));
    output::line(format!(
        "licence    {}",
        output::safe(manifest.license.as_deref().unwrap_or("none given"))
    ));
    output::line(format!(
        "subjects   {}",
        if manifest.subjects.is_empty() {
            "all but schedule".to_owned()
        } else {
            or_none(&manifest.subjects)
        }
    ));
    output::line(format!("channels   {}", or_none(&manifest.channels)));
    output::line(format!("commands   {}", or_none(&manifest.commands)));
    paste(args, &manifest);
    Ok(Exit::Ok)
}

fn or_none(texts: &[String]) -> String {
    if texts.is_empty() {
        "none".to_owned()
    } else {
        output::safe(&texts.join(", "))
    }
}

/// Prints the settings file, and the lines that grant what the rule asks for.
fn paste(args: &Args, manifest: &Manifest) {
    let stem = args.module.file_stem().map_or_else(
        || manifest.name.clone(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    output::line(format!(
        "\nsettings file `{stem}.toml`, beside the module:\n"
    ));
    output::line("[settings]");
    for setting in &manifest.settings {
        output::line(format!(
            "# {} ({})",
            output::safe(&setting.summary),
            setting.kind.in_words()
        ));
        let value = setting
            .default
            .clone()
            .unwrap_or_else(|| example(setting).to_owned());
        let comment = if setting.required { "" } else { "# " };
        output::line(format!(
            "{comment}{} = {}",
            setting.name,
            output::safe(&value)
        ));
    }
    let asked = |kinds: [SettingKind; 2], patterns: &[String], placeholder: &str| {
        let mut grants: Vec<String> = patterns
            .iter()
            .map(|pattern| format!("\"{pattern}\""))
            .collect();
        if manifest
            .settings
            .iter()
            .any(|setting| kinds.contains(&setting.kind))
        {
            grants.push(format!("\"{placeholder}\""));
        }
        grants.join(", ")
    };
    let channels = asked(
        [SettingKind::Channel, SettingKind::Channels],
        &manifest.channels,
        "CHANNEL",
    );
    let commands = asked(
        [SettingKind::Command, SettingKind::Commands],
        &manifest.commands,
        "COMMAND",
    );
    output::line("\ngrants in `hookbox.toml`, under `[shared]` or `[teams.NAME]`:\n");
    output::line("sources = [\"*\"]");
    output::line(format!("channels = [{}]", output::safe(&channels)));
    output::line(format!("commands = [{}]", output::safe(&commands)));
}

fn example(setting: &Setting) -> &'static str {
    match setting.kind {
        SettingKind::Text => "\"…\"",
        SettingKind::Channel => "\"CHANNEL\"",
        SettingKind::Command => "\"COMMAND\"",
        SettingKind::Texts | SettingKind::Channels | SettingKind::Commands => "[]",
        SettingKind::Integer => "0",
        SettingKind::Boolean => "false",
        SettingKind::Json => "{}",
    }
}
