//! Healing from outside: `statex run` with replicas that are processes of its own, in a network namespace. One is killed,
//! one is stopped dead in its tracks; both must serve again by themselves, and the audit log must tell why. Needs root
//! and python3, whose small web server is the replica.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::ensure;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use statex_tests::lab::{Namespace, binary, ip};
use statex_tests::wait;

const PATIENCE: Duration = Duration::from_secs(90);

const CONFIG: &str = r#"
[metrics]
listen = ""
[heal]
audit = "/run/audit.log"
switch = "/run/heal.off"
lease = "/run/heal.lease"
[[listener]]
name = "http"
listen = ["127.0.0.1:80"]
protocol = "http"
[[pool]]
name = "web"
[[pool.backend]]
name = "web-1"
address = "127.0.0.1"
port = 8001
[[pool.backend]]
name = "web-2"
address = "127.0.0.1"
port = 8002
[[pool.backend]]
name = "web-3"
address = "127.0.0.1"
port = 8003
[pool.health]
kind = "http"
path = "/"
interval = "1s"
[pool.workload]
executor = "process"
command = ["/usr/bin/python3", "-m", "http.server", "800{number}", "--bind", "127.0.0.1", "--directory", "/run/www"]
replicas = 3
[pool.heal]
mode = "MODE"
grace = "2s"
max_unhealthy = 70
[[route]]
name = "all"
pool = "web"
"#;

/// A host whose agent runs three replicas.
struct Site {
    namespace: Namespace,
    agent: Child,
}

impl Drop for Site {
    fn drop(&mut self) {
        // Its replicas end with it when it is asked to end.
        let _ = kill(Pid::from_raw(self.agent.id() as i32), Signal::SIGTERM);
        let _ = self.agent.wait();
    }
}

impl Site {
    fn new(mode: &str) -> Self {
        assert!(Path::new("/usr/bin/python3").exists(), "/usr/bin/python3 is missing: `cargo xtask setup`");
        let namespace = Namespace::new().expect("this test makes network namespaces and needs root");
        ip(&namespace, "link set lo up").unwrap();
        let folder = namespace.run_folder();
        fs::create_dir(folder.join("www")).unwrap();
        fs::write(folder.join("statex.toml"), CONFIG.replace("MODE", mode)).unwrap();
        let mut command = namespace.command(binary("statex").unwrap());
        command.args(["run", "--config", "/run/statex.toml"]);
        let log = fs::File::create(folder.join("log")).unwrap();
        let agent = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let site = Self { namespace, agent };
        site.wait_until("all replicas serve", || (1..=3).all(|number| site.serves(number)));
        // What comes within the grace after a start is nobody's fault.
        std::thread::sleep(Duration::from_secs(4));
        site
    }

    fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let check = || -> anyhow::Result<()> {
            ensure!(holds(), "not: {what}");
            Ok(())
        };
        let told = || {
            let log = fs::read_to_string(self.namespace.run_folder().join("log")).unwrap_or_default();
            format!("log:\n{log}\naudit:\n{}", self.audit(&["show"]).1)
        };
        wait::until(PATIENCE, check).unwrap_or_else(|error| panic!("{error:#}\n{}", told()));
    }

    fn serves(&self, number: u32) -> bool {
        let mut command = self.namespace.command("curl");
        let url = format!("http://127.0.0.1:800{number}/");
        command.args(["--silent", "--fail", "--max-time", "2", "--output", "/dev/null", &url]);
        command.status().unwrap().success()
    }

    /// Process ids of a replica, from the command lines of all processes.
    fn pid(&self, number: u32) -> Pid {
        let port = format!("800{number}");
        let is_it = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let ours = fs::read_link(format!("/proc/{pid}/ns/net")).ok()
                == fs::read_link(format!("/proc/{}/ns/net", self.agent.id())).ok();
            ours && line.split(|byte| *byte == 0).any(|word| word == port.as_bytes())
                && line.starts_with(b"/usr/bin/python3")
        };
        let all = fs::read_dir("/proc").unwrap();
        let mut pids = all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok());
        Pid::from_raw(pids.find(is_it).expect("the replica runs"))
    }

    fn audit(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.statex(&[&["audit"], arguments, &["--log", "/run/audit.log"]].concat());
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn statex(&self, arguments: &[&str]) -> Output {
        let mut command: Command = self.namespace.command(binary("statex").unwrap());
        command.args(arguments).output().unwrap()
    }
}

#[test]
fn a_killed_and_a_frozen_replica_serve_again_and_the_audit_log_says_why() {
    let site = Site::new("act");
    kill(site.pid(1), Signal::SIGKILL).unwrap();
    kill(site.pid(2), Signal::SIGSTOP).unwrap();
    site.wait_until("both serve again", || site.serves(1) && site.serves(2));
    let healed = || site.audit(&["show", "--about", "web/web-2"]).1.contains("healed web/web-2");
    site.wait_until("what was frozen is said to be healed", healed);
    let (_, told) = site.audit(&["show", "--about", "web/web-2"]);
    for line in ["act web/web-2", "restart of web-2", "lease yes", "done: restart web-2"] {
        assert!(told.contains(line), "{line} is missing in:\n{told}");
    }
    let (whole, said) = site.audit(&["verify"]);
    assert!(whole, "{said}");

    let log = site.namespace.run_folder().join("audit.log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("restart of web-2", "restart of web-3", 1)).unwrap();
    let (whole, said) = site.audit(&["verify"]);
    assert!(!whole, "a changed log passes: {said}");
}

#[test]
fn who_only_observes_says_what_would_be_done_and_does_nothing() {
    let site = Site::new("observe");
    let frozen = site.pid(2);
    kill(frozen, Signal::SIGSTOP).unwrap();
    let said = || site.audit(&["show", "--about", "web/web-2"]).1.contains("restart of web-2");
    site.wait_until("what would be done is said", said);
    assert_eq!(site.pid(2), frozen, "nothing is restarted");
    assert!(!site.serves(2));
    kill(frozen, Signal::SIGCONT).unwrap();
}
