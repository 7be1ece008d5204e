//! Text with places that a request fills.

use super::Way;
use crate::config::proxy::{Part, Template, Variable};
use crate::proxy::http::{Request, Scheme};

/// The text for this request.
pub(super) fn fill(template: &Template, way: &Way<'_>, request: &Request) -> Vec<u8> {
    let mut text = Vec::new();
    for part in &template.0 {
        match part {
            Part::Text(own) => text.extend_from_slice(own.as_bytes()),
            Part::Variable(variable) => text.extend_from_slice(value(*variable, way, request)),
        }
    }
    text
}

fn value<'a>(variable: Variable, way: &'a Way<'_>, request: &'a Request) -> &'a [u8] {
    match variable {
        Variable::Client => way.origin.text.as_bytes(),
        Variable::Host => request.host(),
        Variable::Method => request.method.as_str().as_bytes(),
        Variable::Path => request.path(),
        // With its question mark.
        Variable::Query => request.target.get(request.path().len()..).unwrap_or_default(),
        Variable::Scheme if request.scheme == Scheme::Https => b"https",
        Variable::Scheme => b"http",
        Variable::Node => way.at.plan.node.as_bytes(),
        Variable::RequestId => b"",
    }
}
