//! Reports that backends give of themselves: asked for at their interval, passed on as facts.
//!
//! | file | form |
//! |---|---|
//! | `agent_check.rs` | HAProxy's agent-check line, over TCP |
//! | `json.rs` | JSON, by HTTP |
//!
//! A backend that gives no report is not sick for it: its last word stays, and other facts decide.

pub mod agent_check;
pub mod json;

use super::doctor::Told;
use super::facts::Word;
use super::ward::Fact;
use crate::clock::Clock;
use crate::config::{Config, Report, ReportKind};
use crate::web::{self, Url};
use hyper::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    pool: Arc<str>,
    backend: Arc<str>,
    to: SocketAddr,
    report: Arc<Report>,
}

/// Asks until nobody listens to `facts`; follows `configs`.
pub async fn watch(mut configs: watch::Receiver<Arc<Config>>, facts: mpsc::Sender<Told>, clock: Clock) {
    let mut asking: BTreeMap<Asked, tokio::task::AbortHandle> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    loop {
        let wanted = wanted(&configs.borrow_and_update().clone());
        asking.retain(|asked, task| {
            let stays = wanted.contains(asked);
            if !stays {
                task.abort();
            }
            stays
        });
        for asked in wanted {
            let (facts, clock) = (facts.clone(), clock.clone());
            asking.entry(asked.clone()).or_insert_with(|| tasks.spawn(ask_again(asked, facts, clock)));
        }
        tokio::select! {
            changed = configs.changed() => if changed.is_err() { return },
            () = facts.closed() => return,
            Some(_) = tasks.join_next() => {}
        }
    }
}

fn wanted(config: &Config) -> BTreeSet<Asked> {
    let of_pool = config.pools.iter().filter_map(|pool| Some((pool, Arc::new(pool.report.clone()?))));
    let asked = of_pool.flat_map(|(pool, report)| {
        pool.backends.iter().map(move |backend| Asked {
            pool: pool.name.as_str().into(),
            backend: backend.name.as_str().into(),
            to: SocketAddr::new(backend.address, report.port),
            report: report.clone(),
        })
    });
    asked.collect()
}

async fn ask_again(asked: Asked, facts: mpsc::Sender<Told>, clock: Clock) {
    let (mut word, mut silent) = (Word::default(), false);
    loop {
        let at = clock.now();
        let answer = tokio::time::timeout(asked.report.timeout, ask(&asked, &word)).await;
        match answer.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(said) => {
                word = said;
                silent = false;
                let told = Told {
                    pool: asked.pool.clone(),
                    backend: asked.backend.clone(),
                    fact: Fact::Word(word.clone()),
                };
                if facts.send(told).await.is_err() {
                    return;
                }
            }
            Err(why) if !silent => {
                silent = true;
                tracing::info!(pool = %asked.pool, backend = %asked.backend, why, "gives no report; its last word stays");
            }
            Err(_) => {}
        }
        clock.sleep_until(at + asked.report.interval).await;
    }
}

async fn ask(asked: &Asked, before: &Word) -> Result<Word, String> {
    match &asked.report.kind {
        ReportKind::AgentCheck { send } => {
            let mut stream = TcpStream::connect(asked.to).await.map_err(|error| error.to_string())?;
            stream.write_all(send).await.map_err(|error| error.to_string())?;
            agent_check::read(&line(&mut stream).await?, before)
        }
        ReportKind::Json { path } => {
            let url: Url = format!("http://{}{path}", asked.to).parse()?;
            let (within, headers, body) = (asked.report.timeout, Vec::new(), Vec::new());
            let answer = web::call(web::Call { method: Method::GET, url: &url, headers, body, within });
            let answer = answer.await.map_err(|error| error.to_string())?;
            match answer.status {
                200 => json::read(&answer.body),
                status => Err(format!("status {status}")),
            }
        }
    }
}

/// Up to the first line break, or to the end.
async fn line(stream: &mut TcpStream) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut piece = [0; 256];
    while !bytes.contains(&b'\n') {
        let len = stream.read(&mut piece).await.map_err(|error| error.to_string())?;
        if len == 0 {
            break;
        }
        bytes.extend_from_slice(&piece[..len]);
        if bytes.len() > agent_check::LONGEST {
            return Err("the line is too long".to_owned());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::facts::Wish;
    use crate::web::scripted::{server, with};
    use std::time::Duration;
    use tokio::net::TcpListener;

    fn asked(to: SocketAddr, kind: ReportKind) -> Asked {
        let (interval, timeout) = (Duration::from_millis(20), Duration::from_millis(500));
        let report = Arc::new(Report { kind, port: to.port(), interval, timeout });
        Asked { pool: "web".into(), backend: "web-1".into(), to, report }
    }

    /// Says each line once, then nothing more.
    async fn agent(lines: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for line in lines {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.write_all(line.as_bytes()).await;
            }
        });
        address
    }

    async fn words(asked: Asked, count: usize) -> Vec<Word> {
        let (facts, mut told) = mpsc::channel(16);
        tokio::spawn(ask_again(asked, facts, Clock::machine()));
        let mut words = Vec::new();
        while words.len() < count {
            match tokio::time::timeout(Duration::from_secs(10), told.recv()).await.unwrap().unwrap().fact {
                Fact::Word(word) => words.push(word),
                fact => panic!("{fact:?}"),
            }
        }
        words
    }

    #[tokio::test]
    async fn an_agent_says_how_it_is_line_by_line_and_nonsense_changes_nothing() {
        let agent = agent(&["50%\n", "what?\n", "drain\n"]).await;
        let words = words(asked(agent, ReportKind::AgentCheck { send: Vec::new() }), 2).await;
        assert_eq!(
            (words[0].weight, words[1].weight, words[1].wish),
            (Some(0.5), Some(0.5), Some(Wish::Drain))
        );
    }

    #[tokio::test]
    async fn a_json_endpoint_is_asked_by_http() {
        let server = server(|request, _| match request.starts_with("GET /load ") {
            true => with("200 OK", r#"{"in_flight": 7}"#),
            false => with("404 Not Found", ""),
        })
        .await;
        let to = server.url.strip_prefix("http://").unwrap().parse().unwrap();
        assert_eq!(
            words(asked(to, ReportKind::Json { path: "/load".into() }), 1).await[0].in_flight,
            Some(7)
        );
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        tokio::spawn(async move { while other.write_all(&[b'x'; 4096]).await.is_ok() {} });
        assert_eq!(line(&mut stream).await, Err("the line is too long".to_owned()));
    }
}
