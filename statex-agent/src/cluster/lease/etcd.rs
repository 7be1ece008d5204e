//! A lease among the nodes of a cluster: a key of etcd that lives as long as its holder says that it does.
//!
//! Spoken by etcd's JSON gateway (`/v3/…`), which every etcd from 3.4 on has, so no RPC library is needed. The fence
//! is the revision at which the key was made: etcd's revisions only grow.

use super::{LIFE, Lease, LeaseError, RENEW};
use crate::web::{self, Url};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::BoxFuture;
use hyper::Method;
use serde_json::{Value, json};

/// The key, at the first endpoint that answers.
#[derive(Debug)]
pub struct EtcdLease {
    endpoints: Vec<Url>,
    key: String,
    node: String,
    held: Option<Held>,
}

#[derive(Clone, Debug)]
struct Held {
    /// etcd's number of the lease.
    lease: String,
    fence: u64,
}

impl EtcdLease {
    /// `node` tells people who holds it.
    pub fn new(endpoints: Vec<Url>, key: &str, node: &str) -> Self {
        Self { endpoints, key: key.to_owned(), node: node.to_owned(), held: None }
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<Value, LeaseError> {
        let mut why = String::from("no endpoint is configured");
        for endpoint in &self.endpoints {
            match ask_one(endpoint, path, body).await {
                Ok(answer) => return Ok(answer),
                Err(error) => why = error,
            }
        }
        Err(LeaseError { place: "etcd".to_owned(), why })
    }

    async fn keep(&self, held: &Held) -> Result<bool, LeaseError> {
        let answer = self.ask("/v3/lease/keepalive", &json!({ "ID": held.lease })).await?;
        // A lease that has run out is answered without a time to live.
        Ok(answer.pointer("/result/TTL").is_some_and(|ttl| ttl.as_str() != Some("0")))
    }

    async fn take(&self) -> Result<Option<Held>, LeaseError> {
        let granted = self.ask("/v3/lease/grant", &json!({ "TTL": LIFE.as_secs() })).await?;
        let lease = granted.get("ID").and_then(Value::as_str).map(str::to_owned);
        let strange = || LeaseError { place: "etcd".to_owned(), why: format!("a strange answer: {granted}") };
        let lease = lease.ok_or_else(strange)?;
        let key = BASE64.encode(&self.key);
        let put = json!({ "requestPut": { "key": key, "value": BASE64.encode(&self.node), "lease": lease } });
        let absent = json!({ "key": key, "target": "CREATE", "result": "EQUAL", "createRevision": "0" });
        let answer = self.ask("/v3/kv/txn", &json!({ "compare": [absent], "success": [put] })).await?;
        if answer.get("succeeded") != Some(&Value::Bool(true)) {
            // A lease without a key would only lie about until it runs out.
            let _ = self.ask("/v3/lease/revoke", &json!({ "ID": lease })).await;
            return Ok(None);
        }
        let revision =
            answer.pointer("/header/revision").and_then(Value::as_str).and_then(|it| it.parse().ok());
        Ok(Some(Held { lease, fence: revision.ok_or_else(strange)? }))
    }
}

async fn ask_one(endpoint: &Url, path: &str, body: &Value) -> Result<Value, String> {
    let url = endpoint.at(path)?;
    let headers = vec![("content-type", "application/json".to_owned())];
    let call = web::Call {
        method: Method::POST,
        url: &url,
        headers,
        body: body.to_string().into_bytes(),
        within: RENEW,
    };
    let answer = web::call(call).await.map_err(|error| error.to_string())?;
    match answer.status {
        200 => serde_json::from_slice(&answer.body).map_err(|error| format!("{url}: {error}")),
        status => Err(format!("{url} answered status {status}: {}", answer.text())),
    }
}

impl Lease for EtcdLease {
    fn hold(&mut self) -> BoxFuture<'_, Result<Option<u64>, LeaseError>> {
        Box::pin(async move {
            // When it cannot be asked, it may be ours still; until that is known again, nobody here acts.
            if let Some(held) = self.held.clone()
                && self.keep(&held).await?
            {
                return Ok(Some(held.fence));
            }
            self.held = self.take().await?;
            Ok(self.held.as_ref().map(|held| held.fence))
        })
    }

    fn release(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(held) = self.held.take() {
                // The key goes with its lease; if this fails, it goes when its time is up.
                let _ = self.ask("/v3/lease/revoke", &json!({ "ID": held.lease })).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::scripted::{Server, server, with};

    /// Answers as etcd does: somebody else holds the key from the beginning, or nobody.
    async fn etcd(taken: bool) -> Server {
        server(move |request, _| {
            let body = match request.split_whitespace().nth(1).unwrap() {
                "/v3/lease/grant" => r#"{"ID":"77","TTL":"10"}"#.to_owned(),
                "/v3/kv/txn" if taken => r#"{"header":{"revision":"8"}}"#.to_owned(),
                "/v3/kv/txn" => r#"{"header":{"revision":"9"},"succeeded":true}"#.to_owned(),
                "/v3/lease/keepalive" => r#"{"result":{"ID":"77","TTL":"10"}}"#.to_owned(),
                _ => "{}".to_owned(),
            };
            with("200 OK", &body)
        })
        .await
    }

    fn lease(server: &Server) -> EtcdLease {
        EtcdLease::new(vec![server.url.parse().unwrap()], "statex/heal", "n1")
    }

    #[tokio::test]
    async fn the_fence_is_the_revision_and_stays_while_it_is_held() {
        let etcd = etcd(false).await;
        let mut lease = lease(&etcd);
        assert_eq!(lease.hold().await, Ok(Some(9)));
        assert_eq!(lease.hold().await, Ok(Some(9)));
        lease.release().await;
        let paths: Vec<String> = etcd
            .asked
            .lock()
            .unwrap()
            .iter()
            .map(|it| it.split_whitespace().nth(1).unwrap().to_owned())
            .collect();
        assert_eq!(paths, ["/v3/lease/grant", "/v3/kv/txn", "/v3/lease/keepalive", "/v3/lease/revoke"]);
    }

    #[tokio::test]
    async fn who_comes_second_gets_nothing_and_leaves_nothing() {
        let etcd = etcd(true).await;
        assert_eq!(lease(&etcd).hold().await, Ok(None));
        assert!(etcd.asked.lock().unwrap().last().unwrap().starts_with("POST /v3/lease/revoke"));
    }

    #[tokio::test]
    async fn without_etcd_nobody_knows_who_holds_it() {
        let mut lease = EtcdLease::new(vec!["http://127.0.0.1:1".parse().unwrap()], "k", "n1");
        assert!(lease.hold().await.unwrap_err().why.contains("cannot be reached"));
    }
}
