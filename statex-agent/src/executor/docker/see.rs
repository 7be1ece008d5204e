//! From what the engine says of a container to a replica: pure, but for the kernel's own files of a local one.

use super::select::{BACKEND, NUMBER, Service};
use crate::executor::cgroup;
use crate::executor::{Condition, Exit, Replica, Usage};
use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status, ContainerStatsResponse,
    HealthStatusEnum as Health,
};

/// The replica, if the container is one of the service.
pub(super) fn replica(container: &ContainerInspectResponse, service: &Service) -> Option<Replica> {
    let config = container.config.as_ref()?;
    let labels = config.labels.as_ref().filter(|labels| service.means(labels))?;
    let state = container.state.as_ref()?;
    let name = container.name.as_deref().unwrap_or_default().trim_start_matches('/').to_owned();
    Some(Replica {
        id: container.id.clone()?,
        number: labels.get(NUMBER).and_then(|number| number.parse().ok()).unwrap_or(1),
        name,
        backend: labels.get(BACKEND).cloned(),
        program: config.image.clone(),
        address: address(container),
        condition: condition(state),
        started: state
            .started_at
            .as_deref()
            .and_then(|at| at.parse().ok())
            .filter(|at| *at > jiff::Timestamp::UNIX_EPOCH),
        restarts: container.restart_count.and_then(|count| count.try_into().ok()).unwrap_or(0),
        exit: exit(state),
        usage: None,
    })
}

fn condition(state: &ContainerState) -> Condition {
    let health = state.health.as_ref().and_then(|health| health.status);
    match state.status {
        Some(Status::RUNNING) => match health {
            Some(Health::STARTING) => Condition::Starting,
            Some(Health::HEALTHY) => Condition::Healthy,
            Some(Health::UNHEALTHY) => Condition::Unhealthy,
            Some(Health::NONE | Health::EMPTY) | None => Condition::Running,
        },
        Some(Status::CREATED) => Condition::Stopped,
        // Somebody has stopped it, and it went as it was told to.
        Some(Status::EXITED) if state.exit_code == Some(0) => Condition::Stopped,
        // It takes nothing and cannot be asked: as good as ended.
        _ => Condition::Failed,
    }
}

fn exit(state: &ContainerState) -> Option<Exit> {
    let ended = matches!(state.status, Some(Status::EXITED | Status::DEAD | Status::RESTARTING));
    let code = state.exit_code.and_then(|code| code.try_into().ok()).filter(|_| ended)?;
    Some(Exit { code, out_of_memory: state.oom_killed == Some(true) })
}

/// Its address in the first network that gives it one, by the networks' names.
fn address(container: &ContainerInspectResponse) -> Option<std::net::IpAddr> {
    let networks = container.network_settings.as_ref()?.networks.as_ref()?;
    let mut named: Vec<_> = networks.iter().collect();
    named.sort_by_key(|(name, _)| *name);
    let mut addresses =
        named.into_iter().flat_map(|(_, it)| [it.ip_address.as_deref(), it.global_ipv6_address.as_deref()]);
    addresses.find_map(|address| address?.parse().ok())
}

/// What is counted since the container was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    cpu: u64,
    machine: u64,
    cpus: u32,
    periods: u64,
    throttled: u64,
}

pub(super) fn counted(stats: &ContainerStatsResponse) -> Option<Counted> {
    let cpu = stats.cpu_stats.as_ref()?;
    let throttling = cpu.throttling_data.as_ref();
    Some(Counted {
        cpu: cpu.cpu_usage.as_ref()?.total_usage?,
        machine: cpu.system_cpu_usage?,
        cpus: cpu.online_cpus.filter(|cpus| *cpus > 0)?,
        periods: throttling.and_then(|it| it.periods).unwrap_or(0),
        throttled: throttling.and_then(|it| it.throttled_periods).unwrap_or(0),
    })
}

/// What it uses of what it was given, between two looks.
pub(super) fn usage(
    container: &ContainerInspectResponse,
    stats: &ContainerStatsResponse,
    before: Option<Counted>,
    now: Counted,
) -> Usage {
    let before = before.unwrap_or(now);
    let part = |new: u64, old: u64, of_new: u64, of_old: u64| match of_new.saturating_sub(of_old) {
        0 => 0.0,
        all => new.saturating_sub(old) as f64 / all as f64,
    };
    let cpus = part(now.cpu, before.cpu, now.machine, before.machine) * f64::from(now.cpus);
    let (memory, pressure) = (memory(stats), kernel(container));
    Usage {
        cpu: cpus / quota(container).unwrap_or(f64::from(now.cpus)),
        throttled: part(now.throttled, before.throttled, now.periods, before.periods),
        memory,
        memory_limit: container
            .host_config
            .as_ref()
            .and_then(|it| it.memory)
            .and_then(|it| it.try_into().ok())
            .filter(|limit| *limit > 0),
        ..pressure
    }
}

