//! Against a mock of systemd's manager that speaks D-Bus over a socket pair: there is no real one in every test
//! environment.

use super::*;
use crate::clock::Clock;
use crate::executor::{Condition, Intent, steps};
use futures_util::StreamExt;
use std::sync::Arc;
use zbus::connection::Builder;
use zbus::{Connection, MessageStream};
use zbus::{ObjectPath, Variant};

/// The units that the mock has: name, active state.
type Units = Arc<Mutex<Vec<(String, &'static str)>>>;

/// Where in the list the unit with this path is.
fn number_of(path: &str) -> usize {
    path.rsplit('/').next().and_then(|it| it.trim_start_matches('u').parse().ok()).unwrap_or(usize::MAX)
}

/// Answers what [`Manager`] asks.
async fn serve(bus: Connection, units: Units, asked: Arc<Mutex<Vec<String>>>) {
    let mut messages = MessageStream::from(&bus);
    while let Some(Ok(message)) = messages.next().await {
        let header = message.header();
        let Some(member) = header.member().map(|it| it.to_string()) else { continue };
        let path = header.path().map(|it| it.to_string()).unwrap_or_default();
        let unit = || message.body().deserialize::<(String, String)>().map(|it| it.0);
        let root = ObjectPath::try_from("/job/1").unwrap();
        let set = |name: &str, state: &'static str| {
            let mut units = units.lock().unwrap();
            match units.iter_mut().find(|(it, _)| it == name) {
                Some(found) => found.1 = state,
                None => units.push((name.to_owned(), state)),
            }
            asked.lock().unwrap().push(format!("{member} {name}"));
        };
        match member.as_str() {
            "ListUnitsByPatterns" => {
                let names: Vec<String> = units.lock().unwrap().iter().map(|(name, _)| name.clone()).collect();
                let row = |name: &String| {
                    let path = ObjectPath::try_from("/u").unwrap();
                    (name.clone(), "", "", "", "", "", path.clone(), 0u32, "", path)
                };
                bus.reply(&header, &names.iter().map(row).collect::<Vec<_>>()).await.unwrap();
            }
            "LoadUnit" => {
                let name: String = message.body().deserialize::<(String,)>().unwrap().0;
                let at = units.lock().unwrap().iter().position(|(it, _)| *it == name);
                let path = format!("/unit/u{}", at.unwrap_or(999));
                bus.reply(&header, &ObjectPath::try_from(path).unwrap()).await.unwrap();
            }
            "Get" => {
                let (_, property) = message.body().deserialize::<(String, String)>().unwrap();
                let active = units.lock().unwrap().get(number_of(&path)).map_or("inactive", |it| it.1);
                let value = match property.as_str() {
                    "ActiveState" => Variant::from(active),
                    "SubState" => Variant::from(if active == "active" { "running" } else { "dead" }),
                    "Result" => Variant::from(if active == "failed" { "exit-code" } else { "success" }),
                    "ControlGroup" => Variant::from(""),
                    "NRestarts" => Variant::from(4u32),
                    "ExecMainStatus" => Variant::from(3i32),
                    _ => Variant::from(1_772_452_800_000_000u64),
                };
                bus.reply(&header, &value).await.unwrap();
            }
            "StartUnit" | "RestartUnit" => {
                set(&unit().unwrap(), "active");
                bus.reply(&header, &root).await.unwrap();
            }
            "StopUnit" => {
                set(&unit().unwrap(), "inactive");
                bus.reply(&header, &root).await.unwrap();
            }
            "KillUnit" => {
                let (name, _, signal) = message.body().deserialize::<(String, String, i32)>().unwrap();
                asked.lock().unwrap().push(format!("KillUnit {name} {signal}"));
                bus.reply(&header, &()).await.unwrap();
            }
            "ResetFailedUnit" => bus.reply(&header, &()).await.unwrap(),
            _ => bus.reply_error(&header, "org.freedesktop.DBus.Error.UnknownMethod", &member).await.unwrap(),
        }
    }
}

async fn mock(units: &[(&str, &'static str)], hook: Option<Hook>) -> (Systemd, Arc<Mutex<Vec<String>>>) {
    let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
    let guid = zbus::Guid::generate();
    let server = Builder::unix_stream(there).server(guid).p2p();
    let client = Builder::unix_stream(here).p2p();
    let (server, client) = tokio::try_join!(server.build(), client.build()).unwrap();
    let units: Units =
        Arc::new(Mutex::new(units.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect()));
    let asked = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(serve(server, units, asked.clone()));
    let template = Template::new("api@.service").unwrap();
    let mut systemd = Systemd::new(template, None, Patience::default(), hook, Clock::machine());
    systemd.manager = Manager::connected(client);
    (systemd, asked)
}

const TWO: [(&str, &str); 3] =
    [("api@1.service", "active"), ("api@2.service", "failed"), ("apis@1.service", "active")];

#[tokio::test]
async fn units_of_the_template_are_replicas() {
    let (systemd, _) = mock(&TWO, None).await;
    let observed = systemd.observe().await.unwrap();
    let seen: Vec<_> =
        observed.replicas.iter().map(|it| (it.name.as_str(), it.condition, it.restarts)).collect();
    assert_eq!(seen, [("api@1", Condition::Running, 4), ("api@2", Condition::Failed, 4)]);
    assert_eq!(observed.replicas[1].exit.unwrap().code, 3);
}

#[tokio::test]
async fn steps_become_jobs() {
    let (systemd, asked) = mock(&TWO, Some(Hook::Signal("HUP".into()))).await;
    let observed = systemd.observe().await.unwrap();
    let (id, order) = ("api@1.service".to_owned(), Order::default());
    for intent in
        [Intent::Hook { id: id.clone() }, Intent::Restart { id: id.clone() }, Intent::Replace { id }]
    {
        for step in steps(&systemd, &intent, &observed).unwrap() {
            if !matches!(step, Step::Drain { .. } | Step::Undrain { .. } | Step::AwaitReady { .. }) {
                systemd.carry_out(&step, &order).await.unwrap();
            }
        }
    }
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "KillUnit api@1.service 1",
            "RestartUnit api@1.service",
            "StartUnit api@3.service",
            "StopUnit api@1.service"
        ]
    );
}

#[tokio::test]
async fn a_manager_that_is_away_is_not_a_dead_unit() {
    let template = Template::new("api@.service").unwrap();
    let nowhere = Some("unix:path=/nonexistent/bus".to_owned());
    let systemd = Systemd::new(template, nowhere, Patience::default(), None, Clock::machine());
    assert!(matches!(systemd.observe().await, Err(ExecutorError::Unreachable { .. })));
}

#[test]
fn templates_are_told_from_other_units() {
    assert!(Template::new("api@.service").is_some());
    for wrong in ["api.service", "@.service", "api@1.service", "a/b@.service", "api@.timer", ""] {
        assert_eq!(Template::new(wrong), None, "{wrong}");
    }
    let template = Template::new("api@.service").unwrap();
    assert_eq!((template.number("api@12.service"), template.number("apis@1.service")), (Some(12), None));
}
