//! Calls a person: by the log, and by URL or command where the configuration has them. The same is not said twice
//! within ten minutes.

use crate::clock::{Clock, Moment};
use crate::config::Alert;
use crate::web;
use hyper::Method;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const AGAIN: Duration = Duration::from_secs(600);
const WITHIN: Duration = Duration::from_secs(10);

/// What was said, and when.
#[derive(Debug, Default)]
pub struct Alerts {
    said: BTreeMap<String, Moment>,
}

impl Alerts {
    /// Says it, unless it was said just now. The ways out are tried in the background.
    pub fn say(&mut self, subject: &str, text: &str, config: &Alert, clock: &Clock) {
        if !self.is_news(format!("{subject}: {text}"), clock.now()) {
            return;
        }
        tracing::warn!(subject, "{text}");
        let (config, subject, text) = (config.clone(), subject.to_owned(), text.to_owned());
        if config != Alert::default() {
            tokio::spawn(async move { send(&config, &subject, &text).await });
        }
    }

    fn is_news(&mut self, text: String, now: Moment) -> bool {
        self.said.retain(|_, at| now.saturating_sub(*at) < AGAIN);
        self.said.insert(text, now).is_none()
    }
}

async fn send(config: &Alert, subject: &str, text: &str) {
    if let Some(url) = &config.url {
        let body = serde_json::json!({ "subject": subject, "text": text }).to_string().into_bytes();
        let headers = vec![("content-type", "application/json".to_owned())];
        let call = web::Call { method: Method::POST, url, headers, body, within: WITHIN };
        match web::call(call).await {
            Ok(answer) if answer.status < 300 => {}
            Ok(answer) => tracing::warn!(%url, status = answer.status, "the alert was not taken"),
            Err(error) => tracing::warn!(%error, "the alert was not delivered"),
        }
    }
    if let Some((program, arguments)) = config.command.split_first() {
        let mut command = Command::new(program);
        command.args(arguments).env("STATEX_SUBJECT", subject).env("STATEX_ALERT", text);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(WITHIN, command.status()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => tracing::warn!(program, %status, "the alert's command failed"),
            Ok(Err(error)) => tracing::warn!(program, %error, "the alert's command failed"),
            Err(_) => tracing::warn!(program, "the alert's command took too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::scripted::{server, with};

    #[test]
    fn the_same_is_said_once_in_ten_minutes() {
        let mut alerts = Alerts::default();
        let news =
            |alerts: &mut Alerts, text: &str, second| alerts.is_news(text.into(), Moment::from_secs(second));
        assert!(news(&mut alerts, "a", 0) && !news(&mut alerts, "a", 599) && news(&mut alerts, "b", 1));
        assert!(news(&mut alerts, "a", 1300));
    }

    #[tokio::test]
    async fn url_and_command_both_hear_of_it() {
        let server = server(|_, _| with("204 No Content", "")).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("said");
        let script = format!("printf '%s' \"$STATEX_SUBJECT $STATEX_ALERT\" > {}", file.display());
        let command = ["/bin/sh", "-c", &script].map(str::to_owned).to_vec();
        let config = Alert { url: Some(server.url.parse().unwrap()), command };
        send(&config, "web", "help").await;
        assert_eq!(std::fs::read_to_string(file).unwrap(), "web help");
        assert!(server.asked.lock().unwrap()[0].contains(r#""text":"help""#));
    }
}
