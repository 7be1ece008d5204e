//! The demonstration: real traffic through every forward mode while a backend drains and another dies.
//!
//! ```text
//! open conversations ─ drain backend1 ─ undrain ─ newcomers keep coming ─ kill backend2 ─ table
//! ```

mod outcome;
mod table;

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub use outcome::Outcome;
pub use table::table;

use crate::client::{Arrivals, Crowd, Pace, allow_open_files};
use crate::deployment::{Configuration, Deployment, Path};
use crate::lab::Layout;

/// Backend that drains.
const DRAINED: usize = 0;
/// Backend that dies.
const KILLED: usize = 1;
/// Time between two newcomers of a path.
const PAUSE: Duration = Duration::from_millis(20);
/// How long newcomers are watched after the rings have let the dead backend go.
const AFTERMATH: Duration = Duration::from_secs(1);
/// How long all conversations together may take to make an exchange.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much traffic there is.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Options {
    /// Conversations on each of the twenty paths
    #[arg(long, default_value_t = 200)]
    pub connections: usize,
}

/// Runs the demonstration and says what comes next by `progress`.
///
/// # Errors
/// When something cannot be set up; what the traffic suffers is in the outcomes.
pub fn run(options: Options, progress: &dyn Fn(&str)) -> Result<Vec<Outcome>> {
    allow_open_files()?;
    progress("laying the laboratory: 2 clients, a router, a node, 3 backends");
    let mut deployment = Deployment::start(Layout::Shared, &Configuration::default())?;

    progress(&format!("opening {} conversations on each of 20 paths", options.connections));
    let mut runs =
        Path::all().map(|path| Run::start(&deployment, path, options)).collect::<Result<Vec<_>>>()?;
    settle(&runs)?;

    progress("draining backend1: nothing may break");
    let drained = deployment.backends[DRAINED].name.clone();
    deployment.drain(&drained)?;
    settle(&runs)?;
    for run in &mut runs {
        run.outcome.count_drain(&run.crowd);
    }
    deployment.undrain(&drained)?;

    progress("killing backend2 while newcomers keep coming");
    for run in &mut runs {
        run.arrivals = Some(run.newcomers(&deployment)?);
    }
    let killed = deployment.backends[KILLED].name.clone();
    let at = Instant::now();
    deployment.backends[KILLED].kill();
    deployment.wait_for(&killed, "down")?;
    sleep(AFTERMATH);
    runs.iter().filter_map(|run| run.arrivals.as_ref()).for_each(Arrivals::stop);
    settle(&runs)?;
    Ok(runs.into_iter().map(|run| run.finish(&killed, at)).collect())
}

/// One path and its traffic.
struct Run {
    crowd: Crowd,
    arrivals: Option<Arrivals>,
    outcome: Outcome,
}

impl Run {
    fn start(deployment: &Deployment, path: Path, options: Options) -> Result<Self> {
        let client = &deployment.lab.clients[0].namespace;
        let target = path.mode.echo(path.family);
        let crowd = Crowd::open(client, path.transport, target, options.connections, Pace::default())
            .with_context(|| path.to_string())?;
        let outcome = Outcome::new(path, &crowd);
        Ok(Self { crowd, arrivals: None, outcome })
    }

    fn newcomers(&self, deployment: &Deployment) -> Result<Arrivals> {
        let Path { mode, transport, family } = self.outcome.path;
        Arrivals::start(&deployment.lab.clients[1].namespace, transport, mode.echo(family), PAUSE)
    }

    fn finish(mut self, killed: &str, at: Instant) -> Outcome {
        let arrivals = self.arrivals.take().map(Arrivals::finish).unwrap_or_default();
        self.outcome.count_kill(&self.crowd, &arrivals, killed, at);
        self.outcome
    }
}

fn settle(runs: &[Run]) -> Result<()> {
    Crowd::settle_all(runs.iter().map(|run| &run.crowd), PATIENCE)
}
