//! How a replica is asked to help itself, before anything harder is done to it.

use super::{ExecutorError, Replica};
pub use crate::config::Hook;
use crate::web::{self, Url};
use hyper::Method;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long it may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Asks by command or URL; signals are sent by the executor that knows the process.
///
/// # Errors
/// It was not asked, or has refused.
pub async fn run(hook: &Hook, replica: &Replica) -> Result<String, ExecutorError> {
    match hook {
        Hook::Command(words) => command(words, replica).await,
        Hook::Url(url) => post(url, replica).await,
        Hook::Signal(signal) => Err(ExecutorError::Unable {
            what: replica.name.clone(),
            why: format!("nobody here knows the process that SIG{signal} should go to"),
        }),
    }
}

async fn command(words: &[String], replica: &Replica) -> Result<String, ExecutorError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(ExecutorError::Unable { what: replica.name.clone(), why: "the command is empty".into() });
    };
    let refused = |why: String| ExecutorError::Refused { what: program.clone(), why };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("STATEX_REPLICA", &replica.id)
        .env("STATEX_NAME", &replica.name)
        .env("STATEX_ADDRESS", replica.address.map(|it| it.to_string()).unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    match tokio::time::timeout(WITHIN, command.status()).await {
        Ok(Ok(status)) if status.success() => Ok(format!("{program} has helped {}", replica.name)),
        Ok(Ok(status)) => Err(refused(status.to_string())),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(ExecutorError::TimedOut { what: program.clone(), within: WITHIN }),
    }
}

async fn post(url: &Url, replica: &Replica) -> Result<String, ExecutorError> {
    let what = url.to_string();
    let body = serde_json::json!({ "replica": replica.id, "name": replica.name, "number": replica.number });
    let headers = vec![("content-type", "application/json".to_owned())];
    let call =
        web::Call { method: Method::POST, url, headers, body: body.to_string().into_bytes(), within: WITHIN };
    match web::call(call).await {
        Ok(answer) if (200..300).contains(&answer.status) => {
            Ok(format!("{what} has helped {}", replica.name))
        }
        Ok(answer) => Err(ExecutorError::Refused { what, why: format!("status {}", answer.status) }),
        Err(error) => Err(ExecutorError::Unreachable { what, why: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Condition;
    use crate::executor::scripted::replica;
    use crate::web::scripted::{server, with};

    async fn asked(hook: Hook) -> Result<String, ExecutorError> {
        run(&hook, &replica(1, Condition::Running)).await
    }

    fn shell(text: &str) -> Hook {
        Hook::Command(["sh", "-c", text].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn a_command_knows_the_replica() {
        assert!(asked(shell("test $STATEX_REPLICA-$STATEX_NAME = id-1-api-1")).await.is_ok());
        assert!(
            matches!(asked(shell("exit 3")).await, Err(ExecutorError::Refused { why, .. }) if why.contains('3'))
        );
        assert!(asked(Hook::Command(vec!["/nowhere/at/all".into()])).await.is_err());
    }

    #[tokio::test]
    async fn a_url_hears_of_the_replica() {
        let server = server(|request, _| {
            let known = request.contains(r#""name":"api-1""#);
            with(if known { "204 No Content" } else { "400 Bad Request" }, "")
        })
        .await;
        assert!(asked(Hook::Url(server.url.parse().unwrap())).await.is_ok());
    }

    #[tokio::test]
    async fn a_signal_needs_somebody_who_knows_the_process() {
        assert!(matches!(asked(Hook::Signal("HUP".into())).await, Err(ExecutorError::Unable { .. })));
    }
}
