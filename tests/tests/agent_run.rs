//! `statex run` from outside: start, reload, takeover, stop and unload, in a network namespace. Needs root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use statex_agent::admin::status::Status;
use statex_tests::lab::{Namespace, binary, ip};
use statex_tests::wait;

const PATIENCE: Duration = Duration::from_secs(60);

/// A host with eth0, 10.1.0.1, whose neighbour 10.1.0.2 answers.
struct Host {
    namespace: Namespace,
    _peer: Namespace,
}

/// An agent; killed when dropped.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Agent {
    /// Ends the agent by a signal and gives its exit status.
    fn end(mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(self.0.id() as i32), signal).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Host {
    fn new() -> Self {
        let namespace = Namespace::new().expect("this test makes network namespaces and needs root");
        let peer = Namespace::new().unwrap();
        let there = peer.place();
        let there = there.net().display();
        ip(&namespace, &format!("link add eth0 type veth peer name eth0 netns {there}")).unwrap();
        ip(&namespace, "link set lo up\nlink set eth0 up\naddr add 10.1.0.1/24 dev eth0").unwrap();
        ip(&peer, "link set eth0 up\naddr add 10.1.0.2/24 dev eth0").unwrap();
        Self { namespace, _peer: peer }
    }

    fn file(&self) -> PathBuf {
        self.namespace.run_folder().join("statex.toml")
    }

    fn write(&self, node: &str, rest: &str) {
        let text = format!(
            "[node]\ninterfaces = [\"eth0\"]\n{node}\n[metrics]\nlisten = \"\"\n[limits]\nflows = 10000\nring_slots = 100000\n{rest}\n\
             [[pool]]\nname = \"web\"\n[[pool.backend]]\nname = \"b1\"\naddress = \"10.1.0.2\"\n\
             [pool.health]\nkind = \"none\"\n\
             [[service]]\nname = \"web\"\naddress = \"192.0.2.1\"\nport = 80\nprotocol = \"tcp\"\n\
             forward = \"ipip\"\npool = \"web\"\nring_slots = 4093\n"
        );
        let next = self.namespace.run_folder().join("next.toml");
        fs::write(&next, text).unwrap();
        fs::rename(next, self.file()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.namespace.command(binary("statex").unwrap());
        command.args(arguments);
        command
    }

    fn start(&self) -> Agent {
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(self.namespace.run_folder().join("log"))
            .unwrap();
        let mut command = self.command(&["run", "--config", "/run/statex.toml"]);
        let agent = Agent(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        self.wait_until_settled();
        agent
    }

    fn wait_until_settled(&self) {
        self.wait_until(|status| {
            ensure!(status.settled, "not settled: {:?}", status.problems);
            Ok(())
        });
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn status(&self) -> Result<Status> {
        let output = self.ask(&["status", "--json"]);
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("status")
    }

    fn wait_until(&self, so: impl Fn(&Status) -> Result<()>) {
        let waited = wait::until(PATIENCE, || so(&self.status()?));
        let log = fs::read_to_string(self.namespace.run_folder().join("log")).unwrap_or_default();
        waited.unwrap_or_else(|error| panic!("{error:#}\nlog:\n{log}"));
    }

    /// The kernel takes a program off a little after its link has gone.
    fn wait_until_bare(&self) {
        let bare = || if self.attached() { Err("eth0 still has a program") } else { Ok(()) };
        wait::until(PATIENCE, bare).unwrap();
    }

    /// Whether eth0 has an XDP program.
    fn attached(&self) -> bool {
        let mut command = self.namespace.command("ip");
        let output = command.args(["-details", "link", "show", "eth0"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("prog/xdp")
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn node_starts_is_drained_and_leaves_its_data_plane_behind() {
    let host = Host::new();
    host.write("", "");
    let agent = host.start();
    let status = host.status().unwrap();
    assert_eq!(status.interfaces[0].attached.as_deref(), Some("native"));
    assert_eq!(status.services[0].backends[0].share, 1.0);
    assert!(host.ask(&["drain", "b1"]).status.success());
    assert_eq!(host.status().unwrap().services[0].backends[0].state, "draining");

    assert_eq!(agent.end(Signal::SIGTERM), Some(0));
    assert!(host.attached(), "on_stop = keep");
    let _agent = host.start();
    assert_eq!(host.status().unwrap().services[0].backends[0].state, "draining", "remembered in the tables");
}

#[test]
fn unload_removes_what_a_killed_agent_left() {
    let host = Host::new();
    host.write("", "");
    let agent = host.start();
    let refused = host.ask(&["unload"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("stop it first"), "{}", stderr(&refused));
    agent.end(Signal::SIGKILL);
    assert!(host.attached());
    assert!(host.ask(&["unload"]).status.success());
    host.wait_until_bare();
}

#[test]
fn on_stop_remove_takes_everything_along() {
    let host = Host::new();
    host.write("on_stop = \"remove\"", "");
    assert_eq!(host.start().end(Signal::SIGINT), Some(0));
    host.wait_until_bare();
}

#[test]
fn bad_reload_changes_nothing_and_says_everything() {
    let host = Host::new();
    host.write("", "");
    let _agent = host.start();
    host.write("attach = \"fast\"", "[unknown]");
    let output = host.ask(&["reload"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("nothing was changed") && said.contains("node.attach") && said.contains("unknown"),
        "{said}"
    );
    assert_eq!(host.status().unwrap().services.len(), 1);

    host.write("", "");
    fs::write(host.file(), fs::read_to_string(host.file()).unwrap().replace("eth0", "eth9")).unwrap();
    let output = host.ask(&["reload"]);
    assert!(stderr(&output).contains("interface \"eth9\" does not exist"), "{}", stderr(&output));
}

#[test]
fn reload_follows_mode_and_sizes() {
    let host = Host::new();
    host.write("", "");
    let _agent = host.start();
    host.write("attach = \"generic\"", "");
    assert!(host.ask(&["reload"]).status.success());
    assert_eq!(host.status().unwrap().interfaces[0].attached.as_deref(), Some("generic"));
    host.write("attach = \"generic\"", "backends = 50");
    host.ask(&["reload"]);
    host.wait_until(|status| {
        ensure!(status.settled && status.services[0].backends[0].share == 1.0, "{status:?}");
        Ok(())
    });
    assert!(host.attached());
}

#[test]
fn changed_file_is_noticed() {
    let host = Host::new();
    host.write("", "");
    let _agent = host.start();
    let text = fs::read_to_string(host.file()).unwrap();
    fs::write(host.file(), text.replace("\"b1\"", "\"renamed\"")).unwrap();
    host.wait_until(|status| {
        ensure!(status.services[0].backends[0].name == "renamed", "{status:?}");
        Ok(())
    });
}

#[test]
fn stranger_gets_no_answer_even_where_the_file_lets_him_in() {
    let host = Host::new();
    host.write("", "");
    let _agent = host.start();
    let socket = host.namespace.run_folder().join("statex/statex.sock");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let program = binary("statex").unwrap();
    let mut command = host.namespace.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).arg("status");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("closed the connection: this user is not among"), "{}", stderr(&output));
}

#[test]
fn mode_that_fails_leaves_the_old_one() {
    let host = Host::new();
    ip(&host.namespace, "link add name br0 type bridge\nlink set br0 up").unwrap();
    let bridge = |attach: &str| {
        host.write(attach, "");
        let text = fs::read_to_string(host.file()).unwrap();
        fs::write(host.file(), text.replace("interfaces = [\"eth0\"]", "interfaces = [\"br0\"]")).unwrap();
    };
    bridge("");
    let _agent = host.start();
    assert_eq!(host.status().unwrap().interfaces[0].attached.as_deref(), Some("generic"), "auto");
    bridge("attach = \"native\"");
    host.ask(&["reload"]);
    let status = host.status().unwrap();
    assert_eq!(status.interfaces[0].attached.as_deref(), Some("generic"));
    assert!(status.problems.iter().any(|line| line.contains("cannot run XDP in its driver")), "{status:?}");
}

#[test]
fn second_agent_takes_over() {
    let host = Host::new();
    host.write("", "");
    let mut first = host.start();
    let _second = host.start();
    assert_eq!(first.0.wait().unwrap().code(), Some(0), "the first has handed over");
    host.wait_until_settled();
    assert!(host.attached());
}

#[test]
fn what_is_missing_ends_with_two_and_one_line() {
    let host = Host::new();
    host.write("", "");
    let text = fs::read_to_string(host.file()).unwrap();
    fs::write(host.file(), text.replace("eth0", "eht0")).unwrap();
    let output = host.ask(&["run", "--config", "/run/statex.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("interface \"eht0\" does not exist (did you mean \"eth0\"?)"), "{said}");

    let output = host.ask(&["check", "/run/nonexistent.toml"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(host.ask(&["status"]).status.code(), Some(1), "nobody runs");
    assert_eq!(host.ask(&["drian", "b1"]).status.code(), Some(2), "usage");
}