/// CPUs that it may use; `None`: all.
fn quota(container: &ContainerInspectResponse) -> Option<f64> {
    let host = container.host_config.as_ref()?;
    let whole = host.nano_cpus.filter(|nano| *nano > 0).map(|nano| nano as f64 / 1e9);
    let period = host.cpu_period.filter(|period| *period > 0).unwrap_or(100_000) as f64;
    whole.or_else(|| host.cpu_quota.filter(|quota| *quota > 0).map(|quota| quota as f64 / period))
}

/// Used memory less file cache that nobody has touched lately: the kernel gives that back when it is asked.
fn memory(stats: &ContainerStatsResponse) -> u64 {
    let Some(memory) = &stats.memory_stats else { return 0 };
    let of = |name| memory.stats.as_ref().and_then(|stats| stats.get(name).copied());
    let cache = of("inactive_file").or_else(|| of("total_inactive_file")).unwrap_or(0);
    memory.usage.unwrap_or(0).saturating_sub(cache)
}

/// What only the kernel of the container's host tells, where that is this one.
fn kernel(container: &ContainerInspectResponse) -> Usage {
    let process = container.state.as_ref().and_then(|state| state.pid).filter(|pid| *pid > 0);
    process.and_then(cgroup::of_process).map(|folder| cgroup::pressure(&folder)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn service() -> Service {
        Service { project: "site".into(), service: "api".into() }
    }

    fn container(state: Value) -> ContainerInspectResponse {
        serde_json::from_value(json!({
            "Id": "abc", "Name": "/site-api-2", "RestartCount": 3, "State": state,
            "HostConfig": { "NanoCpus": 500_000_000, "Memory": 1000 },
            "Config": { "Image": "site/api:1", "Labels": {
                "statex.managed": "true", "com.docker.compose.project": "site",
                "com.docker.compose.service": "api", "com.docker.compose.container-number": "2",
            }},
            "NetworkSettings": { "Networks": {
                "b": { "IPAddress": "10.9.0.3" }, "a": { "IPAddress": "" },
            }},
        }))
        .unwrap()
    }

    fn seen(state: Value) -> Replica {
        replica(&container(state), &service()).unwrap()
    }

    fn stats(cpu: u64, machine: u64, periods: u64, throttled: u64) -> ContainerStatsResponse {
        serde_json::from_value(json!({
            "cpu_stats": { "cpu_usage": { "total_usage": cpu }, "system_cpu_usage": machine, "online_cpus": 2,
                "throttling_data": { "periods": periods, "throttled_periods": throttled } },
            "memory_stats": { "usage": 900, "stats": { "inactive_file": 400 } },
        }))
        .unwrap()
    }

    #[test]
    fn a_container_is_seen_with_its_number_and_address() {
        let seen = seen(json!({ "Status": "running", "StartedAt": "2026-03-02T12:00:00.5Z" }));
        assert_eq!((seen.name.as_str(), seen.number, seen.restarts), ("site-api-2", 2, 3));
        assert_eq!(seen.address, Some([10, 9, 0, 3].into()));
        assert_eq!(seen.started.unwrap().as_second(), 1_772_452_800);
    }

    #[test]
    fn the_engines_own_check_counts_where_there_is_one() {
        for (health, expected) in [
            (json!(null), Condition::Running),
            (json!({ "Status": "none" }), Condition::Running),
            (json!({ "Status": "starting" }), Condition::Starting),
            (json!({ "Status": "healthy" }), Condition::Healthy),
            (json!({ "Status": "unhealthy" }), Condition::Unhealthy),
        ] {
            assert_eq!(seen(json!({ "Status": "running", "Health": health })).condition, expected);
        }
    }

    #[test]
    fn a_crash_is_told_from_a_stop() {
        let crashed = seen(json!({ "Status": "exited", "ExitCode": 137, "OOMKilled": true }));
        assert_eq!(crashed.condition, Condition::Failed);
        assert_eq!(crashed.exit, Some(Exit { code: 137, out_of_memory: true }));
        assert_eq!(seen(json!({ "Status": "exited", "ExitCode": 0 })).condition, Condition::Stopped);
        assert_eq!(seen(json!({ "Status": "restarting", "ExitCode": 1 })).condition, Condition::Failed);
        assert_eq!(seen(json!({ "Status": "paused" })).condition, Condition::Failed);
    }

    #[test]
    fn what_belongs_to_others_is_not_seen() {
        let other = Service { service: "db".into(), ..service() };
        assert_eq!(replica(&container(json!({ "Status": "running" })), &other), None);
    }

    #[test]
    fn usage_is_in_parts_of_what_was_given() {
        let (first, second) = (stats(1000, 100_000, 10, 0), stats(2000, 108_000, 20, 5));
        let container = container(json!({ "Status": "running" }));
        let usage = usage(&container, &second, counted(&first), counted(&second).unwrap());
        // An eighth of two CPUs is half of half a CPU.
        assert_eq!((usage.cpu, usage.throttled), (0.5, 0.5));
        assert_eq!((usage.memory, usage.memory_share()), (500, Some(0.5)));
    }

    #[test]
    fn the_first_look_knows_of_no_time() {
        let only = stats(1000, 100_000, 10, 0);
        let usage = usage(&container(json!({})), &only, None, counted(&only).unwrap());
        assert_eq!((usage.cpu, usage.throttled), (0.0, 0.0));
    }
}
