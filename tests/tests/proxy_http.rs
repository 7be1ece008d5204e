//! The proxy from outside: `statex run` in a network namespace, with curl as the client, over HTTP/1.1 and HTTP/2, with
//! and without TLS. Needs root and curl.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::ensure;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use statex_tests::lab::{Namespace, binary, ip};
use statex_tests::origin::Origin;
use statex_tests::wait;

const PATIENCE: Duration = Duration::from_secs(60);

/// How each client speaks: curl's arguments, the scheme, and what curl calls the version.
const CLIENTS: [(&str, &str, &str); 4] = [
    ("--http1.1", "http://site.test:8080", "1.1"),
    ("--http1.1", "https://site.test", "1.1"),
    ("--http2", "https://site.test", "2"),
    ("--http2-prior-knowledge", "http://site.test:8080", "2"),
];

/// A host with an origin and an agent before it.
struct Site {
    namespace: Namespace,
    _origin: Origin,
    agent: Child,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

impl Site {
    fn new() -> Self {
        let namespace = Namespace::new().expect("this test makes network namespaces and needs root");
        ip(&namespace, "link set lo up").unwrap();
        let origin = Origin::start(&namespace, "origin", &[]).unwrap();
        let folder = namespace.run_folder();
        let made = rcgen::generate_simple_self_signed(vec!["site.test".to_owned()]).unwrap();
        fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::create_dir(folder.join("www")).unwrap();
        fs::write(folder.join("www/page.txt"), "a page\n".repeat(1000)).unwrap();
        write(&namespace, "one");
        let mut command = namespace.command(binary("statex").unwrap());
        command.args(["run", "--config", "/run/statex.toml"]);
        let log = fs::File::create(folder.join("log")).unwrap();
        let agent = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let site = Self { namespace, _origin: origin, agent };
        site.wait_until("it answers", || site.curl("--http1.1", "http://site.test:8080/fixed", &[]) == "one");
        site
    }

    fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let check = || -> anyhow::Result<()> {
            ensure!(holds(), "not: {what}");
            Ok(())
        };
        let log = || fs::read_to_string(self.namespace.run_folder().join("log")).unwrap_or_default();
        wait::until(PATIENCE, check).unwrap_or_else(|error| panic!("{error:#}\nlog:\n{}", log()));
    }

    fn client(&self, version: &str, url: &str, more: &[&str]) -> Command {
        let mut command = self.namespace.command("curl");
        let own = ["--silent", "--insecure", "--max-time", "20", "--connect-to", "site.test::127.0.0.1:"];
        command.args(own).arg(version).args(more).arg(url);
        command
    }

    fn curl(&self, version: &str, url: &str, more: &[&str]) -> String {
        let output = self.client(version, url, more).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn write(namespace: &Namespace, fixed: &str) {
    let text = format!(
        r#"
[metrics]
listen = ""
[proxy]
workers = 2
[[certificate]]
name = "site"
chain = "/run/chain.pem"
key = "/run/key.pem"
[[listener]]
name = "plain"
listen = ["127.0.0.1:8080"]
protocol = "http"
versions = ["h1", "h2"]
[[listener]]
name = "https"
listen = ["127.0.0.1:443"]
protocol = "https"
[[pool]]
name = "origin"
health.kind = "none"
backend = [{{ address = "127.0.0.1", port = 80 }}]
[[route]]
name = "fixed"
path = "/fixed"
respond = {{ body = "{fixed}" }}
[[route]]
name = "old"
path = "/old"
redirect = {{ to = "https://{{host}}/new", status = 301 }}
[[route]]
name = "api"
path_prefix = "/api"
pool = "origin"
rewrite = {{ strip_prefix = "/api" }}
[route.response_headers]
preset = "security"
[[route]]
name = "pages"
path_prefix = "/pages"
rewrite = {{ strip_prefix = "/pages" }}
files = {{ root = "/run/www" }}
compress = {{}}
"#
    );
    let next = namespace.run_folder().join("next.toml");
    fs::write(&next, text).unwrap();
    fs::rename(next, namespace.run_folder().join("statex.toml")).unwrap();
}

#[test]
fn every_version_reaches_every_kind_of_route() {
    let site = Site::new();
    for (version, base, spoken) in CLIENTS {
        let told = ["--write-out", " %{http_version} %{http_code}", "--output", "/dev/stdout"];
        let ask = |path: &str, more: &[&str]| {
            site.curl(version, &format!("{base}{path}"), &[&told[..], more].concat())
        };
        assert_eq!(ask("/fixed", &[]), format!("one {spoken} 200"), "{version} {base}");
        assert_eq!(ask("/api/", &[]), format!("origin\n {spoken} 200"), "{version} {base}");
        assert_eq!(ask("/old", &[]), format!(" {spoken} 301"), "{version} {base}");
        assert_eq!(ask("/none", &["--output", "/dev/null"]), format!(" {spoken} 404"), "{version} {base}");
        let page = "a page\n".repeat(1000);
        assert_eq!(ask("/pages/page.txt", &[]), format!("{page} {spoken} 200"), "{version} {base}");
        assert_eq!(ask("/pages/page.txt", &["--compressed"]), format!("{page} {spoken} 200"), "{version}");
        assert_eq!(ask("/pages/page.txt", &["--range", "2-5"]), format!("page {spoken} 206"), "{version}");
    }
}

#[test]
fn bodies_come_through_whole_both_ways() {
    let site = Site::new();
    let up = site.namespace.run_folder().join("up");
    fs::write(&up, vec![7; 5_000_000]).unwrap();
    let checksum = format!("{:08x}\n", crc32fast::hash(&fs::read(&up).unwrap()));
    for (version, base, _) in CLIENTS {
        let put = ["--request", "PUT", "--data-binary", "@/run/up"];
        assert_eq!(site.curl(version, &format!("{base}/api/"), &put), checksum, "{version} {base}");
        let size = ["--output", "/dev/null", "--write-out", "%{size_download}"];
        let got = site.curl(version, &format!("{base}/api/bytes/20000000"), &size);
        assert_eq!(got, "20000000", "{version} {base}");
    }
}

#[test]
fn a_reload_breaks_nothing_that_runs() {
    let site = Site::new();
    let slow = ["--limit-rate", "4M", "--output", "/dev/null", "--write-out", "%{size_download}"];
    let started = CLIENTS.map(|(version, base, _)| {
        let mut command = site.client(version, &format!("{base}/api/bytes/20000000"), &slow);
        command.stdout(Stdio::piped()).spawn().unwrap()
    });
    write(&site.namespace, "two");
    kill(Pid::from_raw(site.agent.id() as i32), Signal::SIGHUP).unwrap();
    site.wait_until("the new configuration", || {
        site.curl("--http2", "https://site.test/fixed", &[]) == "two"
    });
    for download in started {
        let output = download.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "20000000");
    }
}

#[test]
fn a_stop_lets_what_runs_end() {
    let mut site = Site::new();
    let slow = ["--limit-rate", "8M", "--output", "/dev/null", "--write-out", "%{size_download}"];
    let started = CLIENTS.map(|(version, base, _)| {
        let mut command = site.client(version, &format!("{base}/api/bytes/20000000"), &slow);
        command.stdout(Stdio::piped()).spawn().unwrap()
    });
    std::thread::sleep(Duration::from_millis(500));
    kill(Pid::from_raw(site.agent.id() as i32), Signal::SIGTERM).unwrap();
    for download in started {
        let output = download.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "20000000");
    }
    assert_eq!(site.agent.wait().unwrap().code(), Some(0));
}
