//! `hookbox serve`.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, Exit, Global, output};
use crate::actions::notify::StandardOutput;
use crate::server::{Options, Server};
use crate::worker::Performs;

/// Load the rules, and serve
///
/// Webhooks are accepted at once and evaluated when every rule has been loaded or refused. The server
/// follows the configuration and the rules folder; SIGHUP makes it read both, and the secrets, at once. SIGTERM
/// and SIGINT end it in order: nothing more is accepted, what runs may end within 75 seconds, and the rest waits for
/// the next start.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Evaluate and record, and perform nothing
    #[arg(long)]
    shadow: bool,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, CliError> {
    output::log();
    // Reads it once before, so that a mistake has the exit code of one.
    global.load()?;
    let options = Options {
        config: global.config_path(),
        rules: None,
        performs: if args.shadow {
            Performs::OnlyRecords
        } else {
            Performs::Yes
        },
        console: Arc::new(StandardOutput),
    };
    super::until_ended(async {
        let server = Server::start(options).await?;
        announce(&server);
        until_told_to_end(&server).await?;
        tracing::info!("ending: nothing more is accepted, and what runs may end");
        server.end().await?;
        Ok(Exit::Ok)
    })
}

/// The line that says where the server listens, for people and for whatever waits for it.
pub(super) fn announce(server: &Server) {
    output::line(format!(
        "hookbox listens on http://{} (admin: http://{})",
        server.public(),
        server.admin()
    ));
}

/// Waits for SIGTERM or SIGINT, and reloads at each SIGHUP.
pub(super) async fn until_told_to_end(server: &Server) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => server.reload(),
        }
    }
}
