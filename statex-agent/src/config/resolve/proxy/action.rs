//! What becomes of a request: `pool`, `split`, `files`, `redirect`, `respond`, `rewrite`, `compress`.

use super::{fit, text};
use crate::config::error::{Place, Report};
use crate::config::meant::proxy::{Action, Coding, Compress, Files, Path, Rewrite, Share};
use crate::config::written::{self, Element, Key, quoted};
use crate::proxy::encode::Kind;
use crate::proxy::files::Attempt;

/// Media types that are worth compressing.
const TYPES: [&str; 9] = [
    "text/html",
    "text/plain",
    "text/css",
    "text/javascript",
    "text/xml",
    "application/javascript",
    "application/json",
    "application/xml",
    "image/svg+xml",
];
/// What a path is tried as unless a route says otherwise: a file, then a folder.
const TRIED: [&str; 2] = ["{path}", "{path}/"];
const CODINGS: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

/// The one action of a route.
pub(super) fn action(written: &written::Route, report: &mut Report) -> Option<Action> {
    let keys: [(&Place, bool); 5] = [
        (&written.pool.place, written.pool.is_absent()),
        (&written.split.place, written.split.is_absent()),
        (&written.files.place, written.files.is_absent()),
        (&written.redirect.place, written.redirect.is_absent()),
        (&written.respond.place, written.respond.is_absent()),
    ];
    let mut given = keys.into_iter().filter(|(_, absent)| !absent).map(|(place, _)| place);
    let Some(first) = given.next() else {
        let place = Place { key: written.name.place.table().to_owned(), line: written.name.place.line };
        report.error(
            &place,
            "says not what becomes of its requests; give pool, split, files, redirect or respond",
        );
        return None;
    };
    if let Some(second) = given.next() {
        report.error(second, format!("a route has one action; remove this, or {}", first.key));
        return None;
    }
    if let Some(pool) = written.pool.given() {
        return Some(Action::Proxy(vec![Share { pool: pool.clone(), weight: 1 }]));
    }
    if let Some(list) = written.split.given() {
        return split(&written.split.place, list, report);
    }
    if let Some(table) = written.files.given() {
        return files(table, report).map(Action::Files);
    }
    if let Some(table) = written.redirect.given() {
        return redirect(table, report);
    }
    written.respond.given().and_then(|table| respond(table, report))
}

fn split(place: &Place, list: &[Element<written::Share>], report: &mut Report) -> Option<Action> {
    let mut shares = Vec::new();
    for share in list.iter().map(|element| &element.value) {
        let pool = share.pool.required(report, "name the pool").cloned();
        share.weight.required(report, "give the share of requests, as a number beside the others'");
        let weight = fit::number(&share.weight, 0, 1_000_000u32, report);
        shares.push(Share { pool: pool?, weight: weight? });
    }
    if shares.iter().all(|share| share.weight == 0) {
        report.error(place, "no pool gets a request; give one a weight above 0");
        return None;
    }
    Some(Action::Proxy(shares))
}

fn files(written: &written::Files, report: &mut Report) -> Option<Files> {
    written.root.required(report, "name the folder of the files");
    let try_files = match written.try_files.given() {
        Some(_) => text::list(&written.try_files, report, attempt),
        None => TRIED.map(str::to_owned).to_vec(),
    };
    let index = match written.index.given() {
        Some(_) => text::list(&written.index, report, index),
        None => vec!["index.html".to_owned()],
    };
    Some(Files {
        root: text::file(&written.root, report)?,
        index,
        try_files,
        symlinks: written.symlinks.given().copied().unwrap_or_default(),
        precompressed: written.precompressed.given().copied().unwrap_or(false),
        webp: written.webp.given().copied().unwrap_or(false),
    })
}

fn index(text: &str, place: &Place, report: &mut Report) -> Option<String> {
    if text.is_empty() || text.contains('/') || text.starts_with('.') {
        report.error(place, format!("{} is no name of a file that is served", quoted(text)));
        return None;
    }
    Some(text.to_owned())
}

fn attempt(text: &str, place: &Place, report: &mut Report) -> Option<String> {
    if Attempt::read(text).is_none() {
        let message = format!(
            "{} is nothing that can be served; give \"{{path}}\", \"{{path}}/\", \"{{path}}.html\" or a path under the root such as \"/index.html\"",
            quoted(text)
        );
        report.error(place, message);
        return None;
    }
    Some(text.to_owned())
}

