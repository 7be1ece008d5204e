//! One exchange with a backend: the request goes up while the response comes down.
//!
//! ```text
//! client reader ─ upload ─> backend writer
//! client writer <─ download ─ backend reader
//! ```

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::h1::{Decoder, Framing, Step, encode, head};
use super::headers::strip_hop_by_hop;
use super::http::{Method, Request, Response, StatusCode, Version};
use super::plan::Plan;
use super::upstream::Connection;

/// Bytes that are asked for at once.
const READ: usize = 16 << 10;

/// How an exchange went wrong.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A connection that had been used before was closed before it gave a byte.
    Stale,
    /// The client has got nothing yet, and is answered with this.
    Answer(StatusCode),
    /// The client's connection can only be closed.
    Abort,
}

/// What a client's connection is after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) client_lives: bool,
    pub(super) backend_lives: bool,
}

/// The client's side of an exchange.
pub(super) struct Client<'a, R, W> {
    pub(super) reader: &'a mut R,
    pub(super) writer: &'a mut W,
    pub(super) buffer: &'a mut BytesMut,
    pub(super) keeps_alive: bool,
}

/// Sends a request, whose body is still with the client, and passes the response on.
pub(super) async fn exchange<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    client: Client<'_, R, W>,
    connection: &mut Connection,
    request: &Request,
    framing: Framing,
    plan: &Plan,
) -> Result<Done, Trouble> {
    let used = connection.is_used();
    let (mut from_backend, mut to_backend) = connection.stream.split();
    let mut wire = Vec::with_capacity(1024);
    encode::request(&mut wire, request, framing);
    let stale = |_| if used { Trouble::Stale } else { Trouble::Answer(StatusCode::BAD_GATEWAY) };
    to_backend.write_all(&wire).await.map_err(stale)?;
    let mut uploaded = matches!(framing, Framing::None | Framing::Length(0));
    let mut down = Download { used, plan, request, wire, keeps_alive: client.keeps_alive, begun: false };
    let download = down.run(&mut from_backend, &mut connection.buffer, client.writer);
    let upload = upload(client.reader, client.buffer, &mut to_backend, framing, plan);
    tokio::pin!(download, upload);
    let mut done = loop {
        tokio::select! {
            biased;
            done = &mut download => break done?,
            end = &mut upload, if !uploaded => match end {
                Ok(()) => uploaded = true,
                // The backend may have answered before it stopped listening.
                Err(Upload::Backend) => break (&mut download).await?,
                Err(Upload::Client) => return Err(Trouble::Abort),
            },
        }
    };
    // Behind a body that was not read nobody knows where the next request begins.
    done.client_lives &= uploaded;
    done.backend_lives &= uploaded;
    Ok(done)
}

enum Upload {
    Client,
    Backend,
}

async fn upload<R: AsyncRead + Unpin>(
    reader: &mut R,
    buffer: &mut BytesMut,
    backend: &mut (impl AsyncWrite + Unpin),
    framing: Framing,
    plan: &Plan,
) -> Result<(), Upload> {
    let (mut decoder, mut wire) = (Decoder::new(framing), Vec::new());
    loop {
        wire.clear();
        let done = pieces(&mut decoder, buffer, plan, framing, &mut wire).map_err(|()| Upload::Client)?;
        backend.write_all(&wire).await.map_err(|_| Upload::Backend)?;
        if done {
            return Ok(());
        }
        let read = more(reader, buffer, plan).await.map_err(|_| Upload::Client)?;
        if read == 0 {
            return Err(Upload::Client);
        }
    }
}

/// Writes all pieces that are there as `framing` has it; whether the body has ended.
fn pieces(
    decoder: &mut Decoder,
    buffer: &mut BytesMut,
    plan: &Plan,
    framing: Framing,
    wire: &mut Vec<u8>,
) -> Result<bool, ()> {
    loop {
        match decoder.step(buffer, &plan.limits).map_err(|_| ())? {
            Step::More => return Ok(false),
            Step::Data(data) if framing == Framing::Chunked => {
                encode::chunk_head(wire, data.len());
                wire.extend_from_slice(&data);
                wire.extend_from_slice(b"\r\n");
            }
            Step::Data(data) => wire.extend_from_slice(&data),
            Step::End(trailers) => {
                if framing == Framing::Chunked {
                    encode::last_chunk(wire, &trailers);
                }
                return Ok(true);
            }
        }
    }
}

