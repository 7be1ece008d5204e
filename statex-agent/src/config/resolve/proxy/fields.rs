//! `request_headers`, `response_headers`.

use super::text;
use crate::config::error::{Place, Report};
use crate::config::meant::proxy::{FieldChange, FieldChanges, Template};
use crate::config::written::{Element, Key, Map, RequestHeaders, ResponseHeaders, quoted};

/// Fields that say how a message is delimited or carried: the proxy writes them itself.
const OF_THE_PROXY: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn request(written: &RequestHeaders, report: &mut Report) -> FieldChanges {
    changes(&written.set, &written.add, &written.remove, report)
}

pub(super) fn response(written: &ResponseHeaders, report: &mut Report) -> FieldChanges {
    let own = changes(&written.set, &written.add, &written.remove, report);
    let preset = written.preset.given().map_or(&[][..], |preset| preset.fields());
    // What is written out goes before what the preset would say.
    let from_preset = preset.iter().filter(|(name, ..)| !own.set.iter().any(|change| change.name == *name));
    let from_preset = from_preset.map(|(name, value, only_secure)| FieldChange {
        name: (*name).to_owned(),
        value: Template::parse(value).unwrap_or_default(),
        only_secure: *only_secure,
    });
    let set = from_preset.chain(own.set.iter().cloned()).collect();
    FieldChanges { set, ..own }
}

fn changes(
    set: &Key<Map<String>>,
    add: &Key<Map<String>>,
    remove: &Key<Vec<Element<String>>>,
    report: &mut Report,
) -> FieldChanges {
    FieldChanges {
        remove: text::list(remove, report, field),
        set: given(set, report),
        add: given(add, report),
    }
}

fn given(map: &Key<Map<String>>, report: &mut Report) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for (name, element) in map.entries() {
        let name = field(name, &element.place, report);
        let value = text::field_value(&element.value, &element.place, report);
        if let (Some(name), Some(value)) = (name, value) {
            changes.push(FieldChange { name, value, only_secure: false });
        }
    }
    changes
}

/// The name of a field that may be changed.
fn field(name: &str, place: &Place, report: &mut Report) -> Option<String> {
    let name = text::field_name(name, place, report)?;
    if OF_THE_PROXY.contains(&name.as_str()) {
        let message = format!(
            "{} says how a message is carried, which Statex writes itself; remove this",
            quoted(&name)
        );
        report.error(place, message);
        return None;
    }
    if name == "host" {
        report.error(place, "the host is no field here; set backend_host, or remove this");
        return None;
    }
    Some(name)
}
