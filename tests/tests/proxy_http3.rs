//! HTTP/3 from outside: `statex run` in a network namespace, with aioquic as the client. Needs root, and a Python that
//! has aioquic: `python3`, or the one that `STATEX_PYTHON` names. Without it, the tests are skipped.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use statex_tests::deployment::{Backend, Mode, Node};
use statex_tests::lab::{Family, Lab, Layout, Namespace, binary, ip};
use statex_tests::origin::Origin;
use statex_tests::wait;

const PATIENCE: Duration = Duration::from_secs(60);
/// Listeners: the usual one, and one that sends a Retry to everybody.
const PORT: &str = "443";
const RETRY_PORT: &str = "444";

/// Scenes of `scenes.py` that a server needs nothing special for, and where they are played.
const SCENES: [(&str, &str); 9] = [
    ("a GET", PORT),
    ("a PUT with a body", PORT),
    ("a large download", PORT),
    ("500 requests at once", PORT),
    ("a request that no route takes", PORT),
    ("a client that moves during a download", PORT),
    ("connection ids that name the node", PORT),
    ("a Retry", RETRY_PORT),
    ("0-RTT", PORT),
];

fn main() {
    let arguments = Arguments::from_args();
    let Some(python) = python() else {
        eprintln!("skipped: no python3 here has aioquic (pip install aioquic, or name one in STATEX_PYTHON)");
        let none = Trial::test("all of it", || Ok(())).with_ignored_flag(true);
        libtest_mimic::run(&Arguments { ignored: false, ..arguments }, vec![none]).exit();
    };
    let cases = python.ask(&["errors.py", "--list"]);
    // What many trials share lives as long as this thread.
    let shared = (!arguments.list).then(|| Arc::new(Site::new()));
    let mut trials = Vec::new();
    let mut trial = |name: &str, script: &'static str, port: &'static str| {
        let (python, shared, case) = (python.clone(), shared.clone(), name.to_owned());
        trials.push(Trial::test(name, move || {
            let site = shared.ok_or("there is no site")?;
            site.play(&python, script, port, &case).map_err(Failed::from)
        }));
    };
    for (scene, port) in SCENES {
        trial(scene, "scenes.py", port);
    }
    for case in cases.lines() {
        trial(case, "errors.py", PORT);
    }
    let own: [(&str, Own); 4] = [
        (
            "a client that moves keeps its node and its worker",
            a_client_that_moves_keeps_its_node_and_its_worker,
        ),
        ("a graceful stop ends what runs", a_graceful_stop_ends_what_runs),
        ("a reload breaks no connection", a_reload_breaks_no_connection),
        ("an agent that takes over breaks no connection", an_agent_that_takes_over_breaks_no_connection),
    ];
    for (name, test) in own {
        let python = python.clone();
        trials.push(Trial::test(name, move || {
            test(&python);
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A test that makes its own site.
type Own = fn(&Python);

/// An interpreter that has aioquic, and the folder of the scripts.
#[derive(Clone)]
struct Python {
    program: PathBuf,
    scripts: PathBuf,
}

fn python() -> Option<Python> {
    let program = std::env::var_os("STATEX_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let mut command = Command::new(&program);
    let has_it = command.args(["-c", "import aioquic"]).stderr(Stdio::null()).status();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("http3");
    has_it.is_ok_and(|status| status.success()).then_some(Python { program, scripts })
}

impl Python {
    fn ask(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        let output = command.current_dir(&self.scripts).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A host with an origin and an agent before it.
struct Site {
    namespace: Namespace,
    _origin: Origin,
    agent: Option<Agent>,
}

/// An agent; killed when dropped.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    fn new() -> Self {
        let namespace = Namespace::new().expect("this test makes network namespaces and needs root");
        ip(&namespace, "link set lo up").unwrap();
        let origin = Origin::start(&namespace, "origin", &[]).unwrap();
        let folder = namespace.run_folder();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut site = Self { namespace, _origin: origin, agent: None };
        site.write();
        site.agent = Some(site.start());
        site.wait_until_it_listens();
        site
    }

    fn write(&self) {
        let text = format!(
            r#"
[node]
hash_secret = "00112233445566778899aabbccddeeff"
[metrics]
listen = ""
[proxy]
workers = 2
server_id = "0102"
[[quic.id]]
rotation = 1
server_id_bytes = 2
nonce_bytes = 6
[[certificate]]
name = "site"
chain = "/run/chain.pem"
key = "/run/key.pem"
[[listener]]
name = "https"
listen = ["127.0.0.1:{PORT}"]
protocol = "https"
versions = ["h1", "h3"]
alt_svc = 'h3=":443"'
[[listener]]
name = "retry"
listen = ["127.0.0.1:{RETRY_PORT}"]
protocol = "https"
versions = ["h3"]
quic_retry = "always"
[[pool]]
name = "origin"
health.kind = "none"
backend = [{{ address = "127.0.0.1", port = 80 }}]
[[route]]
name = "hello"
path = "/hello"
early_data = true
respond = {{ body = "hello" }}
[[route]]
name = "root"
path = "/"
methods = ["GET", "HEAD"]
respond = {{ body = "root" }}
[[route]]
name = "checksum"
path = "/"
methods = ["PUT"]
pool = "origin"
[[route]]
name = "bytes"
path_prefix = "/bytes/"
pool = "origin"
"#
        );
        fs::write(self.namespace.run_folder().join("statex.toml"), text).unwrap();
    }

    fn start(&self) -> Agent {
        let log = self.namespace.run_folder().join("log");
        let log = fs::File::options().append(true).create(true).open(log).unwrap();
        let mut command = self.namespace.command(binary("statex").unwrap());
        command.args(["run", "--config", "/run/statex.toml"]);
        Agent(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn statex(&self, arguments: &[&str]) -> Output {
        self.namespace.command(binary("statex").unwrap()).args(arguments).output().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.namespace.run_folder().join("log")).unwrap_or_default()
    }

    fn wait_until_it_listens(&self) {
        let status = || {
            let status = self.statex(&["status", "--json"]).status;
            if status.success() { Ok(()) } else { Err("it does not answer yet") }
        };
        wait::until(PATIENCE, status).unwrap_or_else(|error| panic!("{error:#}\nlog:\n{}", self.log()));
    }

    fn client(&self, python: &Python, script: &str, port: &str, case: &str) -> Command {
        let mut command = self.namespace.command(&python.program);
        command.current_dir(&python.scripts).args([script, "127.0.0.1", port, case]);
        command.stderr(Stdio::piped());
        command
    }

    /// Plays a scene; what it says when it fails.
    fn play(&self, python: &Python, script: &str, port: &str, case: &str) -> Result<(), String> {
        let output = self.client(python, script, port, case).output().unwrap();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{}\nlog:\n{}", String::from_utf8_lossy(&output.stderr), self.log())),
        }
    }

    /// Begins a scene that says when something is to happen.
    fn begin(&self, python: &Python, case: &str) -> Scene {
        let mut command = self.client(python, "scenes.py", PORT, case);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "running\n", "{}", self.log());
        Scene(child)
    }
}

struct Scene(Child);

impl Scene {
    /// Tells it that it has happened.
    fn go_on(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    fn ends_well(self, site: &Site) {
        let output = self.0.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\nlog:\n{}", site.log());
    }
}

fn signal(agent: &Agent, signal: Signal) {
    kill(Pid::from_raw(agent.0.id() as i32), signal).unwrap();
}

fn a_graceful_stop_ends_what_runs(python: &Python) {
    let mut site = Site::new();
    let scene = site.begin(python, "a server that stops gracefully");
    let mut agent = site.agent.take().unwrap();
    signal(&agent, Signal::SIGTERM);
    scene.ends_well(&site);
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));
}

fn a_reload_breaks_no_connection(python: &Python) {
    let site = Site::new();
    let mut scene = site.begin(python, "a connection that is held");
    site.write();
    let reloaded = site.statex(&["reload"]);
    assert!(reloaded.status.success(), "{}", String::from_utf8_lossy(&reloaded.stderr));
    scene.go_on();
    scene.ends_well(&site);
}

/// Requests go by a connection of the old agent, whose downloads end, while the new one takes what is new.
fn an_agent_that_takes_over_breaks_no_connection(python: &Python) {
    let mut site = Site::new();
    let scene = site.begin(python, "a server that stops gracefully");
    let mut old = site.agent.replace(site.start()).unwrap();
    scene.ends_well(&site);
    assert_eq!(old.0.wait().unwrap().code(), Some(0));
    site.wait_until_it_listens();
    site.play(python, "scenes.py", PORT, "a GET").unwrap();
}

/// A node that forwards, two that serve with two workers each, and a client that changes its address eight times in the
/// middle of a download.
fn a_client_that_moves_keeps_its_node_and_its_worker(python: &Python) {
    let lab = Lab::up(Layout::Shared).unwrap();
    let shared = Mode::Ipip.address().of(Family::V4);
    let ids = "[[quic.id]]\nrotation = 1\nserver_id_bytes = 2\nnonce_bytes = 6\n";
    let (mut serving, mut backends) = (Vec::new(), String::new());
    for (host, server_id) in lab.backends.iter().zip(["0001", "0002"]) {
        let backend = Backend::start(host).unwrap();
        let folder = host.namespace.run_folder();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let text = format!(
            r#"{ids}
[metrics]
listen = ""
[proxy]
workers = 2
server_id = "{server_id}"
[[certificate]]
name = "site"
chain = "/run/chain.pem"
key = "/run/key.pem"
[[listener]]
name = "https"
listen = ["{shared}:{PORT}"]
protocol = "https"
versions = ["h3"]
[[pool]]
name = "origin"
health.kind = "none"
backend = [{{ address = "127.0.0.1", port = 80 }}]
[[route]]
name = "all"
pool = "origin"
"#
        );
        serving.push((Node::start(host, &text).unwrap(), backend));
        let address = host.addresses.of(Family::V4);
        backends += &format!(
            "[[pool.backend]]\nname = \"{}\"\naddress = \"{address}\"\nserver_id = \"{server_id}\"\n",
            host.name
        );
    }
    let text = format!(
        "[node]\ninterfaces = [\"eth0\"]\n[metrics]\nlisten = \"\"\n{ids}\
         [[pool]]\nname = \"sites\"\nhealth.kind = \"none\"\n{backends}\
         [[service]]\nname = \"h3\"\naddress = \"{shared}\"\nport = {PORT}\nprotocol = \"udp\"\n\
         forward = \"ipip\"\npool = \"sites\"\nquic = true\nring_slots = 4093\n"
    );
    let node = Node::start(&lab.node, &text).unwrap();
    let client = &lab.clients[0];
    let own: Vec<String> = (101..109).map(|number| format!("198.18.1.{number}")).collect();
    for address in &own {
        ip(&client.namespace, &format!("address add {address}/24 dev eth0")).unwrap();
    }
    let mut command = client.namespace.command(&python.program);
    let scene = ["scenes.py", &shared.to_string(), PORT, "a client that moves during a download"];
    let output = command.current_dir(&python.scripts).args(scene).args(&own).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\nthe node said:\n{}", node.words());
}