async fn more(
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    plan: &Plan,
) -> io::Result<usize> {
    buffer.reserve(READ);
    timeout(plan.timeouts.between_bytes, reader.read_buf(buffer)).await?
}

struct Download<'a> {
    used: bool,
    plan: &'a Plan,
    request: &'a Request,
    wire: Vec<u8>,
    keeps_alive: bool,
    /// The client has got the head of the final response.
    begun: bool,
}

impl Download<'_> {
    async fn run<W: AsyncWrite + Unpin>(
        &mut self,
        backend: &mut (impl AsyncRead + Unpin),
        buffer: &mut BytesMut,
        client: &mut W,
    ) -> Result<Done, Trouble> {
        let mut response = Response::default();
        let read = loop {
            let read = self.head(backend, buffer, &mut response).await?;
            if !response.is_interim() {
                break read;
            }
            if self.request.version >= Version::Http11 {
                self.wire.clear();
                strip_hop_by_hop(&mut response.fields);
                encode::response(&mut self.wire, &response, Framing::None, false);
                client.write_all(&self.wire).await.map_err(|_| Trouble::Abort)?;
            }
        };
        // Nobody asked for another protocol: `Upgrade` was not passed on.
        if response.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Trouble::Answer(StatusCode::BAD_GATEWAY));
        }
        let framing = match read.framing {
            Framing::Chunked | Framing::UntilClose if self.request.version < Version::Http11 => {
                Framing::UntilClose
            }
            Framing::UntilClose => Framing::Chunked,
            framing => framing,
        };
        let client_lives = self.keeps_alive && framing != Framing::UntilClose;
        strip_hop_by_hop(&mut response.fields);
        self.wire.clear();
        encode::response(&mut self.wire, &response, framing, !client_lives);
        let mut decoder = Decoder::new(read.framing);
        loop {
            let step = pieces(&mut decoder, buffer, self.plan, framing, &mut self.wire);
            let mut done = step.map_err(|()| self.broken())?;
            if done || !self.wire.is_empty() {
                self.begun = true;
                client.write_all(&self.wire).await.map_err(|_| Trouble::Abort)?;
                self.wire.clear();
            }
            if !done && more(backend, buffer, self.plan).await.map_err(|_| Trouble::Abort)? == 0 {
                if !decoder.ends_here() {
                    return Err(Trouble::Abort);
                }
                if framing == Framing::Chunked {
                    client.write_all(b"0\r\n\r\n").await.map_err(|_| Trouble::Abort)?;
                }
                done = true;
            }
            if done {
                let backend_lives = read.keeps_alive && buffer.is_empty();
                return Ok(Done { client_lives, backend_lives });
            }
        }
    }

    async fn head(
        &self,
        backend: &mut (impl AsyncRead + Unpin),
        buffer: &mut BytesMut,
        response: &mut Response,
    ) -> Result<head::Read, Trouble> {
        let bad = |_| Trouble::Answer(StatusCode::BAD_GATEWAY);
        let method: &Method = &self.request.method;
        loop {
            if let Some(read) = head::response(buffer, &self.plan.limits, method, response).map_err(bad)? {
                let _ = buffer.split_to(read.len);
                return Ok(read);
            }
            match more(backend, buffer, self.plan).await {
                Ok(read) if read > 0 => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(Trouble::Answer(StatusCode::GATEWAY_TIMEOUT));
                }
                _ if self.used && buffer.is_empty() => return Err(Trouble::Stale),
                _ => return Err(Trouble::Answer(StatusCode::BAD_GATEWAY)),
            }
        }
    }

    fn broken(&self) -> Trouble {
        if self.begun { Trouble::Abort } else { Trouble::Answer(StatusCode::BAD_GATEWAY) }
    }
}
