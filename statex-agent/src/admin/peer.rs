//! Who may speak on the control socket: decided from the kernel's word (`SO_PEERCRED`), before a byte
//! is read.

use std::{collections::BTreeSet, ffi::CString};

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::net::unix::UCred;

/// A user or group that the configuration names does not exist.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{kind} \"{name}\" does not exist on this host")]
pub struct UnknownName {
    pub kind: &'static str,
    pub name: String,
}

/// Users and groups that may speak, besides root and the agent's own user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    users: BTreeSet<u32>,
    groups: BTreeSet<u32>,
}

impl Allowed {
    /// Looks the names up; a number stands for itself.
    ///
    /// # Errors
    ///
    /// The first name that is unknown.
    pub fn new(users: &[String], groups: &[String]) -> Result<Self, UnknownName> {
        let user = |name: &String| match name.parse() {
            Ok(id) => Ok(id),
            Err(_) => User::from_name(name)
                .ok()
                .flatten()
                .map(|user| user.uid.as_raw())
                .ok_or_else(|| UnknownName { kind: "user", name: name.clone() }),
        };
        let group = |name: &String| match name.parse() {
            Ok(id) => Ok(id),
            Err(_) => Group::from_name(name)
                .ok()
                .flatten()
                .map(|group| group.gid.as_raw())
                .ok_or_else(|| UnknownName { kind: "group", name: name.clone() }),
        };
        Ok(Self {
            users: users.iter().map(user).collect::<Result<_, _>>()?,
            groups: groups.iter().map(group).collect::<Result<_, _>>()?,
        })
    }

    /// Permissions of the socket's file. Where others than root are allowed, everybody may open it: a file has one
    /// owner and one group only, and who may speak is decided here.
    pub fn file_mode(&self) -> u32 {
        if self.users.is_empty() && self.groups.is_empty() { 0o660 } else { 0o666 }
    }

    /// Whether this peer may speak.
    pub fn admits(&self, peer: &UCred) -> bool {
        self.admits_ids(peer.uid(), peer.gid(), Uid::effective().as_raw(), other_groups)
    }

    fn admits_ids(
        &self,
        user: u32,
        group: u32,
        own: u32,
        other_groups: impl Fn(u32, u32) -> Vec<u32>,
    ) -> bool {
        user == 0
            || user == own
            || self.users.contains(&user)
            || self.groups.contains(&group)
            || !self.groups.is_empty()
                && other_groups(user, group).iter().any(|group| self.groups.contains(group))
    }
}

/// The supplementary groups that the user database gives a user.
fn other_groups(user: u32, group: u32) -> Vec<u32> {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(user)) else {
        return Vec::new();
    };
    let Ok(name) = CString::new(user.name) else {
        return Vec::new();
    };
    let groups = getgrouplist(&name, Gid::from_raw(group)).unwrap_or_default();
    groups.into_iter().map(Gid::as_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u32 = 990;

    fn operators() -> Allowed {
        Allowed { users: [1000].into(), groups: [50].into() }
    }

    fn admits(user: u32, group: u32, others: &[u32]) -> bool {
        operators().admits_ids(user, group, OWN, |_, _| others.to_vec())
    }

    #[test]
    fn root_and_the_agents_own_user_may_speak() {
        assert!(admits(0, 0, &[]) && admits(OWN, 9, &[]));
    }

    #[test]
    fn named_users_and_group_members_may_speak() {
        assert!(admits(1000, 9, &[]), "named user");
        assert!(admits(7, 50, &[]), "primary group");
        assert!(admits(7, 9, &[8, 50]), "supplementary group");
    }

    #[test]
    fn strangers_may_not_speak() {
        assert!(!admits(1001, 51, &[52]));
        assert!(!Allowed::default().admits_ids(1001, 51, OWN, |_, _| vec![51]));
    }

    #[test]
    fn file_is_open_only_where_others_are_allowed() {
        assert_eq!((Allowed::default().file_mode(), operators().file_mode()), (0o660, 0o666));
    }

    #[test]
    fn unknown_names_are_refused() {
        let error = Allowed::new(&["no-such-user-here".into()], &[]).unwrap_err();
        assert_eq!(error.to_string(), "user \"no-such-user-here\" does not exist on this host");
        assert!(Allowed::new(&["root".into()], &["0".into()]).is_ok());
    }
}
