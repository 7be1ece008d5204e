//! `/metrics` for Prometheus: a picture of the counters, taken anew for every scrape.

use std::{net::SocketAddr, sync::Arc};

use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use tokio::net::TcpListener;

use super::{
    families::text,
    http::{self, Body, whole},
    sample::Source,
};

/// Answers `GET /metrics` on the listener until it is dropped.
pub async fn serve(listener: TcpListener, source: Arc<dyn Source>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let source = source.clone();
                tokio::spawn(async move {
                    http::serve(stream, |request| answer(source.clone(), request)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting on the metrics address failed");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// Binds the address for [`serve`].
///
/// # Errors
///
/// Names the address and says why.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    use anyhow::Context as _;
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} for metrics"))
}

async fn answer(source: Arc<dyn Source>, request: Request<Incoming>) -> Response<Body> {
    const PLAIN: &str = "text/plain; charset=utf-8";
    if request.uri().path() != "/metrics" {
        return whole(StatusCode::NOT_FOUND, PLAIN, "there is only /metrics here\n".into());
    }
    if request.method() != Method::GET {
        return whole(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "GET it\n".into());
    }
    // Reading the flow table takes milliseconds; the runtime must not wait for it.
    let text = tokio::task::spawn_blocking(move || text(&source.sample())).await;
    match text {
        Ok(Ok(text)) => whole(StatusCode::OK, prometheus::TEXT_FORMAT, text),
        Ok(Err(error)) => whole(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{error}\n")),
        Err(error) => whole(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{
        super::sample::{Backend, Flows, Packets, Sample, Service},
        *,
    };

    fn sample() -> Sample {
        Sample {
            version: "9".into(),
            services: vec![Service { name: "web".into(), new_flows: 7, ..Service::default() }],
            backends: vec![Backend {
                service: "web".into(),
                name: "b1".into(),
                packets: 12,
                up: Some(true),
                ..Backend::default()
            }],
            packets: vec![Packets { reason: "not_ours", verdict: "pass", count: 3 }],
            flows: Flows { confirmed: 5, unconfirmed: 2, capacity: 100 },
            ..Sample::default()
        }
    }

    struct Scripted;

    impl Source for Scripted {
        fn sample(&self) -> Sample {
            sample()
        }
    }

    async fn request(line: &str) -> String {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::new(Scripted)));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn scrape_has_counters_with_their_labels() {
        let answer = request("GET /metrics").await;
        for line in [
            "statex_backend_packets_total{service=\"web\",backend=\"b1\"} 12\n",
            "statex_backend_up{service=\"web\",backend=\"b1\"} 1\n",
            "statex_service_new_flows_total{service=\"web\"} 7\n",
            "statex_packets_total{reason=\"not_ours\",verdict=\"pass\"} 3\n",
            "statex_flows{confirmed=\"true\"} 5\n",
            "# TYPE statex_packets_total counter\n",
        ] {
            assert!(answer.contains(line), "{line} is missing in {answer}");
        }
    }

    #[tokio::test]
    async fn other_paths_and_methods_are_refused() {
        assert!(request("GET /").await.starts_with("HTTP/1.1 404 "));
        assert!(request("POST /metrics").await.starts_with("HTTP/1.1 405 "));
    }

    #[test]
    fn backend_without_a_check_yet_is_neither_up_nor_down() {
        let mut sample = sample();
        sample.backends[0].up = None;
        assert!(!text(&sample).unwrap().contains("statex_backend_up"));
    }

    #[test]
    fn promtool_finds_nothing_to_complain_about() {
        let mut command = Command::new("promtool");
        command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            eprintln!("SKIPPED: promtool is missing (Debian: apt-get install prometheus)");
            return;
        };
        let text = text(&sample()).unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.trim().is_empty(), "{said}");
    }
}
