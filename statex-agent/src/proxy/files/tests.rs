//! Whole answers to requests for files, from the head to the last byte.

use std::fs;
use std::future::poll_fn;
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::proxy::http::{Body, Method, Name, Piece, Request, Response, Whole};
use tempfile::TempDir;

const TEXT: &str = "0123456789";

struct Server {
    folder: TempDir,
    site: Site,
    cache: Cache,
}

/// A server of files with these names; each holds [`TEXT`] where nothing else is said.
fn server(files: &[&str]) -> Server {
    let folder = TempDir::new().unwrap();
    let root =
        Root::new(folder.path(), Look { links: Links::Inside, coded: true, webp: true, small: 1 << 10 });
    let attempts = ["{path}", "{path}/"].map(|text| Attempt::read(text).unwrap()).to_vec();
    let site = Site { root, index: vec![b"index.html"[..].into()], attempts, types: Types::default() };
    let server = Server { folder, site, cache: Cache::new(Limits::default()) };
    files.iter().for_each(|name| server.write(name, TEXT));
    server
}

/// An answer with its body.
struct Answer {
    head: Response,
    body: String,
}

impl Server {
    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn trying(mut self, attempts: &[&str]) -> Self {
        self.site.attempts = attempts.iter().map(|text| Attempt::read(text).unwrap()).collect();
        self
    }

    async fn ask(&self, method: Method, target: &str, fields: &[(&str, &str)]) -> Answer {
        let mut request = Request { method, target: target.into(), ..Request::default() };
        fields.iter().for_each(|(name, value)| request.fields.push(name.as_bytes(), value.as_bytes()));
        let mut head = Response::default();
        let now = Now { moment: Duration::from_secs(1), clock: &Clock::by_hand() };
        let content = answer(&self.site, &self.cache, &request, now, &mut head).await;
        let whole = content.whole();
        let body = read(content).await;
        assert_eq!(whole, Whole::Length(body.len() as u64), "{target}: {head:?}");
        Answer { head, body: String::from_utf8(body).unwrap() }
    }

    async fn get(&self, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, target, fields).await
    }
}

/// All of a body, by extents and pieces in turn as a plain connection reads it.
async fn read(mut content: Content) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(piece) = poll_fn(|context| content.poll_piece(context)).await {
        match piece.unwrap() {
            Piece::Data(data) => bytes.extend_from_slice(&data),
            Piece::Trailers(_) => panic!("files have no trailers"),
        }
    }
    bytes
}

impl Answer {
    fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    fn field(&self, name: Name) -> &str {
        std::str::from_utf8(self.head.fields.get(name).unwrap_or_default()).unwrap()
    }
}

