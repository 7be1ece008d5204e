//! Files and codings between real sockets.

use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::*;

/// A proxy that serves this folder, a backend at `/api`, and a connection to it. Text is coded.
fn showing(folder: &TempDir, backend: SocketAddr) -> (Proxy, TcpStream) {
    let compress = "compress = { codings = [\"gzip\"], min_length = 100, types = [\"text/*\"] }";
    serving(&format!(
        "[[route]]\nname = \"files\"\n{compress}\nfiles = {{ root = \"{}\", precompressed = true }}\n\
         [[route]]\nname = \"api\"\npath_prefix = \"/api\"\npool = \"b\"\n{compress}\n\
         [[pool]]\nname = \"b\"\nhealth.kind = \"none\"\n\
         backend = [{{ address = \"{}\", port = {} }}]\n",
        folder.path().join("www").display(),
        backend.ip(),
        backend.port()
    ))
}

/// A folder with these files under `www`, beside a secret.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("www")).unwrap();
    fs::write(folder.path().join("secret"), SECRET).unwrap();
    files.iter().for_each(|(name, bytes)| fs::write(folder.path().join("www").join(name), bytes).unwrap());
    folder
}

const SECRET: &str = "nobody may read this";

fn nowhere() -> SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

/// The head of the answer, and its body by the length that it says.
fn ask(client: &mut TcpStream, request: &str) -> (String, Vec<u8>) {
    client.write_all(format!("{request}\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
    let head = until(client, "\r\n\r\n").unwrap();
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let is_head = request.starts_with("HEAD");
    let len = len.filter(|_| !is_head).map_or(0, |len| len.parse().unwrap());
    let mut body = vec![0; len];
    client.read_exact(&mut body).unwrap();
    (head, body)
}

/// The body of an answer in chunks.
fn chunks(client: &mut TcpStream) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let size = until(client, "\r\n").unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let start = body.len();
        body.resize(start + size + 2, 0);
        client.read_exact(&mut body[start..]).unwrap();
        body.truncate(start + size);
        if size == 0 {
            return body;
        }
    }
}

/// Bytes that show when a part of them is missing or twice there.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32 / 4 + 1).flat_map(u32::to_le_bytes).take(len).collect()
}

#[test]
fn files_of_all_sizes_arrive_whole_on_one_connection() {
    let sizes = [0, 1, 8 << 10, (32 << 10) - 1, 32 << 10, 64 << 10, (64 << 10) + 1, 300_000, 3_000_000];
    let contents: Vec<_> = sizes.map(pattern).to_vec();
    let folder = folder(&[]);
    for (size, contents) in sizes.iter().zip(&contents) {
        fs::write(folder.path().join("www").join(size.to_string()), contents).unwrap();
    }
    let (_proxy, mut client) = showing(&folder, nowhere());
    for _ in 0..2 {
        for (size, contents) in sizes.iter().zip(&contents) {
            let (head, body) = ask(&mut client, &format!("GET /{size} HTTP/1.1"));
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            assert!(body == *contents, "{size}");
            let (head, body) = ask(&mut client, &format!("HEAD /{size} HTTP/1.1"));
            assert!(head.contains(&format!("content-length: {size}\r\n")) && body.is_empty(), "{head}");
        }
    }
}

#[test]
fn parts_of_a_large_file_arrive() {
    let contents = pattern(3_000_000);
    let folder = folder(&[("large", &contents)]);
    let (_proxy, mut client) = showing(&folder, nowhere());
    for (first, last) in [(0, 0), (1, 2_000_000), (2_999_999, 2_999_999), (65_536, 131_071)] {
        let (head, body) = ask(&mut client, &format!("GET /large HTTP/1.1\r\nRange: bytes={first}-{last}"));
        assert!(head.contains(&format!("content-range: bytes {first}-{last}/3000000\r\n")), "{head}");
        assert!(body == contents[first..=last], "{first}-{last}");
    }
    let (head, body) = ask(&mut client, "GET /large HTTP/1.1\r\nRange: bytes=0-99999,200000-999999");
    assert!(head.starts_with("HTTP/1.1 206 ") && head.contains("multipart/byteranges"), "{head}");
    let found = |part: &[u8]| memchr::memmem::find(&body, part).is_some();
    assert!(found(&contents[..100_000]) && found(&contents[200_000..1_000_000]));
}

#[test]
fn a_file_that_is_cut_short_under_way_ends_the_connection() {
    let folder = folder(&[("large", &pattern(20_000_000))]);
    let (_proxy, mut client) = showing(&folder, nowhere());
    write!(client, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().contains("content-length: 20000000\r\n"));
    fs::File::options().write(true).open(folder.path().join("www/large")).unwrap().set_len(1).unwrap();
    let mut body = Vec::new();
    client.read_to_end(&mut body).unwrap();
    assert!(body.len() < 20_000_000);
}

