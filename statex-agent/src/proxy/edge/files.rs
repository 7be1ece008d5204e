//! The action that serves files of a root.

use super::answer::respond;
use super::{Outcome, Way};
use crate::proxy::files::{self, Now, Site};
use crate::proxy::http::{Request, Response, Sink};
use crate::proxy::plan::Route;

/// Answers with a file, or says why there is none.
pub(super) async fn files<S: Sink<Response>>(
    way: &Way<'_>,
    route: &Route,
    site: &Site,
    request: &Request,
    sink: &mut S,
) -> Outcome {
    let worker = way.at.worker;
    let mut response = worker.responses.take();
    let now = Now { moment: worker.deadlines.now(), clock: &worker.clock };
    let content = files::answer(site, &worker.files, request, now, &mut response).await;
    let outcome = respond(way, route, request, &mut response, content, sink).await;
    response.fields.clear();
    worker.responses.give(response);
    outcome
}
