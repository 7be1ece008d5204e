//! What the connections of an endpoint tell it: which of them to look at.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use quinn_proto::ConnectionHandle;

use crate::proxy::deadline::Deadlines;
use crate::proxy::http::Request;
use crate::proxy::spare::Spare;

pub(super) struct Shared {
    noted: RefCell<Vec<ConnectionHandle>>,
    /// The endpoint, while it waits.
    waker: RefCell<Option<Waker>>,
    pub(super) deadlines: Rc<Deadlines>,
    pub(super) wires: Spare<Vec<u8>>,
    pub(super) requests: Spare<Box<Request>>,
    has_woken: Cell<bool>,
}

impl Shared {
    pub(super) fn new(deadlines: Rc<Deadlines>) -> Rc<Self> {
        Rc::new(Self {
            noted: RefCell::default(),
            waker: RefCell::default(),
            deadlines,
            wires: Spare::default(),
            requests: Spare::default(),
            has_woken: Cell::default(),
        })
    }

    /// Has the endpoint look at a connection.
    pub(super) fn note(&self, connection: ConnectionHandle) {
        self.noted.borrow_mut().push(connection);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Connections to look at.
    pub(super) fn take(&self, into: &mut Vec<ConnectionHandle>) {
        into.append(&mut self.noted.borrow_mut());
    }

    /// A request that waited was woken.
    pub(super) fn woke(&self) {
        self.has_woken.set(true);
    }

    /// Whether one was, since this was asked last.
    pub(super) fn has_woken(&self) -> bool {
        self.has_woken.take()
    }

    /// The endpoint waits, and whoever notes something wakes it. True: somebody has.
    pub(super) fn wait(&self, waker: &Waker) -> bool {
        if !self.noted.borrow().is_empty() {
            return true;
        }
        let mut slot = self.waker.borrow_mut();
        match &mut *slot {
            Some(there) => there.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
        false
    }
}
