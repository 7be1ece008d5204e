//! What the kernel tells of a control group (cgroup v2): pressure, and processes that it ended for their memory.

use super::Usage;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";

/// The folder of a process's control group; `None`: it has none here, or it is of another host.
pub fn of_process(pid: i64) -> Option<PathBuf> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    of_path(text.lines().find_map(|line| line.strip_prefix("0::"))?)
}

/// The folder of a control group by its path below the root.
pub fn of_path(path: &str) -> Option<PathBuf> {
    let path = path.trim_start_matches('/');
    // A path that leads out of the root is of a namespace that is not ours.
    let safe = !path.split('/').any(|part| part == "..") && !path.is_empty();
    safe.then(|| Path::new(ROOT).join(path)).filter(|folder| folder.is_dir())
}

/// Pressure and ended processes; what the kernel does not tell stays at its default.
pub fn pressure(folder: &Path) -> Usage {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    Usage {
        memory_pressure: some(&read("memory.pressure")),
        cpu_pressure: some(&read("cpu.pressure")),
        oom_kills: value(&read("memory.events"), "oom_kill").unwrap_or(0),
        ..Usage::default()
    }
}

/// CPU time used, in microseconds, periods, and those in which it was held back.
pub fn cpu(folder: &Path) -> Option<(u64, u64, u64)> {
    let text = std::fs::read_to_string(folder.join("cpu.stat")).ok()?;
    let of = |key| value(&text, key).unwrap_or(0);
    Some((value(&text, "usage_usec")?, of("nr_periods"), of("nr_throttled")))
}

/// CPUs that it may use; `None`: all.
pub fn quota(folder: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(folder.join("cpu.max")).ok()?;
    let (most, period) = text.trim().split_once(' ')?;
    Some(most.parse::<f64>().ok()? / period.parse::<f64>().ok().filter(|period| *period > 0.0)?)
}

/// Memory used less inactive file cache, and the limit.
pub fn memory(folder: &Path) -> Option<(u64, Option<u64>)> {
    let number = |file: &str| std::fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
    let cache = std::fs::read_to_string(folder.join("memory.stat"))
        .ok()
        .and_then(|text| value(&text, "inactive_file"));
    Some((number("memory.current")?.saturating_sub(cache.unwrap_or(0)), number("memory.max")))
}

/// The part of the last ten seconds in which something waited (PSI, `some avg10`), from 0 to 1.
fn some(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let percent = line.split(' ').find_map(|word| word.strip_prefix("avg10="))?;
    Some(percent.parse::<f64>().ok()? / 100.0)
}

fn value(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        folder
    }

    #[test]
    fn pressure_is_a_part_of_the_time() {
        let folder = folder(&[
            (
                "memory.pressure",
                "some avg10=12.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0 avg300=0 total=0\n",
            ),
            ("memory.events", "low 0\noom 2\noom_kill 3\noom_group_kill 0\n"),
        ]);
        let usage = pressure(folder.path());
        assert_eq!((usage.memory_pressure, usage.cpu_pressure, usage.oom_kills), (Some(0.125), None, 3));
    }

    #[test]
    fn limits_and_use_are_read_and_max_is_no_limit() {
        let folder = folder(&[
            ("cpu.stat", "usage_usec 500\nuser_usec 1\nnr_periods 10\nnr_throttled 4\n"),
            ("cpu.max", "50000 100000\n"),
            ("memory.current", "900\n"),
            ("memory.max", "max\n"),
            ("memory.stat", "anon 1\ninactive_file 400\n"),
        ]);
        assert_eq!(cpu(folder.path()), Some((500, 10, 4)));
        assert_eq!((quota(folder.path()), memory(folder.path())), (Some(0.5), Some((500, None))));
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        let empty = folder(&[]);
        assert_eq!((cpu(empty.path()), quota(empty.path()), memory(empty.path())), (None, None, None));
        assert_eq!(pressure(empty.path()), Usage::default());
        assert_eq!(of_process(-1), None);
    }
}
