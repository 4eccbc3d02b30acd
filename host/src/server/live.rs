//! From the configuration to what is at work: sources, channels, commands.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::{data, inside};
use crate::actions::command::{self, Commands, Outputs};
use crate::actions::notify::{self, Channels, ConsoleSink, People};
use crate::capability::TeamTokens;
use crate::config::Config;
use crate::config::env::Secrets;
use crate::domain::clock::SystemClock;
use crate::domain::secret::ReadSecret as _;
use crate::sources::Source;
use crate::worker::Live;

/// Builds what is at work.
///
/// # Errors
/// What cannot be built, with the key and what to write.
pub fn build(
    config: &Config,
    console: &Arc<dyn ConsoleSink>,
    own_listeners: &[SocketAddr],
) -> anyhow::Result<Live> {
    let secrets = Secrets {
        folder: config.folder.clone(),
    };
    let sources = config
        .sources
        .iter()
        .map(|(name, source)| {
            let source = Source::build(name.clone(), source, &secrets)?;
            Ok((name.clone(), Arc::new(source)))
        })
        .collect::<anyhow::Result<_>>()?;
    // What they find goes to the store only once the server runs.
    for (name, table) in &config.inside {
        inside::build(config, name, table)?;
    }
    let channels = Channels::build(
        &config.channels,
        People::build(&config.people)?,
        &notify::Context {
            secrets: &secrets,
            clock: Arc::new(SystemClock),
            console: Arc::clone(console),
            forbidden: own_listeners.to_vec(),
            outgoing: config.outgoing.clone(),
            folder: config.folder.clone(),
        },
    )?;
    let commands = Commands::build(
        &config.commands,
        &command::Context {
            secrets: &secrets,
            // By the running program and not by its path, which may lead to a newer one by then, or to none.
            supervisor: PathBuf::from("/proc/self/exe"),
            output: config.data.join("output"),
            folder: config.folder.clone(),
        },
    )?;
    let public_url = match (&config.public_url, own_listeners.first()) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some(address)) => format!("http://{address}"),
        (None, None) => format!("http://{}", config.listen),
    };
    Ok(Live {
        team_tokens: team_tokens(config, &secrets)?,
        public_url,
        sources,
        channels,
        commands,
        outputs: Outputs::new(config.data.join("output")),
        catalog: Arc::new(config.catalog.clone()),
    })
}

/// The tokens of the teams, each a text of its own.
fn team_tokens(config: &Config, secrets: &Secrets) -> anyhow::Result<TeamTokens> {
    let mut tokens = Vec::new();
    for (team, reference) in &config.team_tokens {
        let token = secrets.read(reference);
        tokens.push((
            team.clone(),
            token.with_context(|| format!("`teams.{team}.token`"))?,
        ));
    }
    let admin = data::present_admin_token(config, secrets)?;
    Ok(TeamTokens::new(tokens, admin.as_ref())?)
}
