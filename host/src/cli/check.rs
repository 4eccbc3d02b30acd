//! `hookbox check`.

use std::sync::Arc;

use super::{CliError, Exit, Global, output, rules, runtime};
use crate::catalog::{Catalog, Forgetful, Parts, RuleState};
use crate::domain::clock::SystemClock;
use crate::server::{check_live, engine};

pub(super) fn run(global: &Global) -> Result<Exit, CliError> {
    let config = global.load()?;
    let live = check_live(&config).map_err(|error| CliError::new(Exit::Config, error))?;
    let engine = engine(&config.data)?;
    let (sources, channels, commands) = (
        live.sources.len() + config.inside.len(),
        config.channels.len(),
        config.commands.len(),
    );
    let listing = runtime()?.block_on(async {
        let catalog = Catalog::start(Parts {
            engine,
            config: Arc::new(config.catalog.clone()),
            clock: Arc::new(SystemClock),
            memory: Arc::new(Forgetful),
            versions: None,
        });
        catalog.ready().await;
        catalog.listing()
    });
    if global.json {
        output::json(&*listing);
    } else {
        output::line(format!(
            "{}: sources {sources}, channels {channels}, commands {commands}",
            global.config_path().display()
        ));
        rules::show_listing(&serde_json::json!(*listing));
    }
    let rejected = listing
        .rules
        .iter()
        .filter(|rule| rule.state == RuleState::Rejected)
        .count();
    if let Some(problem) = &listing.folder.problem {
        return Err(CliError::new(Exit::Config, anyhow::anyhow!("{problem}")));
    }
    if rejected > 0 {
        return Err(CliError::new(
            Exit::Rule,
            anyhow::anyhow!(
                "{rejected} of {} rules would be rejected",
                listing.rules.len()
            ),
        ));
    }
    Ok(Exit::Ok)
}
