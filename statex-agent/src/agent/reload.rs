//! A configuration that is read again: refused as a whole, or taken over as a whole.

use std::{path::Path, sync::Arc};

use tokio::net::TcpListener;

use super::{
    forwarding::{Basis, Forwarding},
    key_of,
    life::{Next, load},
    read,
    serving::{Prepared, Serving},
};
use crate::{
    admin::{api::Refused, metrics},
    config::Config,
    kernel::shape::Shape,
};

/// What a reload needs to know of the life that runs.
pub(super) struct Reload<'a> {
    pub(super) path: &'a Path,
    pub(super) config: &'a Arc<Config>,
    pub(super) forwarding: Option<&'a Forwarding>,
    pub(super) serving: &'a Serving,
}

/// A good configuration.
pub(super) enum Reloaded {
    Same,
    /// The object that runs can serve it; `metrics` is bound where the address is new.
    Live {
        config: Arc<Config>,
        metrics: Option<TcpListener>,
        prepared: Prepared,
    },
    /// It needs other tables or constants; the object with them is loaded.
    Reshaped {
        next: Next,
        prepared: Prepared,
    },
}

impl Reload<'_> {
    /// Reads the file and tries whatever could fail, before anything is changed.
    ///
    /// # Errors
    ///
    /// Why nothing was changed.
    pub(super) async fn read(self) -> Result<Reloaded, Refused> {
        let config = read(self.path).map_err(|errors| {
            let lines: Vec<_> = errors.problems().iter().map(|problem| problem.in_file(self.path)).collect();
            Refused::Invalid(format!("nothing was changed, {} errors", lines.len()), lines)
        })?;
        if config == **self.config {
            return Ok(Reloaded::Same);
        }
        if config.forwards() != self.config.forwards() {
            let what = if config.forwards() { "begins" } else { "ends" };
            let advice =
                "start the agent again: what forwarding needs of the kernel is asked for at the start";
            return Err(Refused::Failed(format!(
                "nothing was changed: forwarding {what} with this; {advice}"
            )));
        }
        for name in &config.node.interfaces {
            let known = self.forwarding.map(|forwarding| forwarding.links().named(name).map(drop));
            known.unwrap_or(Ok(())).map_err(|error| {
                Refused::Invalid("nothing was changed".to_owned(), vec![error.to_string()])
            })?;
        }
        self.warn_of_the_next_start(&config);
        let metrics = self.new_metrics(&config).await?;
        let prepared = self.serving.prepare(&config).map_err(failed)?;
        let Some(Basis { key: old, pins }) = self.forwarding.map(|forwarding| &forwarding.basis) else {
            return Ok(Reloaded::Live { config: Arc::new(config), metrics, prepared });
        };
        let key = key_of(&config, old);
        if Shape::of(&config, &key) == Shape::of(self.config, old) {
            return Ok(Reloaded::Live { config: Arc::new(config), metrics, prepared });
        }
        let loaded = load(&config, Basis { key, pins: pins.clone() }).await.map_err(failed)?;
        Ok(Reloaded::Reshaped { next: Next { config: Arc::new(config), loaded }, prepared })
    }

    async fn new_metrics(&self, config: &Config) -> Result<Option<TcpListener>, Refused> {
        match config.metrics {
            Some(address) if self.config.metrics != Some(address) => {
                metrics::bind(address).await.map(Some).map_err(failed)
            }
            _ => Ok(None),
        }
    }

    fn warn_of_the_next_start(&self, config: &Config) {
        for (changed, what) in [
            (config.control != self.config.control, "[control]"),
            (config.node.pins != self.config.node.pins, "node.pins"),
            (config.proxy.workers != self.config.proxy.workers, "proxy.workers"),
            (
                (config.log.level, config.log.format) != (self.config.log.level, self.config.log.format),
                "log.level and log.format",
            ),
        ] {
            if changed {
                tracing::warn!("a change of {what} takes effect at the next start");
            }
        }
    }
}

fn failed(error: anyhow::Error) -> Refused {
    Refused::Failed(format!("nothing was changed: {error:#}"))
}
