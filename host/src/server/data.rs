//! The data folder: the operator's alone, one server's at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::config::Config;
use crate::config::env::Secrets;
use crate::domain::secret::{ReadSecret as _, Secret};

/// How often the lock of a data folder is tried, and the pause between: two seconds in all.
const LOCK_LOOKS: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A data folder that this process has for itself.
#[derive(Debug)]
pub struct DataFolder {
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is not there, closes it to others, and takes it; waits a moment for one that was
    /// killed, since a process that it was just starting may hold its lock that long.
    ///
    /// # Errors
    /// When it cannot be made, or another server has it.
    pub async fn take(folder: &Path) -> anyhow::Result<Self> {
        make(folder)?;
        let path = folder.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("`{}` cannot be opened", path.display()))?;
        let mut looks = 0;
        while let Err(error) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            looks += 1;
            if looks > LOCK_LOOKS {
                return Err(error).with_context(|| {
                    format!(
                        "another hookbox has the data folder `{}`: end it, or set another `data`",
                        folder.display()
                    )
                });
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        Ok(Self { _lock: lock })
    }
}

/// Makes the data folder if it is not there, and closes it to others.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| std::fs::set_permissions(folder, Permissions::from_mode(0o700)))
        .with_context(|| format!("the data folder `{}` cannot be made", folder.display()))
}

/// Where the admin token is kept when none is configured.
#[must_use]
pub fn admin_token_path(data: &Path) -> PathBuf {
    data.join("admin-token")
}

/// A new random secret: 32 bytes, in hexadecimal.
///
/// # Errors
/// When the system gives no randomness.
pub fn random_secret() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 32];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())
            .context("the system gives no randomness")?;
    }
    Ok(hex::encode(bytes))
}

/// The admin token, where it is configured or was made before.
pub(super) fn present_admin_token(
    config: &Config,
    secrets: &Secrets,
) -> anyhow::Result<Option<Secret>> {
    if let Some(reference) = &config.admin_token {
        return secrets.read(reference).map(Some).context("`admin.token`");
    }
    let made = std::fs::read_to_string(admin_token_path(&config.data));
    let made = made.unwrap_or_default();
    Ok((!made.trim().is_empty()).then(|| Secret::new(made.trim())))
}

/// The admin token: the configured one, or one that is made and kept in the data folder.
pub(super) fn admin_token(config: &Config, secrets: &Secrets) -> anyhow::Result<Secret> {
    if let Some(token) = present_admin_token(config, secrets)? {
        return Ok(token);
    }
    let token = random_secret()?;
    write_secret(&admin_token_path(&config.data), &token)?;
    Ok(Secret::new(token))
}

/// Writes a secret to a file that only its owner can read.
///
/// # Errors
/// When the file cannot be written.
pub fn write_secret(path: &Path, secret: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("`{}` cannot be written", path.display()))?;
    writeln!(file, "{secret}").with_context(|| format!("`{}` cannot be written", path.display()))
}
