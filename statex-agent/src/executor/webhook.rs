//! Whatever answers at a URL: intents go out signed, each once, and their end is asked for.
//!
//! | request | meaning |
//! |---|---|
//! | `GET URL` | all replicas, as JSON |
//! | `POST URL` | one step, as JSON; 200 or 204: done, 202 with `Location`: under way, ask there |
//! | `GET <Location>` | 202: not yet; 200 or 204: done; else failed |
//!
//! Each carries `X-Statex-Time` (seconds since 1970) and `X-Statex-Signature: sha256=<hex>`, the HMAC-SHA-256 (RFC 2104)
//! of time, method, path and body, one a line, under the shared secret: who receives it refuses what is old or wrong.
//! `Idempotency-Key` is the same when the same order comes again; `X-Statex-Fence` only grows, and one that is smaller
//! than what was seen is to be answered with 409.

use super::{Abilities, Condition, Executor, ExecutorError, Exit, Observed, Order, Patience, Replica, Step};
use crate::clock::Clock;
use crate::config::Secret;
use crate::web::{self, Answer, Url, WebError};
use aws_lc_rs::hmac;
use futures_util::future::BoxFuture;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::Duration;

/// How long one request may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How often the end of a step is asked for.
const ASK: Duration = Duration::from_secs(1);

/// What stands behind a URL.
pub struct Webhook {
    name: String,
    url: Url,
    secret: Secret,
    patience: Patience,
    clock: Clock,
}

/// A replica as it is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    id: String,
    name: Option<String>,
    backend: Option<String>,
    program: Option<String>,
    number: u32,
    address: Option<IpAddr>,
    /// `starting`, `running`, `healthy`, `unhealthy`, `stopped` or `failed`.
    condition: String,
    started: Option<jiff::Timestamp>,
    #[serde(default)]
    restarts: u32,
    exit_code: Option<i32>,
    #[serde(default)]
    out_of_memory: bool,
}

impl Webhook {
    pub fn new(url: Url, secret: Secret, patience: Patience, clock: Clock) -> Self {
        Self { name: format!("webhook {}", url.host()), url, secret, patience, clock }
    }

    async fn ask(
        &self,
        method: Method,
        url: &Url,
        body: Vec<u8>,
        order: &Order,
    ) -> Result<Answer, ExecutorError> {
        let time = self.clock.timestamp().as_second().to_string();
        let signature = sign(self.secret.as_bytes(), &time, method.as_str(), url.path(), &body);
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-statex-time", time),
            ("x-statex-signature", format!("sha256={signature}")),
        ];
        if method == Method::POST {
            headers.push(("idempotency-key", order.key.clone()));
            headers.push(("x-statex-fence", order.fence.to_string()));
        }
        let what = self.name.clone();
        web::call(web::Call { method, url, headers, body, within: ANSWER }).await.map_err(|error| match error
        {
            WebError::TimedOut { within, .. } => ExecutorError::TimedOut { what, within },
            error => ExecutorError::Unreachable { what, why: error.to_string() },
        })
    }

    async fn look(&self) -> Result<Observed, ExecutorError> {
        let answer = self.ask(Method::GET, &self.url, Vec::new(), &Order::default()).await?;
        // Who answers nonsense knows nothing about the replicas.
        let strange = |why: String| ExecutorError::Unreachable { what: self.name.clone(), why };
        if answer.status != 200 {
            return Err(strange(format!("status {}", answer.status)));
        }
        let told: Vec<Told> =
            serde_json::from_slice(&answer.body).map_err(|error| strange(error.to_string()))?;
        told.into_iter().map(|it| replica(it).map_err(strange)).collect::<Result<_, _>>().map(Observed::new)
    }

    async fn step(&self, step: &Step, order: &Order) -> Result<String, ExecutorError> {
        let what = self.name.clone();
        let Some(body) = body(step) else {
            return Err(ExecutorError::Unable { what, why: format!("to {step} is not its business") });
        };
        let until = self.clock.now() + self.patience.ready;
        let mut answer = self.ask(Method::POST, &self.url, body.to_string().into_bytes(), order).await?;
        let place = self.place(&answer)?;
        loop {
            match (answer.status, &place) {
                (200 | 204, _) => return Ok(step.to_string()),
                (202, Some(place)) if self.clock.now() < until => {
                    self.clock.sleep_until(self.clock.now() + ASK).await;
                    answer = self.ask(Method::GET, place, Vec::new(), order).await?;
                }
                (202, Some(_)) => return Err(ExecutorError::TimedOut { what, within: self.patience.ready }),
                (202, None) => {
                    let why = "202 without a Location: nobody can ask whether it was done".to_owned();
                    return Err(ExecutorError::Refused { what, why });
                }
                (409, _) => {
                    let seen = answer.text().trim().parse().unwrap_or(u64::MAX);
                    return Err(ExecutorError::Fenced { given: order.fence, seen });
                }
                (status, _) => {
                    let text: String = answer.text().chars().take(200).collect();
                    return Err(ExecutorError::Refused { what, why: format!("status {status}: {text}") });
                }
            }
        }
    }

    /// Where the end of a step is asked for: on the same host, so that nobody else learns the signature.
    fn place(&self, answer: &Answer) -> Result<Option<Url>, ExecutorError> {
        let Some(location) = &answer.location else { return Ok(None) };
        let refused = |why: String| ExecutorError::Refused { what: self.name.clone(), why };
        let url = self.url.resolve(location).map_err(|why| refused(format!("its Location {why}")))?;
        match url.is_same_place(&self.url) {
            true => Ok(Some(url)),
            false => Err(refused(format!("its Location leads elsewhere: {url}"))),
        }
    }
}

