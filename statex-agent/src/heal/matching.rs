//! Which replica stands behind which backend: pure.

use crate::config::Pool;
use crate::executor::{Observed, Replica};
use std::net::IpAddr;

/// The backend that a replica is: the one that it names, or that is called like it, or that has its address alone.
pub fn backend_of<'p>(replica: &Replica, pool: &'p Pool) -> Option<&'p str> {
    let named = |name: &str| pool.backend(name).map(|backend| backend.name.as_str());
    replica
        .backend
        .as_deref()
        .and_then(named)
        .or_else(|| named(&replica.name))
        .or_else(|| replica.address.and_then(|address| only(pool, address)))
}

/// The replica of a backend.
pub fn replica_of<'o>(backend: &str, pool: &Pool, observed: &'o Observed) -> Option<&'o Replica> {
    observed.replicas.iter().find(|replica| backend_of(replica, pool) == Some(backend))
}

fn only(pool: &Pool, address: IpAddr) -> Option<&str> {
    let mut at = pool.backends.iter().filter(|backend| backend.address == address);
    let first = at.next()?;
    at.next().is_none().then_some(first.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Config};
    use crate::executor::Condition;
    use crate::executor::scripted::replica;
    use std::path::Path;

    fn config() -> Config {
        let text = "[node]\ninterfaces = [\"eth0\"]\n[[pool]]\nname = \"web\"\nhealth = { kind = \"none\" }\nbackend = [\
                    { name = \"a\", address = \"10.0.0.1\" }, { name = \"b\", address = \"10.0.0.2\", port = 1 },\
                    { name = \"c\", address = \"10.0.0.2\", port = 2 }]\n";
        config::parse(text, Path::new("test.toml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn matched(name: &str, backend: Option<&str>, address: Option<[u8; 4]>) -> Option<String> {
        let replica = Replica {
            name: name.into(),
            backend: backend.map(str::to_owned),
            address: address.map(IpAddr::from),
            ..replica(1, Condition::Running)
        };
        backend_of(&replica, &config().pools[0]).map(str::to_owned)
    }

    #[test]
    fn what_it_says_itself_comes_first() {
        assert_eq!(matched("a", Some("b"), Some([10, 0, 0, 1])).as_deref(), Some("b"));
        assert_eq!(matched("a", Some("nobody"), None).as_deref(), Some("a"));
    }

    #[test]
    fn an_address_tells_where_only_one_has_it() {
        assert_eq!(matched("x", None, Some([10, 0, 0, 1])).as_deref(), Some("a"));
        assert_eq!(matched("x", None, Some([10, 0, 0, 2])), None);
        assert_eq!(matched("x", None, None), None);
    }
}
