//! The path that a backend, or a folder of files, is asked for.

use crate::proxy::http::Request;
use crate::proxy::plan::Rewrite;

/// Rewrites a request's path. `matched`: the form in which the route's prefix was found, where it is another
/// than the request's own.
pub(super) fn rewrite(rule: &Rewrite, request: &mut Request, matched: Option<&[u8]>) {
    let path = match rule {
        Rewrite::Prefix { strip, add } => {
            let own = request.path().strip_prefix(strip.as_bytes());
            let rest = own.or_else(|| matched?.strip_prefix(strip.as_bytes()));
            // A route's paths all begin with what it strips.
            let Some(rest) = rest else { return };
            [add.as_bytes(), rest].concat()
        }
        Rewrite::Regex { regex, to } => regex.replace(request.path(), to.as_bytes()).into_owned(),
    };
    let query = request.target.split_off(request.path().len());
    request.target.clear();
    if path.first() != Some(&b'/') {
        request.target.push(b'/');
    }
    request.target.extend_from_slice(&path);
    request.target.extend_from_slice(&query);
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::bytes::Regex;

    fn after(rule: &Rewrite, target: &str, matched: Option<&str>) -> String {
        let mut request = Request { target: target.into(), ..Request::default() };
        rewrite(rule, &mut request, matched.map(str::as_bytes));
        String::from_utf8(request.target).unwrap()
    }

    fn prefix(strip: &str, add: &str) -> Rewrite {
        Rewrite::Prefix { strip: strip.to_owned(), add: add.to_owned() }
    }

    #[test]
    fn one_prefix_comes_for_another_and_the_query_stays() {
        assert_eq!(after(&prefix("/api", ""), "/api/x?y=/api", None), "/x?y=/api");
        assert_eq!(after(&prefix("/api", ""), "/api", None), "/");
        assert_eq!(after(&prefix("", "/v2"), "/x", None), "/v2/x");
        assert_eq!(after(&prefix("/a", "/b"), "/a//c?", None), "/b//c?");
        assert_eq!(after(&prefix("/a/b", ""), "/a//b/c", Some("/a/b/c")), "/c");
    }

    #[test]
    fn an_expression_puts_its_groups_where_they_are_wanted() {
        let rule = Rewrite::Regex { regex: Regex::new("^/u/([0-9]+)$").unwrap(), to: "/users?id=$1".into() };
        assert_eq!(after(&rule, "/u/7", None), "/users?id=7");
        assert_eq!(after(&rule, "/u/x?y", None), "/u/x?y");
        let rule = Rewrite::Regex { regex: Regex::new("^/").unwrap(), to: String::new() };
        assert_eq!(after(&rule, "/x", None), "/x");
    }
}