#[tokio::test]
async fn a_file_comes_with_its_type_and_validators() {
    let server = server(&["a/b.txt"]);
    for method in [Method::GET, Method::HEAD] {
        let answer = server.ask(method, "/a/b.txt?x", &[]).await;
        assert_eq!((answer.status(), &answer.body[..]), (200, TEXT));
        assert_eq!(answer.field(Name::ContentType), "text/plain; charset=utf-8");
        assert_eq!(answer.field(Name::AcceptRanges), "bytes");
        assert!(
            answer.field(Name::Etag).starts_with('"') && answer.field(Name::LastModified).ends_with("GMT")
        );
        assert!(!answer.head.fields.has(Name::Vary));
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_not() {
    let server = server(&["a"]);
    for (method, status) in
        [(Method::POST, 405), (Method::PUT, 405), (Method::DELETE, 405), (Method::OPTIONS, 204)]
    {
        let answer = server.ask(method, "/a", &[]).await;
        assert_eq!((answer.status(), answer.field(Name::Allow)), (status, "GET, HEAD, OPTIONS"));
    }
}

#[tokio::test]
async fn a_client_that_has_the_file_is_told_so() {
    let server = server(&["a.css"]);
    let (tag, date) = {
        let first = server.get("/a.css", &[]).await;
        (first.field(Name::Etag).to_owned(), first.field(Name::LastModified).to_owned())
    };
    for condition in [("If-None-Match", &tag[..]), ("If-Modified-Since", &date)] {
        let answer = server.get("/a.css", &[condition]).await;
        assert_eq!((answer.status(), &answer.body[..]), (304, ""));
        assert_eq!((answer.field(Name::Etag), answer.field(Name::LastModified)), (&tag[..], &date[..]));
        assert!(!answer.head.fields.has(Name::ContentType));
    }
    let failed = server.get("/a.css", &[("If-Match", "\"x\"")]).await;
    assert_eq!((failed.status(), failed.head.fields.len()), (412, 0));
}

#[tokio::test]
async fn parts_are_sent_of_the_state_that_the_client_has() {
    let server = server(&["a"]);
    let tag = server.get("/a", &[]).await.field(Name::Etag).to_owned();
    let one = server.get("/a", &[("Range", "bytes=2-4")]).await;
    assert_eq!((one.status(), &one.body[..], one.field(Name::ContentRange)), (206, "234", "bytes 2-4/10"));
    let same = server.get("/a", &[("Range", "bytes=-1"), ("If-Range", &tag)]).await;
    assert_eq!((same.status(), &same.body[..]), (206, "9"));
    let other = server.get("/a", &[("Range", "bytes=-1"), ("If-Range", "\"x\"")]).await;
    assert_eq!((other.status(), &other.body[..]), (200, TEXT));
    let none = server.get("/a", &[("Range", "bytes=10-")]).await;
    assert_eq!((none.status(), &none.body[..], none.field(Name::ContentRange)), (416, "", "bytes */10"));
    let head = server.ask(Method::HEAD, "/a", &[("Range", "bytes=2-4")]).await;
    assert_eq!((head.status(), head.field(Name::ContentRange)), (200, ""));
    let twice = server.get("/a", &[("Range", "bytes=2-4"), ("Range", "bytes=5-6")]).await;
    assert_eq!(twice.status(), 200);
}

#[tokio::test]
async fn several_parts_come_in_one_body() {
    let server = server(&[]);
    server.write("a.txt", &"0123456789".repeat(100));
    let answer = server.get("/a.txt", &[("Range", "bytes=0-1,998-")]).await;
    assert_eq!(answer.status(), 206);
    let boundary = answer.field(Name::ContentType).strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, text: &str| {
        format!(
            "--{boundary}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-range: bytes {range}/1000\r\n\r\n{text}\r\n"
        )
    };
    assert_eq!(answer.body, format!("{}{}--{boundary}--\r\n", part("0-1", "01"), part("998-999", "89")));
    assert!(!answer.head.fields.has(Name::ContentRange));
}

#[tokio::test]
async fn folders_are_their_index_behind_a_slash() {
    let server = server(&["index.html", "docs/index.html", "bare/x"]);
    for path in ["/", "/docs/", "/docs/index.html"] {
        let answer = server.get(path, &[]).await;
        assert_eq!(
            (answer.status(), answer.field(Name::ContentType)),
            (200, "text/html; charset=utf-8"),
            "{path}"
        );
    }
    let answer = server.get("/docs?a=b", &[]).await;
    assert_eq!((answer.status(), answer.field(Name::Location)), (301, "./docs/?a=b"));
    for path in ["/bare/", "/none/", "/docs/index.html/", "/none"] {
        assert_eq!(server.get(path, &[]).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_no_other_host() {
    let server = server(&["evil.com/index.html", "a:b/index.html"]);
    assert_eq!(server.get("//evil.com", &[]).await.field(Name::Location), "./evil.com/");
    assert_eq!(server.get("/a:b", &[]).await.field(Name::Location), "./a:b/");
}

#[tokio::test]
async fn what_is_tried_is_tried_in_order() {
    let pages = server(&["a", "b.html", "old/c", "app.html"]).trying(&[
        "{path}",
        "{path}.html",
        "/old{path}",
        "/app.html",
    ]);
    for (path, kind) in [
        ("/a", "application/octet-stream"),
        ("/b", "text/html; charset=utf-8"),
        ("/c", "application/octet-stream"),
        ("/none", "text/html; charset=utf-8"),
        ("/none/", "text/html; charset=utf-8"),
    ] {
        let answer = pages.get(path, &[]).await;
        assert_eq!((answer.status(), answer.field(Name::ContentType)), (200, kind), "{path}");
    }
    let mut gone = server(&["a"]);
    gone.site.attempts.push(Attempt::Status(StatusCode::GONE));
    assert_eq!(gone.get("/none", &[]).await.status(), 410);
}

#[tokio::test]
async fn neighbours_stand_in_for_a_file() {
    let server = server(&["a.js"]);
    ["a.js.br", "a.js.gz"].iter().for_each(|name| server.write(name, name));
    for (accepted, body, coding) in [
        ("gzip, br", "a.js.br", "br"),
        ("gzip, br;q=0.5", "a.js.gz", "gzip"),
        ("zstd", TEXT, ""),
        ("gzip;q=0", TEXT, ""),
    ] {
        let answer = server.get("/a.js", &[("Accept-Encoding", accepted)]).await;
        assert_eq!((&answer.body[..], answer.field(Name::ContentEncoding)), (body, coding), "{accepted}");
        assert_eq!(answer.field(Name::ContentType), "text/javascript; charset=utf-8");
        assert_eq!(answer.field(Name::Vary), "accept-encoding");
    }
    let part = server.get("/a.js", &[("Accept-Encoding", "br"), ("Range", "bytes=0-3")]).await;
    assert_eq!((&part.body[..], part.field(Name::ContentEncoding)), ("a.js", "br"));
    assert_eq!(part.field(Name::ContentRange), "bytes 0-3/7");
    assert_ne!(part.field(Name::Etag), server.get("/a.js", &[]).await.field(Name::Etag));
}

#[tokio::test]
async fn pictures_come_as_webp_to_those_who_take_it() {
    let server = server(&["a.png", "b.png"]);
    server.write("a.webp", "webp");
    let answer = server.get("/a.png", &[("Accept", "image/avif,image/webp,*/*")]).await;
    assert_eq!((&answer.body[..], answer.field(Name::ContentType)), ("webp", "image/webp"));
    assert_eq!(answer.field(Name::Vary), "accept");
    let answer = server.get("/a.png", &[("Accept", "image/*")]).await;
    assert_eq!((&answer.body[..], answer.field(Name::ContentType)), (TEXT, "image/png"));
    assert_eq!(answer.field(Name::Vary), "accept");
    let answer = server.get("/b.png", &[("Accept", "image/webp")]).await;
    assert_eq!((&answer.body[..], answer.field(Name::ContentType)), (TEXT, "image/png"));
}

#[tokio::test]
async fn what_may_not_be_read_is_forbidden() {
    let server = server(&["a"]);
    fs::set_permissions(server.folder.path().join("a"), std::os::unix::fs::PermissionsExt::from_mode(0o000))
        .unwrap();
    if fs::read(server.folder.path().join("a")).is_ok() {
        eprintln!("skipped: whoever runs this may read everything");
        return;
    }
    assert_eq!(server.get("/a", &[]).await.status(), 403);
}

#[tokio::test]
async fn a_root_that_is_not_there_is_a_failure_of_the_server() {
    let server = server(&[]);
    fs::remove_dir(server.folder.path()).unwrap();
    assert_eq!(server.get("/a", &[]).await.status(), 503);
}
