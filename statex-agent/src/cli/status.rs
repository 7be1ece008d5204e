//! `statex status`: a table for a person, JSON for a program.

use super::{
    block_on,
    control::Socket,
    paint::{self, GREEN, RED, YELLOW},
};
use crate::admin::{
    client::Client,
    status::{Backend, PoolBackend, Route, Status},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print the whole status as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    block_on(async {
        let status = Client::connect(&arguments.socket.socket).await?.status().await?;
        if arguments.json {
            println!("{}", serde_json::to_string_pretty(&status)?);
        } else {
            print!("{}", table(&status, paint::stdout));
        }
        Ok(())
    })
}

/// The status for a person; `paint` colours words.
fn table(status: &Status, paint: impl Fn(&str, &str) -> String) -> String {
    let mut lines = vec![format!("statex {}", status.version)];
    for interface in &status.interfaces {
        let up = if interface.up { paint("up", GREEN) } else { paint("down", RED) };
        let how = match &interface.attached {
            Some(mode) => format!("XDP {mode}"),
            None => paint("no XDP program", RED),
        };
        lines.push(format!("interface {} {up}, {how}", interface.name));
    }
    for service in &status.services {
        lines.push(String::new());
        lines.push(format!(
            "service {} {} {}  {} new flows",
            service.name, service.address, service.mode, service.new_flows
        ));
        lines.extend(rows(&service.backends, &paint));
    }
    lines.extend(proxy(status, &paint));
    lines.push(String::new());
    lines.push(match status.settled {
        true => paint("settled", GREEN),
        false => paint(&format!("not settled for {:.1} s", status.lag_seconds), YELLOW),
    });
    lines.extend(status.problems.iter().map(|problem| format!("{} {problem}", paint("!", RED))));
    lines.join("\n") + "\n"
}

/// Listeners, routes and the pools that they go to.
fn proxy(status: &Status, paint: impl Fn(&str, &str) -> String) -> Vec<String> {
    let mut lines = Vec::new();
    for listener in &status.listeners {
        lines.push(String::new());
        let addresses = listener.addresses.join(" ");
        lines.push(format!(
            "listener {} {} {addresses}  {} connections, {} requests",
            listener.name, listener.protocol, listener.connections, listener.requests
        ));
    }
    if !status.routes.is_empty() {
        let titles = ["route", "action", "1xx", "2xx", "3xx", "4xx", "5xx", "aborted"].map(str::to_owned);
        let cells = |route: &Route| {
            let [one, two, three, four, five] = route.responses.map(|count| count.to_string());
            [route.name.clone(), route.action.clone(), one, two, three, four, five, route.aborted.to_string()]
        };
        lines.push(String::new());
        let rows: Vec<_> = std::iter::once(titles).chain(status.routes.iter().map(cells)).collect();
        lines.extend(aligned(&rows));
    }
    for pool in &status.pools {
        lines.push(String::new());
        lines.push(format!("pool {}", pool.name));
        let cells = |backend: &PoolBackend| {
            let why = backend.why.clone().unwrap_or_default();
            [backend.name.clone(), backend.address.clone(), backend.state.clone(), why]
        };
        let rows: Vec<_> = pool.backends.iter().map(cells).collect();
        for (row, backend) in aligned(&rows).iter().zip(&pool.backends) {
            let colour = match backend.state.as_str() {
                "up" => GREEN,
                "down" => RED,
                _ => YELLOW,
            };
            lines.push(row.replacen(&backend.state, &paint(&backend.state, colour), 1));
        }
    }
    lines
}

