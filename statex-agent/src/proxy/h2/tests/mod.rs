//! Both sides against each other, through a pipe: what a client's carrier says is what a server's handler
//! hears, and back.

mod ends;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};

use super::{Client, Incoming, Outgoing, Patience, Terms, connect, serve};
use crate::proxy::deadline::{Deadlines, TICK};
use crate::proxy::http::{
    Body, Fault, Fields, Method, Piece, Request, Response, Sink, Source, StatusCode, Version, Whole,
};
use crate::proxy::stream::{ROOM, Stream};

/// Patience with what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lets seconds pass, and those that waited for them have their turn.
fn pass(time: &Deadlines, seconds: u32) {
    time.pass(seconds * (1000 / TICK.as_millis() as u32));
}

/// A pipe of the runtime's, which has no descriptor.
impl Stream for DuplexStream {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        buffer.reserve(ROOM);
        pin!(self.read_buf(buffer)).poll(context)
    }

    fn poll_put(&mut self, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write_vectored(context, pieces)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(self), context)
    }

    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self).poll_shutdown(context)
    }
}

/// Runs a test with a client that is connected to a server of `handler`.
fn pair<H, F, T>(terms: Terms, handler: H, test: impl FnOnce(Client, Rc<Notify>, Rc<Deadlines>) -> T)
where
    H: FnMut(Request, Incoming, Outgoing) -> F + Unpin + 'static,
    F: Future<Output = Request> + 'static,
    T: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (near, far) = duplex(64 << 10);
        let (time, stop) = (Rc::new(Deadlines::default()), Rc::new(Notify::new()));
        let (client, driver) = connect(near, terms, &time);
        spawn_local(driver);
        let (stopping, its) = (stop.clone(), time.clone());
        spawn_local(async move { serve(far, terms, &its, handler, stopping.notified()).await });
        tokio::time::timeout(PATIENCE, test(client, stop, time)).await.expect("the test ends");
    });
}

fn get(target: &str) -> Request {
    let (target, authority) = (target.into(), b"x.net".to_vec());
    Request { target, authority, version: Version::Http2, ..Request::default() }
}

/// What a client's carrier is, in a test.
struct Carrier {
    up: Outgoing,
    down: Incoming,
}

impl Carrier {
    async fn open(client: &Client) -> Self {
        let (up, down) = poll_fn(|context| client.poll_open(context)).await.expect("the connection lives");
        Self { up, down }
    }

    /// Sends a request with this body, if it has one.
    async fn ask(client: &Client, request: &Request, body: Option<&[u8]>) -> Self {
        let mut carrier = Self::open(client).await;
        let whole = Whole::Length(body.map_or(0, |body| body.len() as u64));
        Sink::<Request>::head(&mut carrier.up, request, whole);
        if let Some(body) = body {
            Sink::<Request>::data(&mut carrier.up, Bytes::copy_from_slice(body));
        }
        Sink::<Request>::end(&mut carrier.up, &Fields::default());
        let _ = poll_fn(|context| Sink::<Request>::poll_flush(&mut carrier.up, context)).await;
        carrier
    }

    async fn head(&mut self) -> Result<(Response, Whole), Fault> {
        let mut response = Response::default();
        let whole = poll_fn(|context| self.down.poll_head(context, &mut response)).await?;
        Ok((response, whole))
    }

    /// The body, and its trailers.
    async fn rest(&mut self) -> Result<(Vec<u8>, Fields), Fault> {
        rest(&mut self.down).await
    }
}

async fn rest(body: &mut impl Body) -> Result<(Vec<u8>, Fields), Fault> {
    let (mut all, mut trailers) = (Vec::new(), Fields::default());
    while let Some(piece) = poll_fn(|context| body.poll_piece(context)).await {
        match piece? {
            Piece::Data(data) => all.extend_from_slice(&data),
            Piece::Trailers(fields) => trailers = fields,
        }
    }
    Ok((all, trailers))
}

async fn flush(sink: &mut Outgoing) -> std::io::Result<()> {
    poll_fn(|context| Sink::<Response>::poll_flush(sink, context)).await
}

/// Answers with the body that came, piece by piece, and its length as a trailer.
async fn echo(request: Request, mut body: Incoming, mut sink: Outgoing) -> Request {
    let mut head = Response::new(StatusCode::OK);
    head.fields.push(b"X-Target", &request.target);
    Sink::<Response>::head(&mut sink, &head, Whole::Unknown);
    let mut len = 0;
    while let Some(Ok(piece)) = poll_fn(|context| body.poll_piece(context)).await {
        if let Piece::Data(data) = piece {
            len += data.len();
            Sink::<Response>::data(&mut sink, data);
            if flush(&mut sink).await.is_err() {
                return request;
            }
        }
    }
    let mut trailers = Fields::default();
    trailers.push(b"x-length", len.to_string().as_bytes());
    Sink::<Response>::end(&mut sink, &trailers);
    let _ = flush(&mut sink).await;
    request
}

