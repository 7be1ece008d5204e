//! Which containers are meant: pure, but for the agent's own id.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

/// The label that lets Statex touch a container.
pub(super) const OPT_IN: &str = "statex.managed";
/// The label by which a container names its backend.
pub(super) const BACKEND: &str = "statex.backend";
pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const SERVICE: &str = "com.docker.compose.service";
pub(super) const NUMBER: &str = "com.docker.compose.container-number";
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// A service of a compose project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub project: String,
    pub service: String,
}

impl Service {
    /// What the engine is asked for.
    pub(super) fn filters(&self) -> HashMap<String, Vec<String>> {
        let labels = vec![
            format!("{OPT_IN}=true"),
            format!("{PROJECT}={}", self.project),
            format!("{SERVICE}={}", self.service),
        ];
        HashMap::from([("label".to_owned(), labels)])
    }

    /// Whether a container with these labels is one of the service's replicas. The engine was asked for the same; this
    /// holds also where a proxy in between does not filter.
    pub(super) fn means(&self, labels: &HashMap<String, String>) -> bool {
        let is = |label: &str, value: &str| labels.get(label).is_some_and(|it| it == value);
        let one_off = labels.get(ONE_OFF).is_some_and(|it| it.eq_ignore_ascii_case("true"));
        is(OPT_IN, "true") && is(PROJECT, &self.project) && is(SERVICE, &self.service) && !one_off
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.service)
    }
}

/// Whether the agent itself runs in this container.
pub(super) fn is_own(id: &str) -> bool {
    static OWN: OnceLock<Vec<String>> = OnceLock::new();
    let find = || {
        let files = ["/proc/self/cgroup", "/proc/self/mountinfo"];
        files
            .iter()
            .filter_map(|file| std::fs::read_to_string(file).ok())
            .flat_map(|text| ids(&text))
            .collect()
    };
    OWN.get_or_init(find).iter().any(|own| own == id)
}

/// Container ids in a text: 64 hexadecimal digits, as the paths of cgroups and mounts of a container hold them.
fn ids(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit());
    words.filter(|word| word.len() == 64).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_what_has_opted_in_is_touched() {
        let service = Service { project: "site".into(), service: "api".into() };
        let ours = [(OPT_IN, "true"), (PROJECT, "site"), (SERVICE, "api")];
        assert!(service.means(&labels(&ours)));
        for without in 0..3 {
            let rest: Vec<_> = (0..3).filter(|at| *at != without).map(|at| ours[at]).collect();
            assert!(!service.means(&labels(&rest)));
        }
        let one_off = [ours.as_slice(), &[(ONE_OFF, "True")]].concat();
        assert!(!service.means(&labels(&one_off)), "`compose run` is no replica");
    }

    #[test]
    fn the_agents_own_container_is_found_in_its_paths() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(ids(&format!("0::/system.slice/docker-{id}.scope\n")), std::slice::from_ref(&id));
        assert_eq!(
            ids(&format!("713 710 254:0 /var/lib/docker/containers/{id}/hostname /etc/hostname")),
            [id]
        );
        assert!(ids("0::/init.scope").is_empty());
    }
}
