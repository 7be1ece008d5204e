//! What kind of content a file has, by the end of its name (RFC 9110 §8.3).

/// Ends of names in lower case and their media types (RFC 6838 and the registry of IANA).
const KNOWN: &[(&str, &str)] = &[
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("apk", "application/vnd.android.package-archive"),
    ("apng", "image/apng"),
    ("atom", "application/atom+xml"),
    ("avif", "image/avif"),
    ("bin", "application/octet-stream"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("cjs", "text/javascript"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("cur", "image/x-icon"),
    ("deb", "application/vnd.debian.binary-package"),
    ("dmg", "application/x-apple-diskimage"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("eot", "application/vnd.ms-fontobject"),
    ("epub", "application/epub+zip"),
    ("exe", "application/octet-stream"),
    ("flac", "audio/flac"),
    ("geojson", "application/geo+json"),
    ("gif", "image/gif"),
    ("gltf", "model/gltf+json"),
    ("glb", "model/gltf-binary"),
    ("gz", "application/gzip"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/x-icon"),
    ("ics", "text/calendar"),
    ("img", "application/octet-stream"),
    ("iso", "application/octet-stream"),
    ("jar", "application/java-archive"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("map", "application/json"),
    ("md", "text/markdown"),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("mjs", "text/javascript"),
    ("mkv", "video/matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpd", "application/dash+xml"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("pem", "application/x-pem-file"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("ps", "application/postscript"),
    ("rar", "application/vnd.rar"),
    ("rss", "application/rss+xml"),
    ("rtf", "application/rtf"),
    ("sh", "text/plain"),
    ("svg", "image/svg+xml"),
    ("svgz", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tgz", "application/gzip"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("toml", "application/toml"),
    ("ts", "video/mp2t"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain"),
    ("vtt", "text/vtt"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "text/xml"),
    ("xsl", "text/xml"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

/// Longest end of a name that is looked up.
const LONGEST_END: usize = 16;

/// The end of a name and the value of `Content-Type` that it has, ready for the field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Type {
    end: Box<[u8]>,
    value: Box<[u8]>,
}

/// Media types of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Types {
    /// In order of their ends.
    known: Vec<Type>,
    other: Box<[u8]>,
}

impl Types {
    /// The table above, changed by `own`: ends of names (in any case, without the dot) and media types. Names that
    /// end in nothing known have the type `other`. `charset` is added to types of text that name none; empty:
    /// none is.
    pub fn new<'a>(own: impl IntoIterator<Item = (&'a str, &'a str)>, other: &str, charset: &str) -> Self {
        let value = |media: &str| -> Box<[u8]> {
            match takes_charset(media) && !charset.is_empty() {
                true => format!("{media}; charset={charset}").into_bytes().into(),
                false => media.as_bytes().into(),
            }
        };
        let own: Vec<_> =
            own.into_iter().map(|(end, media)| (end.to_ascii_lowercase(), value(media))).collect();
        let overridden = |end: &str| own.iter().any(|(own, _)| own == end);
        let table = KNOWN.iter().filter(|(end, _)| !overridden(end));
        let table = table.map(|(end, media)| Type { end: end.as_bytes().into(), value: value(media) });
        let mut known: Vec<_> = table.collect();
        known.extend(own.into_iter().map(|(end, value)| Type { end: end.into_bytes().into(), value }));
        known.sort();
        Self { known, other: value(other) }
    }

    /// The type of the file with this name.
    pub fn of(&self, name: &[u8]) -> &[u8] {
        self.known(name).unwrap_or(&self.other)
    }

    fn known(&self, name: &[u8]) -> Option<&[u8]> {
        let dot = memchr::memrchr(b'.', name)?;
        let end = &name[dot + 1..];
        let mut lower = [0; LONGEST_END];
        let lower = lower.get_mut(..end.len())?;
        lower.copy_from_slice(end);
        lower.make_ascii_lowercase();
        let at = self.known.binary_search_by(|one| (*one.end).cmp(lower)).ok()?;
        Some(&self.known[at].value)
    }
}

impl Default for Types {
    fn default() -> Self {
        Self::new([], "application/octet-stream", "utf-8")
    }
}

/// Whether the media type is of text whose encoding may be told, and is not yet.
fn takes_charset(media: &str) -> bool {
    media.starts_with("text/") && !media.contains("charset=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(types: &Types, name: &str) -> String {
        String::from_utf8_lossy(types.of(name.as_bytes())).into_owned()
    }

    #[test]
    fn the_last_end_of_a_name_decides_in_any_case() {
        let types = Types::default();
        for (name, media) in [
            ("a/index.html", "text/html; charset=utf-8"),
            ("app.min.JS", "text/javascript; charset=utf-8"),
            ("photo.JPEG", "image/jpeg"),
            ("a.svg", "image/svg+xml"),
            ("data.json", "application/json"),
            ("a.tar.gz", "application/gzip"),
            ("font.woff2", "font/woff2"),
            ("README", "application/octet-stream"),
            ("a.b/README", "application/octet-stream"),
            ("a.", "application/octet-stream"),
            ("a.averyveryverylongend", "application/octet-stream"),
        ] {
            assert_eq!(of(&types, name), media, "{name}");
        }
    }

    #[test]
    fn own_types_go_before_the_table() {
        let own = [
            ("Wasm", "application/x-own"),
            ("conf", "text/plain"),
            ("js", "text/javascript; charset=latin1"),
        ];
        let types = Types::new(own, "text/plain", "");
        assert_eq!(of(&types, "a.wasm"), "application/x-own");
        assert_eq!(of(&types, "a.conf"), "text/plain");
        assert_eq!(of(&types, "a.js"), "text/javascript; charset=latin1");
        assert_eq!(of(&types, "README"), "text/plain");
    }

    #[test]
    fn every_known_type_is_found() {
        let types = Types::new([], "other", "");
        for (end, media) in KNOWN {
            assert_eq!(of(&types, &format!("x.{end}")), *media);
        }
    }
}
