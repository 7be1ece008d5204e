//! Which programs hold data: those are not restarted unless by name. Pure.

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