/// Rows whose columns stand under one another, numbers to the right.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let is_number = |column: usize| rows.last().is_some_and(|row| row[column].parse::<u64>().is_ok());
    let columns: [(usize, bool); N] = std::array::from_fn(|column| (width(column), is_number(column)));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(columns).map(|(cell, (width, is_number))| match is_number {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn rows(backends: &[Backend], paint: impl Fn(&str, &str) -> String) -> Vec<String> {
    let cells = |b: &Backend| {
        [
            b.name.clone(),
            b.address.clone(),
            b.state.clone(),
            format!("{:.1} %", b.share * 100.0),
            b.packets.to_string(),
            b.bytes.to_string(),
        ]
    };
    let titles = ["backend", "address", "state", "share", "packets", "bytes"].map(str::to_owned);
    let table: Vec<[String; 6]> = std::iter::once(titles).chain(backends.iter().map(cells)).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |(place, row): (usize, &[String; 6])| {
        let state = format!("{:<1$}", row[2], widths[2]);
        let state = match row[2].as_str() {
            "up" => paint(&state, GREEN),
            "down" => paint(&state, RED),
            _ if place == 0 => state,
            _ => paint(&state, YELLOW),
        };
        let why = place.checked_sub(1).and_then(|place| backends[place].why.as_deref());
        let why = why.map(|why| format!("  {why}")).unwrap_or_default();
        format!(
            "  {:<5$}  {:<6$}  {state}  {:>7$}  {:>8$}  {:>9$}{why}",
            row[0], row[1], row[3], row[4], row[5], widths[0], widths[1], widths[3], widths[4], widths[5]
        )
    };
    table.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::status::{Interface, Listener, Pool, Service};

    #[test]
    fn table_lines_up_and_says_why_a_backend_is_out() {
        let backend = |name: &str, state: &str, why: Option<&str>| Backend {
            name: name.into(),
            address: "10.0.0.2".into(),
            state: state.into(),
            why: why.map(str::to_owned),
            share: 0.5,
            packets: 12,
            bytes: 3456,
            weight: 1,
        };
        let status = Status {
            version: "1".into(),
            interfaces: vec![Interface { name: "eth0".into(), up: true, attached: Some("native".into()) }],
            services: vec![Service {
                name: "web".into(),
                address: "192.0.2.1:80/tcp".into(),
                mode: "ipip".into(),
                new_flows: 7,
                backends: vec![backend("b1", "up", None), backend("b22", "down", Some("timed out"))],
            }],
            settled: true,
            ..Status::default()
        };
        let expected = "\
statex 1
interface eth0 up, XDP native

service web 192.0.2.1:80/tcp ipip  7 new flows
  backend  address   state   share  packets  bytes
  b1       10.0.0.2  up     50.0 %       12   3456
  b22      10.0.0.2  down   50.0 %       12   3456  timed out

settled
";
        assert_eq!(table(&status, |text, _| text.to_owned()), expected);
    }

    #[test]
    fn listeners_routes_and_pools_are_told() {
        let route = |name: &str, action: &str, ok: u64| Route {
            name: name.into(),
            action: action.into(),
            responses: [0, ok, 0, 0, 1],
            aborted: 2,
        };
        let backend = |name: &str, state: &str, why: Option<&str>| PoolBackend {
            name: name.into(),
            address: "10.0.0.2:80".into(),
            weight: 1,
            state: state.into(),
            why: why.map(str::to_owned),
        };
        let status = Status {
            version: "1".into(),
            listeners: vec![Listener {
                name: "http".into(),
                protocol: "http".into(),
                addresses: vec!["0.0.0.0:80".into(), "[::]:80".into()],
                connections: 3,
                requests: 1234,
            }],
            routes: vec![route("api", "pool api", 1230), route("x", "respond 200", 3)],
            pools: vec![Pool {
                name: "api".into(),
                backends: vec![backend("a", "up", None), backend("bb", "down", Some("refused"))],
            }],
            settled: true,
            ..Status::default()
        };
        let expected = "\
statex 1

listener http http 0.0.0.0:80 [::]:80  3 connections, 1234 requests

  route  action       1xx   2xx  3xx  4xx  5xx  aborted
  api    pool api       0  1230    0    0    1        2
  x      respond 200    0     3    0    0    1        2

pool api
  a   10.0.0.2:80  up
  bb  10.0.0.2:80  down  refused

settled
";
        assert_eq!(table(&status, |text, _| text.to_owned()), expected);
    }
}
