//! The proxy, as one life of the agent hands it on to the next: connections outlive both reloads and lives.

use std::{
    io,
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    thread::available_parallelism,
    time::Duration,
};

use anyhow::Context;
use arc_swap::ArcSwapOption;

use crate::{
    clock::Clock,
    config::{
        Config, QuicId,
        proxy::{Certificate, CertificateSource},
    },
    health::Verdict,
    kernel::steering::{IdForm, Steering},
    proxy::{
        Proxy, Sockets,
        plan::{Basis, Known, Plan, Standing, compile},
        quic::{Form, Lasting},
        tls::{LoadError, Shown, Store, Tickets, load},
    },
    state::snapshot::Proxied,
};

/// The proxy, if there is one, and what is believed of its backends.
pub(super) struct Serving {
    proxy: Option<Proxy>,
    proxied: Arc<Vec<Proxied>>,
    shown: Arc<ArcSwapOption<Plan>>,
    store: Arc<Store>,
    tickets: Option<Arc<Tickets>>,
    quic: Lasting,
    /// Made when there is something to steer.
    steering: Mutex<Option<Steering>>,
}

/// A plan that can be followed: all that could fail has been tried.
pub(super) struct Prepared {
    plan: Plan,
    sockets: Sockets,
    workers: usize,
    tickets: Option<Arc<Tickets>>,
    /// From files, as they are now.
    certificates: Vec<Shown>,
    /// All that are kept, in their order.
    names: Vec<String>,
}

impl Serving {
    /// `secret`: what a node keeps over restarts, for keys of QUIC.
    pub(super) fn new(secret: &[u8]) -> Self {
        let (proxied, shown, store) = (Arc::default(), Arc::default(), Arc::default());
        let quic = Lasting::new(secret);
        Self { proxy: None, proxied, shown, store, tickets: None, quic, steering: Mutex::default() }
    }

    /// The plan that is followed, for those who show and count.
    pub(super) fn shown(&self) -> Arc<ArcSwapOption<Plan>> {
        self.shown.clone()
    }

    /// Where certificates are put.
    pub(super) fn store(&self) -> Arc<Store> {
        self.store.clone()
    }

    /// Makes a plan, reads the certificates, and listens where it wants to.
    ///
    /// # Errors
    ///
    /// A certificate cannot be shown, an address not be listened on, or an expression is too large.
    pub(super) fn prepare(&self, config: &Config) -> anyhow::Result<Prepared> {
        let workers = self.proxy.as_ref().map_or_else(|| workers(config), Proxy::workers);
        let before = self.proxy.as_ref().map(|proxy| &**proxy.plan());
        let certificates =
            config.proxy.certificates.iter().filter_map(from_file).collect::<Result<_, _>>()?;
        let tickets = self.tickets_for(config);
        let mut plan = self.plan(config, tickets.as_ref(), workers)?;
        let mut sockets = Sockets::bind(&mut plan, before, workers)?;
        self.quic.issue(form(config));
        self.steer(config, &mut sockets);
        let names = config.proxy.certificates.iter().map(|one| one.name.clone()).collect();
        Ok(Prepared { plan, sockets, workers, tickets, certificates, names })
    }

    /// Has datagrams of QUIC reach the workers whose connections they belong to.
    fn steer(&self, config: &Config, sockets: &mut Sockets) {
        let mut steering = self.steering.lock().unwrap_or_else(PoisonError::into_inner);
        let steering = steering.get_or_insert_with(|| Steering::new(Some(&config.node.pins)));
        let forms = forms(config, &self.quic.form());
        sockets.steer(|address, sockets| match steering.join(address, &forms, sockets) {
            Ok(slots) => Some(slots),
            Err(error) => {
                tracing::warn!(%address, "clients of QUIC that change their address may be lost: {error}");
                None
            }
        });
        if let Err(error) = steering.read(&forms) {
            tracing::warn!(%error, "QUIC connection ids of the new form are not steered by");
        }
    }

    /// Those that there are, as long as their lifetime is the same: a reload ends no session.
    fn tickets_for(&self, config: &Config) -> Option<Arc<Tickets>> {
        let lifetime = config.proxy.tls.tickets?;
        let kept = self.tickets.clone().filter(|tickets| tickets.key_lifetime() == lifetime);
        kept.or_else(|| Tickets::new(lifetime, Clock::machine()))
    }

