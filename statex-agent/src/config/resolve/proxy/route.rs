//! `[[route]]`.

use super::{action, fields, fit, text};
use crate::config::error::{Place, Report};
use crate::config::meant::proxy::{
    Condition, Forwarded, Host, Matches, Path, Per, RateLimit, Route, RouteTimeouts, Wanted,
};
use crate::config::written::{self, Key, Map, Time, quoted};

pub(super) fn route(written: &written::Route, report: &mut Report) -> Option<Route> {
    written.name.required(report, "give the route a name");
    let name = fit::name(&written.name, report);
    let matches = matches(written, report);
    let action = action::action(written, report);
    let cache_control = written.cache_control.given().and_then(|value| {
        text::field_value(value, &written.cache_control.place, report).map(|_| value.clone())
    });
    let expires = written.expires.within(Time::seconds(0)..=Time::seconds(10 * 365 * 86_400), report);
    let max_body =
        fit::number(&written.max_body, 0, i64::MAX, report).and_then(|most| u64::try_from(most).ok());
    let forwarded = match written.forwarded.given() {
        Some(list) => list.iter().map(|element| element.value).collect(),
        None => Forwarded::DEFAULT.to_vec(),
    };
    let matches = matches?;
    let rewrite = action::rewrite(written, &matches.path, report);
    let rate_limit = written.rate_limit.given().and_then(|table| rate_limit(table, report));
    Some(Route {
        name: name?,
        listeners: written.listeners.list().iter().map(|element| element.value.clone()).collect(),
        rewrite,
        request_headers: written
            .request_headers
            .given()
            .map(|table| fields::request(table, report))
            .unwrap_or_default(),
        response_headers: written
            .response_headers
            .given()
            .map(|table| fields::response(table, report))
            .unwrap_or_default(),
        expires: expires.map(|time| time.0),
        cache_control,
        max_body: max_body.filter(|most| *most > 0),
        timeouts: written.timeouts.given().map(|table| timeouts(table, report)).unwrap_or_default(),
        backend_host: written.backend_host.given().copied().unwrap_or_default(),
        forwarded,
        upgrade: text::list(&written.upgrade, report, text::field_name),
        connect: written.connect.given().copied().unwrap_or(false),
        rate_limit,
        compress: written.compress.given().and_then(|table| action::compress(table, report)),
        access_log: written.access_log.given().copied().unwrap_or(true),
        early_data: written.early_data.given().copied().unwrap_or(false),
        action: action?,
        matches,
    })
}

fn matches(written: &written::Route, report: &mut Report) -> Option<Matches> {
    fit::not_empty(&written.hosts, "name hosts, or remove this for all of them", report);
    let hosts = match written.hosts.given() {
        Some(_) => text::list(&written.hosts, report, text::host),
        None => vec![Host::Any],
    };
    let path = path(written, report);
    let extensions = text::list(&written.path_extensions, report, extension);
    let methods = text::list(&written.methods, report, method);
    let headers = conditions(&written.headers, report, text::field_name);
    let query = conditions(&written.query, report, parameter);
    let cookies = conditions(&written.cookies, report, parameter);
    let clients = written.clients.list().iter().map(|element| element.value).collect();
    Some(Matches { hosts, path: path?, extensions, methods, headers, query, cookies, clients })
}

fn path(written: &written::Route, report: &mut Report) -> Option<Path> {
    let keys = [&written.path, &written.path_prefix, &written.path_regex];
    let mut given = keys.into_iter().filter(|key| !key.is_absent());
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        let message = format!(
            "a route has one of path, path_prefix and path_regex; remove this, or {}",
            first.place.key
        );
        report.error(&second.place, message);
        return None;
    }
    if !written.path.is_absent() {
        return text::path(&written.path, report).map(Path::Exact);
    }
    if let Some(regex) = written.path_regex.given() {
        return text::regex(regex, &written.path_regex.place, report).map(Path::Regex);
    }
    if !written.path_regex.is_absent() {
        return None;
    }
    match written.path_prefix.is_absent() {
        true => Some(Path::Prefix("/".to_owned())),
        false => text::path(&written.path_prefix, report).map(Path::Prefix),
    }
}

fn extension(text: &str, place: &Place, report: &mut Report) -> Option<String> {
    let bare = text.strip_prefix('.').unwrap_or(text);
    if bare.is_empty()
        || !bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    {
        report.error(place, format!("{} is no extension; give one such as \"css\"", quoted(text)));
        return None;
    }
    Some(bare.to_ascii_lowercase())
}

fn method(text: &str, place: &Place, report: &mut Report) -> Option<http::Method> {
    let method = http::Method::from_bytes(text.as_bytes()).ok();
    match method.filter(|_| !text.bytes().any(|byte| byte.is_ascii_lowercase())) {
        Some(method) => Some(method),
        None => {
            report.error(
                place,
                format!("{} is no method; give one such as \"GET\", in capitals", quoted(text)),
            );
            None
        }
    }
}

/// The name of a parameter or cookie.
fn parameter(text: &str, place: &Place, report: &mut Report) -> Option<String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"=&;#?,".contains(&byte)) {
        report.error(place, format!("{} cannot be such a name", quoted(text)));
        return None;
    }
    Some(text.to_owned())
}

fn conditions(
    map: &Key<Map<String>>,
    report: &mut Report,
    name: fn(&str, &Place, &mut Report) -> Option<String>,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (key, element) in map.entries() {
        let wanted = match element.value.as_str() {
            "*" => Some(Wanted::Present),
            "!" => Some(Wanted::Absent),
            text => match text.strip_prefix('~') {
                Some(regex) => text::regex(regex, &element.place, report).map(Wanted::Regex),
                None => Some(Wanted::Exact(text.to_owned())),
            },
        };
        if let (Some(name), Some(wanted)) = (name(key, &element.place, report), wanted) {
            conditions.push(Condition { name, wanted });
        }
    }
    conditions
}

fn timeouts(written: &written::RouteTimeouts, report: &mut Report) -> RouteTimeouts {
    let default = RouteTimeouts::default();
    let mut within = |key: &Key<Time>| {
        key.within(Time::millis(100)..=Time::seconds(7 * 86_400), report).map(|time| time.0)
    };
    RouteTimeouts {
        first_byte: within(&written.first_byte).unwrap_or(default.first_byte),
        between_bytes: within(&written.between_bytes).unwrap_or(default.between_bytes),
        body: within(&written.body),
        tunnel: within(&written.tunnel).unwrap_or(default.tunnel),
    }
}

fn rate_limit(written: &written::RateLimit, report: &mut Report) -> Option<RateLimit> {
    written.rate.required(report, "give the requests that are served in a second");
    let rate = fit::number(&written.rate, 1, 1_000_000u32, report);
    let burst = fit::number(&written.burst, 1, 1_000_000u32, report);
    let per = match written.per.given().map(String::as_str) {
        None | Some("address") => Some(Per::Address),
        Some("route") => Some(Per::Route),
        Some(other) => match other.strip_prefix("header:") {
            Some(name) => text::field_name(name, &written.per.place, report).map(Per::Header),
            None => {
                let message = format!(
                    "unknown measure {}; give \"address\", \"route\" or \"header:NAME\"",
                    quoted(other)
                );
                report.error(&written.per.place, message);
                None
            }
        },
    };
    let rate = rate?;
    Some(RateLimit { per: per?, rate, burst: burst.unwrap_or(rate) })
}
