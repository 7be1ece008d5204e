//! `statex status`: a table for a person, JSON for a program.

use super::{
    block_on,
    control::Socket,
    paint::{self, GREEN, RED, YELLOW},
};
use crate::admin::{
    client::Client,
    status::{Backend, Status},
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
    lines.push(String::new());
    lines.push(match status.settled {
        true => paint("settled", GREEN),
        false => paint(&format!("not settled for {:.1} s", status.lag_seconds), YELLOW),
    });
    lines.extend(status.problems.iter().map(|problem| format!("{} {problem}", paint("!", RED))));
    lines.join("\n") + "\n"
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
    use crate::admin::status::{Interface, Service};

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
}
