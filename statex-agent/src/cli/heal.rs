//! `statex heal`: what healing does, and what people tell it.

use super::{block_on, control::Socket};
use crate::admin::{client::Client, status::Healing};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    order: Option<Order>,
    /// Print the state as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: Socket,
}

#[derive(Debug, clap::Subcommand)]
enum Order {
    /// Switch all healing off, on every agent of this host.
    Off,
    /// Switch it on again.
    On,
    /// Go on after the breaker has opened, or after a person was called.
    Resume,
    /// Let a step be done that waits for a person.
    Approve { id: String },
    /// Refuse a step; it is not asked for again for 10 minutes.
    Reject { id: String },
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (order, id) = match &arguments.order {
        None => return show(arguments),
        Some(Order::Off) => ("off", None),
        Some(Order::On) => ("on", None),
        Some(Order::Resume) => ("resume", None),
        Some(Order::Approve { id }) => ("approve", Some(id.as_str())),
        Some(Order::Reject { id }) => ("reject", Some(id.as_str())),
    };
    block_on(async {
        println!("{}", Client::connect(&arguments.socket.socket).await?.heal(order, id).await?.done);
        Ok(())
    })
}

fn show(arguments: &Arguments) -> anyhow::Result<()> {
    block_on(async {
        let healing = Client::connect(&arguments.socket.socket).await?.healing().await?;
        match arguments.json {
            true => println!("{}", serde_json::to_string_pretty(&healing)?),
            false => print!("{}", text(&healing)),
        }
        Ok(())
    })
}

fn text(healing: &Healing) -> String {
    let mut lines = vec![match (&healing.off, healing.fence) {
        (Some(why), _) => format!("healing is off: {why}"),
        (None, Some(fence)) => format!("this node heals, under fence {fence}"),
        (None, None) => "this node does not heal: no pool asks for it, or another node does".to_owned(),
    }];
    lines.extend(
        healing.breaker.iter().map(|why| format!("the breaker is open: {why}; `statex heal resume`")),
    );
    lines.extend(
        healing.asked.iter().map(|it| format!("asked: {}: {}; `statex heal approve {0}`", it.name, it.says)),
    );
    lines.extend(healing.cases.iter().map(|it| format!("{}: {}", it.name, it.says)));
    lines.into_iter().map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::status::Named;

    #[test]
    fn what_is_asked_says_how_to_answer() {
        let asked = Named { name: "restart-1".into(), says: "restart of web/web-1, within 10 min".into() };
        let case = Named { name: "web/web-1".into(), says: "restart: waits for a person (restart-1)".into() };
        let healing = Healing {
            leads: true,
            fence: Some(3),
            asked: vec![asked],
            cases: vec![case],
            ..Healing::default()
        };
        let expected = "\
this node heals, under fence 3
asked: restart-1: restart of web/web-1, within 10 min; `statex heal approve restart-1`
web/web-1: restart: waits for a person (restart-1)
";
        assert_eq!(text(&healing), expected);
    }
}
