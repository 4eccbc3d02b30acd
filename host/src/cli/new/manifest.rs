//! The SDK's manifest without the workspace it inherits from.

use anyhow::Context as _;
use toml::{Table, Value};

/// Puts the workspace's values in place of what a manifest inherits.
pub(super) fn standalone(manifest: &str, workspace: &str) -> anyhow::Result<String> {
    let mut manifest: Table = toml::from_str(manifest).context("the SDK's manifest is not TOML")?;
    let workspace: Table =
        toml::from_str(workspace).context("the workspace's manifest is not TOML")?;
    let workspace = workspace
        .get("workspace")
        .and_then(Value::as_table)
        .context("the workspace's manifest has no `[workspace]`")?;
    manifest.remove("lints");
    manifest.remove("dev-dependencies");
    inherit(&mut manifest, "package", workspace.get("package"))?;
    let dependencies = workspace.get("dependencies");
    inherit(&mut manifest, "dependencies", dependencies)?;
    if let Some(targets) = manifest.get_mut("target").and_then(Value::as_table_mut) {
        for (_, target) in targets.iter_mut() {
            if let Some(target) = target.as_table_mut() {
                inherit(target, "dependencies", dependencies)?;
            }
        }
    }
    toml::to_string(&manifest).context("the SDK's manifest cannot be written")
}

fn inherit(table: &mut Table, key: &str, from: Option<&Value>) -> anyhow::Result<()> {
    let Some(entries) = table.get_mut(key).and_then(Value::as_table_mut) else {
        return Ok(());
    };
    for (name, value) in entries.iter_mut() {
        let inherits = value
            .get("workspace")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        if inherits {
            *value = from
                .and_then(|from| from.get(name))
                .with_context(|| format!("the workspace has no `{name}` to inherit"))?
                .clone();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inherited_is_written_out() {
        let manifest = "[package]\nname = 'x'\nversion.workspace = true\n[lints]\nworkspace = true\n\
                        [dependencies]\nserde = { workspace = true }\n";
        let workspace = "[workspace.package]\nversion = '1.2.3'\n\
                         [workspace.dependencies]\nserde = { version = '1', features = ['derive'] }\n";
        let alone = standalone(manifest, workspace).expect("it can be resolved");
        assert!(alone.contains("version = \"1.2.3\""), "{alone}");
        assert!(alone.contains("features = [\"derive\"]"), "{alone}");
        assert!(!alone.contains("workspace"), "{alone}");
    }
}
