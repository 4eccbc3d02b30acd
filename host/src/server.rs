//! Puts everything together: starts in the right order, follows the configuration, and ends in order.
//!
//! The store opens first, then the public listener answers, then the rules are loaded; nothing is
//! evaluated before that is done.
//!
//! Invariants:
//! - One server alone has a data folder.
//! - A changed configuration is in force whole or not at all.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::actions::notify::ConsoleSink;
use crate::catalog::{self, Catalog};
use crate::config::Config;
use crate::config::env::Secrets;
use crate::domain::clock::{Clock, SystemClock};
use crate::engine::{Engine, EngineConfig};
use crate::http::{Admin, Listener, Pages, Public, PublicParts};
use crate::sources::Inside;
use crate::store::Store;
use crate::store::sqlite::Sqlite;
use crate::worker::{Live, Parts, Performs, Waker, Worker};

mod data;
mod inside;
mod live;
mod memory;
mod reload;

pub use data::{DataFolder, admin_token_path, random_secret, write_secret};
pub use live::build as build_live;

use self::inside::Lookers;
use self::memory::Memory;

/// How many files may be open at once: the connections of both listeners, those to channels, and the store's.
const OPEN_FILES: u64 = 8_192;

/// How a server is started.
pub struct Options {
    /// The configuration file, which is followed.
    pub config: PathBuf,
    /// The rules folder to serve in place of the configured one: `hookbox dev` serves what it built.
    pub rules: Option<PathBuf>,
    /// Whether actions are performed.
    pub performs: Performs,
    /// Where channels of kind `console` write.
    pub console: Arc<dyn ConsoleSink>,
}

/// A running server.
pub struct Server {
    public: SocketAddr,
    admin: SocketAddr,
    catalog: Arc<Catalog>,
    worker: Worker,
    ending: watch::Sender<bool>,
    reload: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
    // Held until the server has ended, so that no second one begins before.
    _data: DataFolder,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// The engine with this program as its compiler.
///
/// # Errors
/// When the machine cannot run WebAssembly, or the cache folder cannot be made.
pub fn engine(data: &Path) -> anyhow::Result<Arc<Engine>> {
    data::make(data)?;
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let config = EngineConfig::new(program, data.join("cache"));
    Ok(Arc::new(Engine::new(&config)?))
}

/// How often compiled code that nobody needs is looked for.
const UNNEEDED: Duration = Duration::from_hours(1);

/// Starts to keep the rules of the configured folder at work.
fn start_catalog(
    config: &Config,
    engine: &Arc<Engine>,
    memory: Memory,
    clock: &Arc<dyn Clock>,
) -> Arc<Catalog> {
    let catalog = Arc::new(Catalog::start(catalog::Parts {
        engine: Arc::clone(engine),
        config: Arc::new(config.catalog.clone()),
        clock: Arc::clone(clock),
        memory: Arc::new(memory),
        versions: Some(config.data.join("versions")),
    }));
    tokio::spawn(forget_unneeded(
        Arc::downgrade(&catalog),
        Arc::downgrade(engine),
        engine.has_compiled_many(),
    ));
    catalog
}

/// Removes the compiled code that nobody needs any more: once it is known what rules need, every hour, and whenever
/// much was compiled.
async fn forget_unneeded(catalog: Weak<Catalog>, engine: Weak<Engine>, many: Arc<Notify>) {
    while let (Some(catalog), Some(engine)) = (catalog.upgrade(), engine.upgrade()) {
        catalog.ready().await;
        let needed = tokio::task::spawn_blocking(move || catalog.needed()).await;
        match needed {
            Ok(Ok(needed)) => engine.retain(needed).await,
            Ok(Err(error)) => tracing::warn!("the folder of versions cannot be read: {error}"),
            // The server ends.
            Err(_) => return,
        }
        drop(engine);
        // Whichever comes first.
        let _hourly = tokio::time::timeout(UNNEEDED, many.notified()).await;
    }
}

impl Server {
    /// Starts a server; it answers webhooks when this returns.
    ///
    /// # Errors
    /// When the configuration, the data folder, the store or a listener cannot be used.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        allow_connections();
        let seen = reload::state(&options);
        let mut config = Config::load(&options.config)?;
        if let Some(rules) = &options.rules {
            config.catalog.rules.clone_from(rules);
        }
        let data = DataFolder::take(&config.data).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store: Arc<dyn Store> = Arc::new(
            Sqlite::open(&config.data, Arc::clone(&clock)).context("the store cannot be opened")?,
        );
        let admin = Listener::open(config.admin_listen, "admin.listen").await?;
        let public = Listener::open(config.listen, "listen").await?;
        let addresses = (public.address(), admin.address());
        let own = [addresses.0, addresses.1];
        let live = live::build(&config, &options.console, &own)?;
        let live = Arc::new(RwLock::new(Arc::new(live)));
        let waker = Waker::default();
        let engine = engine(&config.data)?;
        let memory = Memory {
            store: Arc::clone(&store),
            waker: waker.clone(),
        };
        let catalog = start_catalog(&config, &engine, memory, &clock);
        let core = Core {
            inside: Arc::default(),
            engine,
            store,
            clock,
            live: Arc::clone(&live),
            catalog: Arc::clone(&catalog),
            problem: Problem::default(),
        };
        let worker = core.worker(options.performs, waker).await?;
        let lookers = core.lookers(&config, &worker).await;
        let ending = watch::Sender::new(false);
        let public_routes = core.public(&config, &worker);
        let admin_routes = core.admin(&config, addresses.1, (&worker, options.performs))?;
        let reload = Arc::new(Notify::new());
        let follow = reload::Follow {
            options,
            asked: Arc::clone(&reload),
            running: config,
            seen,
            addresses,
            live,
            catalog: Arc::clone(&catalog),
            problem: core.problem,
            lookers,
        };
        let tasks = vec![
            public.serve(public_routes, ending.subscribe()),
            admin.serve(admin_routes, ending.subscribe()),
            tokio::spawn(follow.run(ending.subscribe())),
        ];
        Ok(Self {
            public: addresses.0,
            admin: addresses.1,
            catalog,
            worker,
            ending,
            reload,
            tasks,
            _data: data,
        })
    }

