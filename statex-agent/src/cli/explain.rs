//! `statex explain`: why a backend is as it is.

use super::{block_on, control::Socket};
use crate::admin::{client::Client, status::Explanation};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What is to be explained.
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, clap::Subcommand)]
enum Subject {
    /// A backend: which facts, since when, what follows, and what would change it.
    Backend {
        /// Its name, or POOL/NAME when several pools have one of that name.
        name: String,
        /// Print the explanation as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        socket: Socket,
    },
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Subject::Backend { name, json, socket } = &arguments.subject;
    block_on(async {
        let explanations = Client::connect(&socket.socket).await?.explain(name).await?;
        match json {
            true => println!("{}", serde_json::to_string_pretty(&explanations)?),
            false => print!("{}", explanations.iter().map(text).collect::<Vec<_>>().join("\n")),
        }
        Ok(())
    })
}

fn text(explanation: &Explanation) -> String {
    let list = |title: &str, lines: &[String]| {
        let lines = lines.iter().map(|line| format!("  - {line}\n"));
        format!("{title}\n{}", lines.collect::<String>())
    };
    [
        format!("{}\n", explanation.verdict),
        list("what is known:", &explanation.facts),
        list("what follows:", &explanation.follows),
        list("what would change it:", &explanation.would_change),
        if explanation.healing.is_empty() { String::new() } else { list("healing:", &explanation.healing) },
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_reads_from_verdict_to_remedy() {
        let explanation = Explanation {
            verdict: "web/web-1 is down for 3 s, score 0.00".into(),
            facts: vec!["health check: refused (for 3 s)".into()],
            follows: vec!["it gets no new flows".into()],
            would_change: vec!["up by good health checks".into()],
            ..Explanation::default()
        };
        let expected = "\
web/web-1 is down for 3 s, score 0.00
what is known:
  - health check: refused (for 3 s)
what follows:
  - it gets no new flows
what would change it:
  - up by good health checks
";
        assert_eq!(text(&explanation), expected);
    }
}
