//! What the operator allows: per pool.

use super::budget::Budget;
use crate::executor::Patience;
use std::time::Duration;

/// How far the automation may go. The same code decides in all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Says what it would do.
    #[default]
    Observe,
    /// Asks a person each time.
    Approve,
    Act,
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Approve => "approve",
            Self::Act => "act",
        }
    }
}

/// What may be done to the replicas of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub mode: Mode,
    /// All of them hold; the most restrictive counts.
    pub budgets: Vec<Budget>,
    /// Part of the pool, from 0 to 1, beyond which a cause outside of it is suspected.
    pub most_unhealthy: f64,
    /// After a start, and after a change of the configuration, nothing is done for so long.
    pub grace: Duration,
    /// Whether its replicas hold data; `None`: their images and ports tell.
    pub stateful: Option<bool>,
    /// Backends that may be restarted although they hold data.
    pub allowed: Vec<String>,
    pub patience: Patience,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            budgets: vec![Budget::default()],
            most_unhealthy: 0.2,
            grace: Duration::from_secs(30),
            stateful: None,
            allowed: Vec::new(),
            patience: Patience::default(),
        }
    }
}

/// Programs that hold data, by a word of their image, unit or command.
const STATEFUL: [&str; 20] = [
    "postgres",
    "postgis",
    "timescale",
    "mysql",
    "mariadb",
    "percona",
    "mongo",
    "redis",
    "valkey",
    "keydb",
    "memcached",
    "etcd",
    "consul",
    "zookeeper",
    "kafka",
    "rabbitmq",
    "elasticsearch",
    "opensearch",
    "cassandra",
    "clickhouse",
];

/// The word by which a program is known to hold data.
pub fn holds_data(program: &str) -> Option<&'static str> {
    let program = program.to_ascii_lowercase();
    STATEFUL.into_iter().find(|word| program.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_known_by_their_names() {
        assert_eq!(holds_data("docker.io/library/postgres:16-alpine"), Some("postgres"));
        assert_eq!(holds_data("Redis"), Some("redis"));
        assert_eq!(holds_data("site/api:1.2"), None);
    }
}
