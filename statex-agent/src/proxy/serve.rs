//! A client's HTTP/1.1 connection: request after request, until one side has had enough.

use std::net::IpAddr;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::h1::{Framing, Refusal, encode, head};
use super::headers::strip_hop_by_hop;
use super::http::{Method, Name, Request, Response, Scheme, StatusCode};
use super::plan::Plan;
use super::relay::{Client, Done, Trouble, exchange};
use super::route::Action;
use super::upstream::Upstreams;

/// Bytes that are asked for at once; most heads fit.
const READ: usize = 4 << 10;

/// What a connection is given by its worker.
pub(super) struct Surroundings<'a> {
    pub(super) plan: &'a ArcSwap<Plan>,
    pub(super) upstreams: &'a Upstreams,
    pub(super) client: IpAddr,
    pub(super) scheme: Scheme,
    /// True: no further requests.
    pub(super) stopping: watch::Receiver<bool>,
}

/// Serves a connection to its end.
pub(super) async fn serve<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    mut reader: R,
    mut writer: W,
    mut around: Surroundings<'_>,
) {
    let mut request = Request { scheme: around.scheme, ..Request::default() };
    let mut buffer = BytesMut::new();
    loop {
        let read = next(&mut reader, &mut buffer, &mut request, &mut around).await;
        let (read, plan) = match read {
            Ok(Some(read)) => (read, around.plan.load_full()),
            Ok(None) => return,
            Err(refusal) => {
                let _ = answer(&mut writer, refusal.status(), &Method::GET, &Bytes::new(), None, true).await;
                return;
            }
        };
        let bodiless = matches!(read.framing, Framing::None | Framing::Length(0));
        // A body that nobody reads hides where the next request begins.
        let keeps_alive = read.keeps_alive && !*around.stopping.borrow();
        let close = !(keeps_alive && bodiless);
        let method = request.method.clone();
        let route = plan.routes.find(&request).map(|route| &route.action);
        let (status, body, to) = match route {
            None => (StatusCode::NOT_FOUND, &Bytes::new(), None),
            Some(_) if method == Method::CONNECT => (StatusCode::NOT_IMPLEMENTED, &Bytes::new(), None),
            Some(Action::Respond { status, body }) => (*status, body, None),
            Some(Action::Redirect { status, to }) => (*status, &Bytes::new(), Some(to.as_str())),
            Some(Action::Proxy(pool)) => {
                let client = (&mut reader, &mut writer, &mut buffer);
                match proxy(client, &mut request, read.framing, keeps_alive, *pool, &plan, &around).await {
                    Ok(true) => continue,
                    Ok(false) | Err(Trouble::Abort) => return,
                    Err(Trouble::Answer(status)) => (status, &Bytes::new(), None),
                    Err(Trouble::Stale) => (StatusCode::BAD_GATEWAY, &Bytes::new(), None),
                }
            }
        };
        if answer(&mut writer, status, &method, body, to, close).await.is_err() || close {
            return;
        }
    }
}

/// The next request; `None`: there is none.
async fn next<R: AsyncRead + Unpin>(
    reader: &mut R,
    buffer: &mut BytesMut,
    request: &mut Request,
    around: &mut Surroundings<'_>,
) -> Result<Option<head::Read>, Refusal> {
    let patience = around.plan.load().timeouts.head;
    let wait = async {
        loop {
            let limits = around.plan.load().limits;
            if !buffer.is_empty()
                && let Some(read) = head::request(buffer, &limits, request)?
            {
                let _ = buffer.split_to(read.len);
                return Ok(Some(read));
            }
            buffer.reserve(READ);
            let idle = buffer.is_empty();
            tokio::select! {
                biased;
                read = reader.read_buf(buffer) => match read {
                    Ok(0) | Err(_) => return Ok(None),
                    Ok(_) => {}
                },
                _ = around.stopping.wait_for(|stopping| *stopping), if idle => return Ok(None),
            }
        }
    };
    timeout(patience, wait).await.unwrap_or(Ok(None))
}

/// Passes a request on to a backend; whether the connection can go on.
async fn proxy<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    (reader, writer, buffer): (&mut R, &mut W, &mut BytesMut),
    request: &mut Request,
    framing: Framing,
    keeps_alive: bool,
    pool: usize,
    plan: &Plan,
    around: &Surroundings<'_>,
) -> Result<bool, Trouble> {
    strip_hop_by_hop(&mut request.fields);
    forwarded(request, around);
    let backend = plan.pools.get(pool).and_then(|pool| around.upstreams.choose(pool));
    let backend = backend.ok_or(Trouble::Answer(StatusCode::SERVICE_UNAVAILABLE))?;
    // What has no body and can be done twice is sent again when a kept connection turns out closed
    // (RFC 9110 §9.2.2).
    let can_repeat = matches!(framing, Framing::None) && request.method.is_idempotent();
    let mut fresh = !can_repeat;
    loop {
        let connection = around.upstreams.connect(backend, fresh, &plan.timeouts).await;
        let mut connection = connection.map_err(|error| match error.kind() {
            std::io::ErrorKind::TimedOut => Trouble::Answer(StatusCode::GATEWAY_TIMEOUT),
            _ => Trouble::Answer(StatusCode::BAD_GATEWAY),
        })?;
        let client = Client { reader, writer, buffer, keeps_alive };
        match exchange(client, &mut connection, request, framing, plan).await {
            Err(Trouble::Stale) if !fresh => fresh = true,
            Err(trouble) => return Err(trouble),
            Ok(Done { client_lives, backend_lives }) => {
                if backend_lives {
                    around.upstreams.keep(connection);
                }
                return Ok(client_lives);
            }
        }
    }
}

/// Tells the backend who asks. Nobody is trusted to have told before.
fn forwarded(request: &mut Request, around: &Surroundings<'_>) {
    let client = around.client.to_string();
    request.fields.set(Name::XForwardedFor, client.as_bytes());
    request.fields.set(Name::XRealIp, client.as_bytes());
    let scheme: &[u8] = if around.scheme == Scheme::Https { b"https" } else { b"http" };
    request.fields.set(Name::XForwardedProto, scheme);
    let Request { fields, authority, .. } = request;
    fields.set(Name::XForwardedHost, authority);
    fields.remove(Name::Forwarded);
}

/// An answer of the proxy's own.
async fn answer<W: AsyncWrite + Unpin>(
    writer: &mut W,
    status: StatusCode,
    method: &Method,
    body: &Bytes,
    location: Option<&str>,
    close: bool,
) -> std::io::Result<()> {
    let mut response = Response::new(status);
    if let Some(to) = location {
        response.fields.add_known(Name::Location, to.as_bytes());
    }
    let mut wire = Vec::with_capacity(256 + body.len());
    encode::response(&mut wire, &response, Framing::Length(body.len() as u64), close);
    if *method != Method::HEAD {
        wire.extend_from_slice(body);
    }
    writer.write_all(&wire).await?;
    if close { writer.shutdown().await } else { Ok(()) }
}