#[test]
fn text_is_coded_for_those_who_take_it() {
    let text = "all work and no play ".repeat(1000);
    let folder = folder(&[("a.txt", text.as_bytes()), ("a.bin", text.as_bytes())]);
    let (_proxy, mut client) = showing(&folder, nowhere());
    for _ in 0..2 {
        let (head, _) = ask(&mut client, "GET /a.txt HTTP/1.1\r\nAccept-Encoding: gzip");
        assert!(
            head.contains("content-encoding: gzip\r\n") && head.contains("vary: accept-encoding\r\n"),
            "{head}"
        );
        assert!(head.contains("etag: W/\"") && !head.contains("accept-ranges"), "{head}");
        let mut decoded = String::new();
        GzDecoder::new(&chunks(&mut client)[..]).read_to_string(&mut decoded).unwrap();
        assert_eq!(decoded, text);
        let (head, body) =
            ask(&mut client, "GET /a.txt HTTP/1.1\r\nAccept-Encoding: gzip\r\nRange: bytes=0-2");
        assert!(!head.contains("content-encoding") && body == b"all", "{head}");
        let (head, body) = ask(&mut client, "GET /a.bin HTTP/1.1\r\nAccept-Encoding: gzip");
        assert!(!head.contains("content-encoding") && body == text.as_bytes(), "{head}");
        let (head, _) = ask(&mut client, "HEAD /a.txt HTTP/1.1\r\nAccept-Encoding: gzip");
        assert!(head.contains("content-encoding: gzip\r\n") && !head.contains("content-length"), "{head}");
    }
}

#[test]
fn what_a_backend_says_is_coded_too() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 108\r\nETag: \"x\"\r\n\r\n\
        <p>a paragraph like any other</p><p>a paragraph like any other</p><p>a paragraph like any other</p><b>x</b>!";
    let (address, _seen) = backend(&[ANSWER, ANSWER]);
    let folder = folder(&[]);
    let (_proxy, mut client) = showing(&folder, address);
    let (head, _) = ask(&mut client, "GET /api HTTP/1.1\r\nAccept-Encoding: gzip");
    assert!(head.contains("content-encoding: gzip\r\n") && head.contains("etag: W/\"x\"\r\n"), "{head}");
    let mut decoded = String::new();
    GzDecoder::new(&chunks(&mut client)[..]).read_to_string(&mut decoded).unwrap();
    assert!(ANSWER.ends_with(&decoded) && decoded.len() == 108);
    let (head, body) = ask(&mut client, "GET /api HTTP/1.1");
    assert!(!head.contains("content-encoding") && body.len() == 108, "{head}");
}

#[test]
fn no_path_leads_out_of_the_root() {
    let folder = folder(&[("index.html", b"index"), (".hidden", SECRET.as_bytes())]);
    fs::create_dir(folder.path().join("www/sub")).unwrap();
    std::os::unix::fs::symlink("../secret", folder.path().join("www/link")).unwrap();
    let whole = folder.path().join("secret");
    let whole = whole.to_str().unwrap();
    let (proxy, _) = showing(&folder, nowhere());
    let ups = [
        "..",
        "%2e%2e",
        "%2E%2E",
        ".%2e",
        "%2e.",
        "..%00",
        "..%2f",
        "..%5c",
        "..\\",
        "%252e%252e",
        "%c0%ae%c0%ae",
        "%u002e%u002e",
        "..;",
        "..;x",
        "..%20",
        "...",
        "..%0a",
        "..%09",
        "%ff..",
    ];
    let mut paths: Vec<String> = ups.iter().map(|up| format!("/{up}/secret")).collect();
    paths.extend(ups.iter().map(|up| format!("/sub/{up}/{up}/secret")));
    paths.extend(ups.iter().map(|up| format!("//{up}/secret")));
    paths.extend(
        [
            "/link",
            "/.hidden",
            "/%2ehidden",
            "/sub/../.hidden",
            "/./link",
            "/sub/../../secret",
            "/sub//../../secret",
        ]
        .map(String::from),
    );
    paths.extend([
        whole.to_owned(),
        format!("/{whole}"),
        format!("//{whole}"),
        format!("/%2f{}", &whole[1..]),
        format!("/file://{whole}"),
    ]);
    assert!(paths.len() >= 60);
    for path in paths {
        let mut client = TcpStream::connect(proxy.plan().listeners[0].meant.listen[0]).unwrap();
        client
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes())
            .unwrap();
        let mut answer = Vec::new();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 4") && !answer.contains(SECRET), "{path}: {answer}");
    }
}