#[test]
fn a_body_goes_there_and_back_through_windows_smaller_than_it() {
    let terms = Terms { stream_window: 65_535, connection_window: 65_535, ..Terms::default() };
    pair(terms, echo, |client, _, _| async move {
        let body: Vec<u8> = (0..1_000_000u32).map(|at| (at / 3) as u8).collect();
        let mut post = get("/a");
        post.method = Method::POST;
        let mut carrier = Carrier::open(&client).await;
        Sink::<Request>::head(&mut carrier.up, &post, Whole::Unknown);
        let Carrier { mut up, mut down } = carrier;
        let sent = body.clone();
        let sending = spawn_local(async move {
            for part in sent.chunks(50_000) {
                Sink::<Request>::data(&mut up, Bytes::copy_from_slice(part));
                poll_fn(|context| Sink::<Request>::poll_flush(&mut up, context)).await.unwrap();
            }
            Sink::<Request>::end(&mut up, &Fields::default());
            poll_fn(|context| Sink::<Request>::poll_flush(&mut up, context)).await.unwrap();
        });
        let mut head = Response::default();
        poll_fn(|context| down.poll_head(context, &mut head)).await.unwrap();
        assert_eq!((head.status, head.fields.named(b"x-target")), (StatusCode::OK, Some(&b"/a"[..])));
        let (came, trailers) = rest(&mut down).await.unwrap();
        assert!(came == body);
        assert_eq!(trailers.named(b"x-length"), Some(&b"1000000"[..]));
        sending.await.unwrap();
        drop(down);
        assert_eq!(client.load(), 0);
    });
}

#[test]
fn another_protocol_goes_both_ways() {
    let handler = async |request: Request, mut body: Incoming, mut sink: Outgoing| {
        assert_eq!((&request.method, &request.protocol[..]), (&Method::CONNECT, &b"websocket"[..]));
        Sink::<Response>::head(&mut sink, &Response::new(StatusCode::SWITCHING_PROTOCOLS), Whole::Unknown);
        flush(&mut sink).await.unwrap();
        while let Some(Ok(Piece::Data(data))) = poll_fn(|context| body.poll_piece(context)).await {
            Sink::<Response>::data(&mut sink, data);
            flush(&mut sink).await.unwrap();
        }
        Sink::<Response>::end(&mut sink, &Fields::default());
        let _ = flush(&mut sink).await;
        request
    };
    pair(Terms::default(), handler, |client, _, _| async move {
        let mut carrier = Carrier::open(&client).await;
        let ask = Request { protocol: b"websocket".into(), ..get("/chat") };
        Sink::<Request>::head(&mut carrier.up, &ask, Whole::Unknown);
        let (head, whole) = carrier.head().await.unwrap();
        assert_eq!((head.status, whole), (StatusCode::SWITCHING_PROTOCOLS, Whole::Unknown));
        assert!(head.opens_tunnel(&ask));
        Sink::<Request>::data(&mut carrier.up, Bytes::from_static(b"hello"));
        poll_fn(|context| Sink::<Request>::poll_flush(&mut carrier.up, context)).await.unwrap();
        let piece = poll_fn(|context| carrier.down.poll_piece(context)).await;
        assert!(matches!(piece, Some(Ok(Piece::Data(data))) if data == "hello"));
        Sink::<Request>::end(&mut carrier.up, &Fields::default());
        assert!(carrier.rest().await.unwrap().0.is_empty());
    });
}

#[test]
fn requests_share_a_connection_and_wait_for_their_turn() {
    let terms = Terms { streams: 3, ..Terms::default() };
    let most = Rc::new(RefCell::new((0, 0)));
    let seen = most.clone();
    let handler = move |request, body, sink| {
        let seen = seen.clone();
        async move {
            {
                let (now, most) = &mut *seen.borrow_mut();
                *now += 1;
                *most = (*most).max(*now);
            }
            tokio::task::yield_now().await;
            let request = echo(request, body, sink).await;
            seen.borrow_mut().0 -= 1;
            request
        }
    };
    pair(terms, handler, |client, _, _| async move {
        // The first answer brings the server's settings.
        Carrier::ask(&client, &get("/"), None).await.head().await.unwrap();
        let asked: Vec<_> = (0..50)
            .map(|at| {
                let client = client.clone();
                spawn_local(async move {
                    let mut carrier = Carrier::ask(&client, &get(&format!("/{at}")), None).await;
                    let (head, _) = carrier.head().await.unwrap();
                    let target = head.fields.named(b"x-target").unwrap().to_vec();
                    carrier.rest().await.unwrap();
                    target
                })
            })
            .collect();
        for (at, answer) in asked.into_iter().enumerate() {
            assert_eq!(answer.await.unwrap(), format!("/{at}").into_bytes());
        }
    });
    assert_eq!(*most.borrow(), (0, 3));
}

#[test]
fn heads_say_what_cannot_be_sent() {
    let handler = async |request: Request, _body: Incoming, mut sink: Outgoing| {
        let mut early = Response::new(StatusCode::EARLY_HINTS);
        early.fields.push(b"link", b"</a>");
        Sink::<Response>::head(&mut sink, &early, Whole::None);
        let mut head = Response::new(StatusCode::OK);
        head.fields.push(b"content-length", b"77");
        Sink::<Response>::head(&mut sink, &head, Whole::None);
        Sink::<Response>::end(&mut sink, &Fields::default());
        let _ = flush(&mut sink).await;
        request
    };
    pair(Terms::default(), handler, |client, _, _| async move {
        let mut head = get("/");
        head.method = Method::HEAD;
        let mut carrier = Carrier::ask(&client, &head, None).await;
        let (early, _) = carrier.head().await.unwrap();
        assert_eq!((early.status, early.is_interim()), (StatusCode::EARLY_HINTS, true));
        let (response, whole) = carrier.head().await.unwrap();
        assert_eq!((response.status, whole), (StatusCode::OK, Whole::None));
        assert_eq!(response.fields.named(b"content-length"), Some(&b"77"[..]));
        assert!(carrier.rest().await.unwrap().0.is_empty());
    });
}