fn body(step: &Step) -> Option<Value> {
    Some(match step {
        Step::Hook { id, .. } => json!({ "step": "hook", "id": id }),
        Step::Restart { id, grace, .. } => {
            json!({ "step": "restart", "id": id, "grace_seconds": grace.as_secs() })
        }
        Step::Start { id, .. } => json!({ "step": "start", "id": id }),
        Step::Create { number, like } => json!({ "step": "create", "number": number, "like": like }),
        Step::Remove { id, grace, .. } => {
            json!({ "step": "remove", "id": id, "grace_seconds": grace.as_secs() })
        }
        Step::Ask { to } => json!({ "step": "scale", "to": to }),
        Step::Drain { .. } | Step::Undrain { .. } | Step::AwaitReady { .. } => return None,
    })
}

fn replica(told: Told) -> Result<Replica, String> {
    let all = [
        Condition::Starting,
        Condition::Running,
        Condition::Healthy,
        Condition::Unhealthy,
        Condition::Stopped,
        Condition::Failed,
    ];
    let condition = all.into_iter().find(|it| it.word() == told.condition);
    Ok(Replica {
        condition: condition.ok_or_else(|| format!("no condition is called {:?}", told.condition))?,
        name: told.name.unwrap_or_else(|| told.id.clone()),
        id: told.id,
        backend: told.backend,
        program: told.program,
        number: told.number,
        address: told.address,
        started: told.started,
        restarts: told.restarts,
        exit: told.exit_code.map(|code| Exit { code, out_of_memory: told.out_of_memory }),
        usage: None,
    })
}

