//! `[pool.workload]`, `[pool.report]`.

use std::path::PathBuf;
use std::time::Duration;

use super::{fit, heal};
use crate::config::error::{Place, Report};
use crate::config::meant::{self, Hook, ReportKind, Runner, RunnerKind, Secret};
use crate::config::written::{self, ReportForm, Time, Workload, quoted};

/// Longest path that `sockaddr_un` holds (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

/// `None`: there is none, or it could not be read.
pub(super) fn workload(written: &Workload, report: &mut Report) -> Option<meant::Workload> {
    let kind = *written
        .executor
        .required(report, "say who runs the replicas: docker, systemd, process or webhook")?;
    refuse_foreign_keys(written, kind, report);
    let seconds = Duration::from_secs;
    let (least, most) = (Time::millis(0), Time::seconds(3600));
    let stop_within = heal::time(&written.stop_within, least, most, seconds(10), report);
    let drain_within = heal::time(&written.drain_within, least, most, seconds(30), report);
    let ready_within = heal::time(&written.ready_within, Time::seconds(1), most, seconds(60), report);
    let hook = hook(written, report);
    let runner = match kind {
        RunnerKind::Docker => docker(written, report)?,
        RunnerKind::Systemd => systemd(written, report)?,
        RunnerKind::Process => process(written, report)?,
        RunnerKind::Webhook => webhook(written, report)?,
    };
    Some(meant::Workload { runner, stop_within, drain_within, ready_within, hook })
}

fn docker(written: &Workload, report: &mut Report) -> Option<Runner> {
    let socket = match written.socket.is_absent() {
        true => Some(PathBuf::from("/run/docker.sock")),
        false => fit::absolute(&written.socket, LONGEST_SOCKET_PATH, report),
    };
    let text = written.service.required(report, "name the compose service as \"PROJECT/SERVICE\"")?;
    let Some((project, service)) = text.split_once('/').filter(|(a, b)| !a.is_empty() && !b.is_empty())
    else {
        let message = format!("{} is no compose service; write \"PROJECT/SERVICE\"", quoted(text));
        report.error(&written.service.place, message);
        return None;
    };
    Some(Runner::Docker { socket: socket?, project: project.to_owned(), service: service.to_owned() })
}

fn systemd(written: &Workload, report: &mut Report) -> Option<Runner> {
    let unit = written.unit.required(report, "name the template, such as \"api@.service\"")?;
    if crate::executor::systemd::Template::new(unit).is_none() {
        let message = format!("{} is no template of services; write it like \"api@.service\"", quoted(unit));
        report.error(&written.unit.place, message);
        return None;
    }
    Some(Runner::Systemd {
        unit: unit.clone(),
        bus: written.bus.given().filter(|it| !it.is_empty()).cloned(),
    })
}

fn process(written: &Workload, report: &mut Report) -> Option<Runner> {
    written
        .command
        .required(report, "give the command, such as [\"/usr/bin/api\", \"--port\", \"300{number}\"]");
    let replicas = fit::number(&written.replicas, 1, 1000u32, report).unwrap_or(1);
    Some(Runner::Process { command: heal::words(&written.command, report)?, replicas })
}

fn webhook(written: &Workload, report: &mut Report) -> Option<Runner> {
    written.url.required(report, "give the URL that steps are sent to");
    let secret = written
        .secret
        .required(report, "give the secret that requests are signed with (`openssl rand -hex 32`)");
    let secret = secret.map(|secret| secret.0.clone())?;
    if secret.len() < Secret::MIN_LEN {
        let message = format!("a secret has {} hexadecimal digits at least", 2 * Secret::MIN_LEN);
        report.error(&written.secret.place, message);
        return None;
    }
    Some(Runner::Webhook { url: heal::optional_url(&written.url, report)?, secret: Secret(secret) })
}