    /// Where webhooks arrive.
    #[must_use]
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where the command line asks.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The rules.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Reads the configuration, the secrets, and the rules folder at once, whether they changed or not.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Takes nothing more, lets what runs end within a time, and hands back the rest.
    ///
    /// # Errors
    /// When the store could not be told.
    pub async fn end(self) -> anyhow::Result<()> {
        self.ending.send_replace(true);
        self.worker.begin_to_end();
        for task in self.tasks {
            // A listener that panicked has nothing left to end.
            let _panicked = task.await;
        }
        self.worker
            .end()
            .await
            .context("what was in hand could not be handed back")
    }
}

/// Lets this process have as many files open as its connections need, where it may: many systems allow 1,024
/// by default and more to those who ask.
fn allow_connections() {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!("no more files may be open at once than before: {error}");
        }
    }
}

/// What the worker, the sources that are looked after, and both listeners' routes are made from.
struct Core {
    inside: Arc<Inside>,
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    live: Arc<RwLock<Arc<Live>>>,
    catalog: Arc<Catalog>,
    problem: Problem,
}

impl Core {
    async fn worker(&self, performs: Performs, waker: Waker) -> anyhow::Result<Worker> {
        let worker = Worker::start(Parts {
            store: Arc::clone(&self.store),
            catalog: Arc::clone(&self.catalog),
            clock: Arc::clone(&self.clock),
            live: Arc::clone(&self.live),
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            performs,
            waker,
        });
        worker.await.context("the store cannot be written")
    }

    async fn lookers(&self, config: &Config, worker: &Worker) -> Lookers {
        let mut lookers = Lookers::new(
            Arc::clone(&self.store),
            Arc::clone(&self.clock),
            config.timezone.clone(),
            worker.waker(),
            Arc::clone(&self.inside),
        );
        lookers.follow(config).await;
        lookers
    }

    fn public(&self, config: &Config, worker: &Worker) -> crate::http::Router {
        let public = Public::new(PublicParts {
            store: Arc::clone(&self.store),
            live: Arc::clone(&self.live),
            clock: Arc::clone(&self.clock),
            timezone: config.timezone.clone(),
            waker: worker.waker(),
            trusted_proxies: config.trusted_proxies.clone(),
        });
        Arc::new(public).router()
    }

    fn admin(
        &self,
        config: &Config,
        address: SocketAddr,
        (worker, performs): (&Worker, Performs),
    ) -> anyhow::Result<crate::http::Router> {
        let secrets = Secrets {
            folder: config.folder.clone(),
        };
        let admin = Admin {
            store: Arc::clone(&self.store),
            catalog: Arc::clone(&self.catalog),
            live: Arc::clone(&self.live),
            inside: Arc::clone(&self.inside),
            clock: Arc::clone(&self.clock),
            timezone: config.timezone.clone(),
            token: data::admin_token(config, &secrets)?,
            address,
            config_problem: Arc::clone(&self.problem),
            waker: worker.waker(),
            paused_rules: worker.paused_rules(),
            rehearsal: worker.rehearsal(),
            time_machine: worker.time_machine(Arc::clone(&self.engine)),
            pages: Pages::default(),
            performs,
        };
        Ok(Arc::new(admin).router())
    }
}

/// A problem with the configuration file that is shown until it is mended.
type Problem = Arc<Mutex<Option<String>>>;

fn set(problem: &Problem, text: Option<String>) {
    *problem.lock().unwrap_or_else(PoisonError::into_inner) = text;
}

/// Builds what follows from a configuration, to find what is wrong with it.
///
/// # Errors
/// What cannot be built, with the key.
pub fn check_live(config: &Config) -> anyhow::Result<Live> {
    let console: Arc<dyn ConsoleSink> = Arc::new(crate::actions::notify::StandardOutput);
    live::build(config, &console, &[config.listen, config.admin_listen])
}
