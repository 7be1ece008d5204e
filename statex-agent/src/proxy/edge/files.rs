//! The action that serves files of a root.

use super::{At, Outcome, answer::respond};
use crate::proxy::encode;
use crate::proxy::files::{self, Now, Site};
use crate::proxy::http::{Request, Response, Sink};

/// Answers with a file, or says why there is none.
pub(super) async fn files(
    at: &At<'_>,
    site: &Site,
    compress: Option<&encode::Settings>,
    request: &Request,
    sink: &mut impl Sink<Response>,
) -> Outcome {
    let mut response = at.worker.responses.take();
    let now = Now { moment: at.worker.deadlines.now(), clock: &at.worker.clock };
    let content = files::answer(site, &at.worker.files, request, now, &mut response).await;
    let outcome = respond(compress, request, &mut response, content, sink).await;
    response.fields.clear();
    at.worker.responses.give(response);
    outcome
}