    fn plan(&self, config: &Config, tickets: Option<&Arc<Tickets>>, workers: usize) -> anyhow::Result<Plan> {
        let before = self.proxy.as_ref().map(|proxy| &**proxy.plan());
        let known = |pool: &str, backend: &str| {
            let named = |one: &&Proxied| one.name.pool == pool && one.name.backend == backend;
            self.proxied.iter().find(named).map(known).unwrap_or_default()
        };
        let (store, quic) = (&self.store, &self.quic);
        let basis = Basis { known: &known, store, tickets, quic, before, workers };
        compile(config, &basis).context("the proxy cannot be set up")
    }

    /// Serves by this plan from now on.
    pub(super) async fn follow(&mut self, prepared: Prepared) {
        let Prepared { plan, sockets, workers, tickets, certificates, names } = prepared;
        certificates.into_iter().for_each(|shown| self.store.put(shown));
        self.store.keep(&names.iter().map(String::as_str).collect::<Vec<_>>());
        self.tickets = tickets;
        match &mut self.proxy {
            Some(proxy) => proxy.follow(plan, sockets).await,
            None if plan.listeners.is_empty() => return,
            None => match Proxy::start(workers, plan, sockets, &self.quic) {
                Ok(proxy) => self.proxy = Some(proxy),
                Err(error) => return tracing::error!(%error, "the proxy cannot start"),
            },
        }
        self.show();
    }

    /// Hears what is believed of the backends.
    pub(super) async fn hear(&mut self, config: &Config, proxied: Arc<Vec<Proxied>>) {
        self.proxied = proxied;
        let Some(workers) = self.proxy.as_ref().map(Proxy::workers) else { return };
        match self.plan(config, self.tickets.as_ref(), workers) {
            Ok(plan) => {
                if let Some(proxy) = &mut self.proxy {
                    proxy.follow(plan, Sockets::default()).await;
                }
                self.show();
            }
            Err(error) => tracing::error!(%error, "the proxy goes on with what it knew of its backends"),
        }
    }

    fn show(&self) {
        self.shown.store(self.proxy.as_ref().map(|proxy| proxy.plan().clone()));
    }

    /// Accepts no more and waits for what runs, for so long at most.
    pub(super) fn stop(self, deadline: Duration) {
        if let Some(proxy) = self.proxy {
            proxy.stop(deadline);
        }
    }
}

fn workers(config: &Config) -> usize {
    let cpus = || -> io::Result<usize> { available_parallelism().map(NonZero::get) };
    config.proxy.workers.unwrap_or_else(|| cpus().unwrap_or(1))
}

/// How connection ids shall look that are issued from now on: as the newest rotation says that fits.
fn form(config: &Config) -> Form {
    let id = &config.proxy.server_id;
    let fits = |shape: &&QuicId| usize::from(shape.server_id_bytes) == id.len();
    let shape = config.quic.iter().rev().filter(|_| !id.is_empty()).find(fits);
    let form = shape.and_then(|shape| Form::new(shape.rotation, id, usize::from(shape.nonce_bytes)));
    form.unwrap_or(Form::unrouted())
}

/// How ids look that come: those of every rotation, and what is issued.
fn forms(config: &Config, issued: &Form) -> Vec<IdForm> {
    let shape = |shape: &QuicId| IdForm {
        rotation: shape.rotation,
        server_id_len: shape.server_id_bytes,
        nonce_len: shape.nonce_bytes,
    };
    let issued = IdForm {
        rotation: issued.rotation(),
        server_id_len: issued.server_id_len(),
        nonce_len: issued.nonce_len(),
    };
    config.quic.iter().map(shape).chain([issued]).collect()
}

fn known(proxied: &Proxied) -> Known {
    let standing = match (proxied.draining, proxied.verdict) {
        (true, _) => Standing::Draining,
        (false, Verdict::Dead) => Standing::Down,
        (false, Verdict::Alive | Verdict::Unknown) => Standing::Up,
    };
    Known { standing, influence: proxied.influence }
}

/// A certificate from files; `None`: it comes from elsewhere.
pub(super) fn from_file(certificate: &Certificate) -> Option<Result<Shown, LoadError>> {
    match &certificate.source {
        CertificateSource::Files { chain, key } => Some(load(&certificate.name, chain, key)),
        CertificateSource::Acme { .. } => None,
    }
}