fn hook(written: &Workload, report: &mut Report) -> Option<Hook> {
    let signal = written.hook_signal.given().filter(|name| !name.is_empty());
    let command = heal::words(&written.hook_command, report);
    let url = heal::optional_url(&written.hook_url, report);
    if let Some(name) = signal {
        let full = if name.starts_with("SIG") { name.clone() } else { format!("SIG{name}") };
        if full.parse::<nix::sys::signal::Signal>().is_err() {
            report.error(
                &written.hook_signal.place,
                format!("there is no signal {}; write \"HUP\" or \"USR1\"", quoted(name)),
            );
        }
    }
    let given = [signal.is_some(), command.is_some(), url.is_some()];
    if given.iter().filter(|it| **it).count() > 1 {
        report.error(
            &written.hook_signal.place,
            "there is one hook at most; give a signal, a command or a URL",
        );
    }
    signal.cloned().map(Hook::Signal).or(command.map(Hook::Command)).or(url.map(Hook::Url))
}

/// A key that the executor has no use for is a mistake about the executor.
fn refuse_foreign_keys(written: &Workload, kind: RunnerKind, report: &mut Report) {
    let keys: [(&Place, bool, RunnerKind, &str); 8] = [
        (&written.socket.place, written.socket.is_absent(), RunnerKind::Docker, "docker"),
        (&written.service.place, written.service.is_absent(), RunnerKind::Docker, "docker"),
        (&written.unit.place, written.unit.is_absent(), RunnerKind::Systemd, "systemd"),
        (&written.bus.place, written.bus.is_absent(), RunnerKind::Systemd, "systemd"),
        (&written.command.place, written.command.is_absent(), RunnerKind::Process, "process"),
        (&written.replicas.place, written.replicas.is_absent(), RunnerKind::Process, "process"),
        (&written.url.place, written.url.is_absent(), RunnerKind::Webhook, "webhook"),
        (&written.secret.place, written.secret.is_absent(), RunnerKind::Webhook, "webhook"),
    ];
    for (place, absent, owner, word) in keys {
        if !absent && owner != kind {
            report.error(
                place,
                format!("only executor {word} has this; remove it, or set executor = \"{word}\""),
            );
        }
    }
    if kind == RunnerKind::Webhook && written.hook_signal.given().is_some() {
        report.error(&written.hook_signal.place, "a webhook gets hooks as steps; remove it");
    }
}

/// `None`: backends are not asked.
pub(super) fn report(written: &written::Report, report: &mut Report) -> Option<meant::Report> {
    let form = *written.kind.required(report, "say how backends report: agent-check or json")?;
    let port = written.port.required(report, "give the port that backends report at").is_some();
    let port = fit::port(&written.port, report).filter(|_| port);
    let interval =
        heal::time(&written.interval, Time::millis(100), Time::seconds(3600), Duration::from_secs(2), report);
    let timeout = heal::time(
        &written.timeout,
        Time::millis(10),
        Time::seconds(60),
        Duration::from_secs(1).min(interval),
        report,
    );
    if timeout > interval {
        let message =
            format!("{} is longer than the interval ({}); make it shorter", Time(timeout), Time(interval));
        report.error(&written.timeout.place, message);
    }
    let only = |place: &Place, absent: bool, owner, word: &str, report: &mut Report| {
        if !absent && form != owner {
            report
                .error(place, format!("only {word} reports have this; remove it, or set kind = \"{word}\""));
        }
    };
    only(&written.path.place, written.path.is_absent(), ReportForm::Json, "json", report);
    only(&written.send.place, written.send.is_absent(), ReportForm::AgentCheck, "agent-check", report);
    let path = written.path.given().cloned().unwrap_or_else(|| "/".to_owned());
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        report.error(
            &written.path.place,
            format!("{} is no path; begin it with \"/\" and encode other bytes", quoted(&path)),
        );
    }
    let kind = match form {
        ReportForm::AgentCheck => {
            ReportKind::AgentCheck { send: written.send.given().map(|it| it.0.clone()).unwrap_or_default() }
        }
        ReportForm::Json => ReportKind::Json { path },
    };
    Some(meant::Report { kind, port: port?, interval, timeout })
}
