//! Keeps the program on every interface that the configuration names, also when one goes and comes back.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{Attach, Config},
    kernel::{
        links::{Link, Links},
        plane::Plane,
    },
};

/// The data plane and the interfaces it is wanted on.
pub(super) struct Interfaces {
    plane: Plane,
    links: Links,
    /// Why an interface does not carry the program.
    problems: BTreeMap<String, String>,
    /// Nothing is attached before the tables are filled.
    begun: bool,
}

impl Interfaces {
    pub(super) fn new(plane: Plane, links: Links) -> Self {
        Self { plane, links, problems: BTreeMap::new(), begun: false }
    }

    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    /// What keeps interfaces from carrying the program.
    pub(super) fn problems(&self) -> Vec<String> {
        self.problems.values().cloned().collect()
    }

    /// Attaches for the first time, and lets go of interfaces that are no longer wanted.
    ///
    /// # Errors
    ///
    /// When `strict`, an interface is not there or refuses the program: at the start of the process somebody is there
    /// to put that right. Otherwise it is noted as a problem.
    pub(super) fn begin(&mut self, config: &Config, strict: bool) -> anyhow::Result<()> {
        for name in &config.node.interfaces {
            match self.links.named(name).cloned() {
                Ok(link) if strict => self.plane.attach(&link, config.node.attach)?,
                Ok(link) => self.attach(&link, config.node.attach),
                Err(error) if strict => return Err(error.into()),
                Err(error) => self.note(name, &error.to_string()),
            }
        }
        self.plane.detach_others(&config.node.interfaces, &self.links)?;
        self.plane.commit()?;
        self.begun = true;
        Ok(())
    }

    /// Follows a new configuration.
    pub(super) fn follow(&mut self, old: &Config, new: &Config) {
        self.problems.retain(|name, _| new.node.interfaces.contains(name));
        if let Err(error) = self.plane.detach_others(&new.node.interfaces, &self.links) {
            tracing::warn!(%error, "interfaces that are no longer wanted could not be let go");
        }
        let again = old.node.attach != new.node.attach;
        for name in &new.node.interfaces {
            match self.links.named(name).cloned() {
                Ok(link) if again || !self.plane.attached(link.index) => {
                    self.attach(&link, new.node.attach);
                    if !self.plane.attached(link.index) && again {
                        // Better as it was than not at all; the problem stays noted.
                        let _ = self.plane.attach(&link, old.node.attach);
                    }
                }
                Ok(_) => {}
                Err(error) => self.note(name, &error.to_string()),
            }
        }
    }

    /// Attaches to interfaces that lack the program: new ones, and those that have lost it. Says whether there were any.
    pub(super) fn restore(&mut self, links: &Links, config: &Config) -> bool {
        let wanted = |link: &&Link| self.begun && config.node.interfaces.contains(&link.name);
        let lacks = |link: &&Link| link.xdp.is_none() || !self.plane.attached(link.index);
        let lacking: Vec<Link> = links.iter().filter(wanted).filter(lacks).cloned().collect();
        lacking.iter().for_each(|link| self.attach(link, config.node.attach));
        !lacking.is_empty()
    }

    /// Takes note of the interfaces as they are, and gives those of the configuration that are not as they were. The
    /// kernel sends no message when a link of XDP is made.
    pub(super) fn look(&mut self, links: &Links, config: &Config) -> Vec<Link> {
        let fresh: Vec<Link> = links.iter().filter(|link| self.links.put((*link).clone())).cloned().collect();
        let ours = fresh.into_iter().filter(|link| config.node.interfaces.contains(&link.name));
        ours.inspect(|link| {
            let xdp = link.xdp.map_or("none", |(_, mode)| mode.name());
            tracing::info!(name = link.name, up = link.up, xdp, "interface");
        })
        .collect()
    }

    /// Hears of an interface that is not among those of the configuration.
    pub(super) fn hear(&mut self, link: &Link) {
        self.links.put(link.clone());
    }

    /// Hears that an interface is gone.
    pub(super) fn lose(&mut self, link: &Link, config: &Config) {
        self.links.remove(link.index);
        self.plane.forget(link.index);
        if config.node.interfaces.contains(&link.name) {
            self.note(&link.name, &format!("interface {} is gone", link.name));
        }
    }

    /// Lets health probes leave by the interfaces with these indices.
    pub(super) fn let_probes_leave_by(&mut self, indices: &BTreeSet<u32>) {
        let links: Vec<Link> = indices.iter().filter_map(|index| self.links.get(*index)).cloned().collect();
        if let Err(error) = self.plane.let_probes_leave_by(&links) {
            tracing::warn!(%error, "health probes cannot go through tunnels");
        }
    }

    fn attach(&mut self, link: &Link, mode: Attach) {
        match self.plane.attach(link, mode) {
            Ok(()) => drop(self.problems.remove(&link.name)),
            // The next news of the interface is another chance.
            Err(error) => self.note(&link.name, &error.to_string()),
        }
    }

    fn note(&mut self, name: &str, problem: &str) {
        if self.problems.insert(name.to_owned(), problem.to_owned()).as_deref() != Some(problem) {
            tracing::warn!(interface = name, problem, "does not carry the program");
        }
    }
}