/// The signature of a request, in hexadecimal digits.
pub fn sign(secret: &[u8], time: &str, method: &str, path: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    for line in [time, method, path] {
        context.update(line.as_bytes());
        context.update(b"\n");
    }
    context.update(body);
    context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Executor for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn abilities(&self) -> Abilities {
        Abilities { hook: true, restart: true, scale: true, asks: true }
    }

    fn patience(&self) -> Patience {
        self.patience
    }

    fn observe(&self) -> BoxFuture<'_, Result<Observed, ExecutorError>> {
        Box::pin(self.look())
    }

    fn carry_out<'a>(
        &'a self,
        step: &'a Step,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<String, ExecutorError>> {
        Box::pin(self.step(step, order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::scripted::{Server, server, with};

    const SECRET: &[u8] = b"a secret of sixteen bytes and more";

    fn webhook(server: &Server) -> Webhook {
        let patience = Patience { ready: Duration::from_secs(3), ..Patience::default() };
        let url = format!("{}/replicas", server.url).parse().unwrap();
        Webhook::new(url, Secret(SECRET.to_vec()), patience, Clock::machine())
    }

    async fn restarted(webhook: &Webhook) -> Result<String, ExecutorError> {
        let step = Step::Restart { id: "7".into(), name: "api-7".into(), grace: Duration::from_secs(5) };
        webhook.carry_out(&step, &Order { fence: 3, key: "order-1".into() }).await
    }

    #[tokio::test]
    async fn replicas_are_told_as_json() {
        let server = server(|_, _| {
            with("200 OK", r#"[{"id":"7","number":2,"condition":"healthy","address":"10.0.0.2"}]"#)
        })
        .await;
        let observed = webhook(&server).observe().await.unwrap();
        assert_eq!((observed.replicas[0].number, observed.ready()), (2, 1));
    }

    #[tokio::test]
    async fn nonsense_is_no_fact_about_replicas() {
        for answer in ["200 OK", "500 Internal Server Error"] {
            let server =
                server(move |_, _| with(answer, r#"[{"id":"7","number":2,"condition":"tired"}]"#)).await;
            assert!(matches!(webhook(&server).observe().await, Err(ExecutorError::Unreachable { .. })));
        }
    }

    #[tokio::test]
    async fn an_order_is_signed_and_has_its_key_and_fence() {
        let server = server(|_, _| with("204 No Content", "")).await;
        restarted(&webhook(&server)).await.unwrap();
        let asked = server.asked.lock().unwrap()[0].clone();
        let field = |name: &str| {
            let line = asked.lines().find(|line| line.to_ascii_lowercase().starts_with(name)).unwrap();
            line.split_once(": ").unwrap().1.to_owned()
        };
        let body = asked.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(body, r#"{"grace_seconds":5,"id":"7","step":"restart"}"#);
        assert_eq!((field("idempotency-key"), field("x-statex-fence")), ("order-1".into(), "3".into()));
        let expected = sign(SECRET, &field("x-statex-time"), "POST", "/replicas", body.as_bytes());
        assert_eq!(field("x-statex-signature"), format!("sha256={expected}"));
    }

    #[tokio::test]
    async fn what_is_under_way_is_asked_for_until_it_is_done() {
        let server = server(|request, before| match (request.starts_with("POST"), before) {
            (true, _) => {
                "HTTP/1.1 202 Accepted\r\nLocation: /orders/1\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
            (false, 1) => with("202 Accepted", ""),
            (false, _) => with("200 OK", ""),
        })
        .await;
        restarted(&webhook(&server)).await.unwrap();
        let paths: Vec<String> = server.asked.lock().unwrap().iter().map(|it| it[..14].to_owned()).collect();
        assert_eq!(paths, ["POST /replicas", "GET /orders/1 ", "GET /orders/1 "]);
    }

    #[tokio::test]
    async fn an_order_from_before_is_refused_and_said_so() {
        let server = server(|_, _| with("409 Conflict", "9")).await;
        assert_eq!(restarted(&webhook(&server)).await, Err(ExecutorError::Fenced { given: 3, seen: 9 }));
    }

    #[tokio::test]
    async fn a_location_on_another_host_is_not_followed() {
        let server = server(|_, _| {
            "HTTP/1.1 202 Accepted\r\nLocation: http://192.0.2.1/x\r\nContent-Length: 0\r\n\r\n".to_owned()
        })
        .await;
        let error = restarted(&webhook(&server)).await.unwrap_err().to_string();
        assert!(error.contains("leads elsewhere"), "{error}");
    }

    /// RFC 4231 §4.3 has the key and the hash; the lines are ours.
    #[test]
    fn signatures_cover_every_part() {
        let all = ["1", "GET", "/a"];
        let of = |parts: [&str; 3], body: &[u8]| sign(SECRET, parts[0], parts[1], parts[2], body);
        let whole = of(all, b"body");
        assert_ne!(whole, of(["2", "GET", "/a"], b"body"));
        assert_ne!(whole, of(["1", "PUT", "/a"], b"body"));
        assert_ne!(whole, of(["1", "GET", "/b"], b"body"));
        assert_ne!(whole, of(all, b"bodies"));
        assert_eq!(whole.len(), 64);
    }
}
