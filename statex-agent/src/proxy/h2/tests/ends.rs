//! How exchanges and connections end: in time, early, late, or not at all.

use super::*;

#[test]
fn an_answer_before_the_end_of_the_request_stops_it() {
    let handler = async |request: Request, _body: Incoming, mut sink: Outgoing| {
        Sink::<Response>::head(&mut sink, &Response::new(StatusCode::PAYLOAD_TOO_LARGE), Whole::Length(3));
        Sink::<Response>::data(&mut sink, Bytes::from_static(b"no!"));
        Sink::<Response>::end(&mut sink, &Fields::default());
        flush(&mut sink).await.unwrap();
        request
    };
    pair(Terms::default(), handler, |client, _, _| async move {
        let mut carrier = Carrier::open(&client).await;
        Sink::<Request>::head(&mut carrier.up, &get("/"), Whole::Unknown);
        Sink::<Request>::data(&mut carrier.up, Bytes::from_static(b"a part"));
        let _ = poll_fn(|context| Sink::<Request>::poll_flush(&mut carrier.up, context)).await;
        assert_eq!(carrier.head().await.unwrap().0.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(carrier.rest().await.unwrap().0, b"no!");
        // The stream was reset behind the answer.
        let refused = poll_fn(|context| {
            Sink::<Request>::data(&mut carrier.up, Bytes::from_static(b"more"));
            Sink::<Request>::poll_flush(&mut carrier.up, context)
        });
        assert!(refused.await.is_err());
        drop(carrier);
        assert_eq!(client.load(), 0);
    });
}

#[test]
fn a_handler_that_gives_up_resets_its_stream() {
    let handler = async |request: Request, _body: Incoming, mut sink: Outgoing| {
        if request.target == b"/half" {
            Sink::<Response>::head(&mut sink, &Response::new(StatusCode::OK), Whole::Length(9));
            Sink::<Response>::data(&mut sink, Bytes::from_static(b"half"));
        }
        request
    };
    pair(Terms::default(), handler, |client, _, _| async move {
        let mut carrier = Carrier::ask(&client, &get("/none"), None).await;
        assert!(matches!(carrier.head().await, Err(Fault::Cut(_))));
        let mut carrier = Carrier::ask(&client, &get("/half"), None).await;
        assert_eq!(carrier.head().await.unwrap().1, Whole::Length(9));
        assert!(matches!(carrier.rest().await, Err(Fault::Cut(_))));
        drop(carrier);
        assert!(client.is_open());
    });
}

/// Tells when it is dropped.
struct Dropped(Rc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[test]
fn a_handler_whose_client_goes_is_dropped() {
    let dropped = Rc::new(Notify::new());
    let guard = dropped.clone();
    let handler = move |_request, body: Incoming, sink: Outgoing| {
        let guard = Dropped(guard.clone());
        async move {
            let _held = (guard, body, sink);
            std::future::pending().await
        }
    };
    pair(Terms::default(), handler, |client, _, _| async move {
        let carrier = Carrier::ask(&client, &get("/"), None).await;
        drop(carrier);
        dropped.notified().await;
        assert!(client.is_open());
    });
}

#[test]
fn a_stop_ends_the_connection_when_its_requests_have_ended() {
    let release = Rc::new(Notify::new());
    let its = release.clone();
    let handler = move |request, body, sink| {
        let its = its.clone();
        async move {
            its.notified().await;
            echo(request, body, sink).await
        }
    };
    pair(Terms::default(), handler, |client, stop, _| async move {
        let mut carrier = Carrier::ask(&client, &get("/"), None).await;
        tokio::task::yield_now().await;
        stop.notify_one();
        while client.is_open() {
            tokio::task::yield_now().await;
        }
        assert!(client.open().is_none());
        release.notify_one();
        assert_eq!(carrier.head().await.unwrap().0.status, StatusCode::OK);
        carrier.rest().await.unwrap();
    });
}

#[test]
fn a_connection_carries_so_many_requests_and_ends() {
    let terms = Terms { requests: 2, ..Terms::default() };
    pair(terms, echo, |client, _, _| async move {
        for _ in 0..2 {
            let mut carrier = Carrier::ask(&client, &get("/"), None).await;
            assert_eq!(carrier.head().await.unwrap().0.status, StatusCode::OK);
            carrier.rest().await.unwrap();
        }
        while client.is_open() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_request_that_nobody_looks_at_is_refused() {
    let handler = async |request: Request, _body: Incoming, sink: Outgoing| {
        sink.refuse();
        request
    };
    pair(Terms::default(), handler, |client, _, _| async move {
        let mut carrier = Carrier::ask(&client, &get("/"), None).await;
        assert!(matches!(carrier.head().await, Err(Fault::Refused)));
        assert!(client.is_open());
    });
}

#[test]
fn a_client_that_shuts_down_lets_its_requests_end() {
    pair(Terms::default(), echo, |client, _, _| async move {
        let mut carrier = Carrier::ask(&client, &get("/"), None).await;
        client.shut_down();
        assert!(client.open().is_none());
        assert_eq!(carrier.head().await.unwrap().0.status, StatusCode::OK);
    });
}

#[test]
fn a_server_that_is_silent_is_asked_and_given_up() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (near, _far) = duplex(64 << 10);
        let time = Rc::new(Deadlines::default());
        let patience = Patience { silence: Duration::from_secs(3), ..Patience::default() };
        let (client, driver) = connect(near, Terms { patience, ..Terms::default() }, &time);
        let driver = spawn_local(driver);
        let mut carrier = Carrier::ask(&client, &get("/"), None).await;
        let waiting = spawn_local(async move { carrier.head().await.map(|_| ()) });
        for _ in 0..10 {
            tokio::task::yield_now().await;
            pass(&time, 1);
        }
        assert!(matches!(waiting.await.unwrap(), Err(Fault::Cut(_))));
        assert!(!client.is_open());
        driver.abort();
    });
}

#[test]
fn an_idle_connection_ends() {
    pair(Terms::default(), echo, |client, _, time| async move {
        Carrier::ask(&client, &get("/"), None).await.head().await.unwrap();
        tokio::task::yield_now().await;
        pass(&time, 61);
        while client.is_open() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_body_that_does_not_come_is_late() {
    let handler = async |request: Request, mut body: Incoming, mut sink: Outgoing| {
        let piece = poll_fn(|context| body.poll_piece(context)).await;
        let late = matches!(piece, Some(Err(Fault::Late)));
        let status = if late { StatusCode::REQUEST_TIMEOUT } else { StatusCode::OK };
        Sink::<Response>::head(&mut sink, &Response::new(status), Whole::Length(0));
        Sink::<Response>::end(&mut sink, &Fields::default());
        let _ = flush(&mut sink).await;
        request
    };
    let patience = Patience { silence: Duration::from_secs(1000), ..Patience::default() };
    pair(Terms { patience, ..Terms::default() }, handler, |client, _, time| async move {
        let mut carrier = Carrier::open(&client).await;
        Sink::<Request>::head(&mut carrier.up, &get("/"), Whole::Length(7));
        let _ = poll_fn(|context| Sink::<Request>::poll_flush(&mut carrier.up, context)).await;
        let mut response = Response::default();
        let head = poll_fn(|context| {
            let polled = carrier.down.poll_head(context, &mut response);
            if polled.is_pending() {
                pass(&time, 1);
                context.waker().wake_by_ref();
            }
            match polled {
                Poll::Ready(head) => Poll::Ready(head),
                Poll::Pending => Poll::Pending,
            }
        });
        head.await.unwrap();
        assert_eq!(response.status, StatusCode::REQUEST_TIMEOUT);
    });
}