fn redirect(written: &written::Redirect, report: &mut Report) -> Option<Action> {
    let to = written.to.required(report, "say where to, such as \"https://{host}{path}{query}\"");
    let to = to.and_then(|to| text::field_value(to, &written.to.place, report));
    let status = match fit::number(&written.status, 300, 399u16, report) {
        Some(status) if ![301, 302, 303, 307, 308].contains(&status) => {
            report.error(
                &written.status.place,
                format!("{status} is no redirection; give 301, 302, 303, 307 or 308"),
            );
            return None;
        }
        Some(status) => status,
        None if written.status.is_absent() => 302,
        None => return None,
    };
    Some(Action::Redirect { status, to: to? })
}

fn respond(written: &written::Respond, report: &mut Report) -> Option<Action> {
    let status = match written.status.is_absent() {
        true => 200,
        false => fit::number(&written.status, 200, 599u16, report)?,
    };
    let content_type =
        written.content_type.given().cloned().unwrap_or_else(|| "text/plain; charset=utf-8".to_owned());
    text::field_value(&content_type, &written.content_type.place, report)?;
    let body = written.body.given().cloned().unwrap_or_default();
    if matches!(status, 204 | 304) && !body.is_empty() {
        report.error(&written.body.place, format!("a response of status {status} has no body; remove it"));
    }
    Some(Action::Respond { status, body, content_type })
}

pub(super) fn rewrite(written: &written::Route, path: &Path, report: &mut Report) -> Option<Rewrite> {
    let table = written.rewrite.given()?;
    let by_prefix = !table.strip_prefix.is_absent() || !table.add_prefix.is_absent();
    if by_prefix && (!table.regex.is_absent() || !table.to.is_absent()) {
        report.error(
            &table.regex.place,
            "a path is rewritten by prefixes or by an expression, not both; remove one",
        );
        return None;
    }
    if by_prefix {
        return rewrite_prefix(table, path, report);
    }
    let regex = table.regex.required(report, "give strip_prefix or add_prefix, or regex and to");
    let regex = regex.and_then(|regex| text::regex(regex, &table.regex.place, report));
    let to = table.to.required(report, "say what comes in its place; \"$1\" is the first group");
    Some(Rewrite::Regex { regex: regex?, to: to?.clone() })
}

fn rewrite_prefix(table: &written::Rewrite, path: &Path, report: &mut Report) -> Option<Rewrite> {
    let part = |key: &Key<String>, report: &mut Report| {
        let path = if key.is_absent() { Some(String::new()) } else { text::path(key, report) };
        path.map(|path| path.trim_end_matches('/').to_owned())
    };
    let strip = part(&table.strip_prefix, report);
    let (strip, add) = (strip?, part(&table.add_prefix, report)?);
    let own = match path {
        Path::Exact(own) | Path::Prefix(own) => own.trim_end_matches('/'),
        Path::Regex(_) => "",
    };
    let is_of_all =
        own.strip_prefix(strip.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !is_of_all {
        let message = format!(
            "not all paths of the route begin with {}; set path_prefix to it, or remove this",
            quoted(&strip)
        );
        report.error(&table.strip_prefix.place, message);
        return None;
    }
    Some(Rewrite::Prefix { strip, add })
}

pub(super) fn compress(written: &written::Compress, report: &mut Report) -> Option<Compress> {
    fit::not_empty(&written.codings, "name codings, or remove the table", report);
    let codings = match written.codings.given() {
        Some(list) => list.iter().map(|element| element.value).collect(),
        None => CODINGS.to_vec(),
    };
    let types = match written.types.given() {
        Some(_) => text::list(&written.types, report, media_type),
        None => TYPES.map(str::to_owned).to_vec(),
    };
    let min_length = fit::number(&written.min_length, 0, i64::from(u32::MAX), report);
    Some(Compress {
        codings,
        level: fit::number(&written.level, 1, 9u8, report).unwrap_or(6),
        min_length: min_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(1024),
        types,
    })
}

fn media_type(text: &str, place: &Place, report: &mut Report) -> Option<String> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || Kind::read(text).is_none() {
        let message = format!(
            "{} is no media type; give one such as \"text/css\", \"text/*\" or \"*+json\"",
            quoted(text)
        );
        report.error(place, message);
        return None;
    }
    Some(text.to_ascii_lowercase())
}
