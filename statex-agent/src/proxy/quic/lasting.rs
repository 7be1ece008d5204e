//! What lasts longer than a plan.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};

use super::{Form, Identity, Keys};

/// Sessions that are kept of clients who may come early.
const SESSIONS: usize = 10_000;

/// How the ids of a node look, its keys, and the sessions of clients whose first requests may come before the
/// handshake is complete.
#[derive(Clone)]
pub struct Lasting {
    form: Arc<ArcSwap<Form>>,
    pub(crate) keys: Keys,
    pub(crate) sessions: Arc<dyn StoresServerSessions>,
}

impl Lasting {
    /// `secret`: see [`Keys::new`]. Ids are not routed until there is another [form](Self::issue).
    pub fn new(secret: &[u8]) -> Self {
        Self {
            form: Arc::new(ArcSwap::from_pointee(Form::unrouted())),
            keys: Keys::new(secret),
            sessions: ServerSessionMemoryCache::new(SESSIONS),
        }
    }

    /// How ids look.
    pub fn form(&self) -> Form {
        **self.form.load()
    }

    /// Issues ids of this form from now on. Endpoints that run go on as they do where ids would have another length.
    pub fn issue(&self, form: Form) {
        self.form.store(Arc::new(form));
    }

    pub(crate) fn identity(&self, slot: u8) -> Identity {
        Identity { form: self.form.clone(), keys: self.keys.clone(), slot }
    }
}
