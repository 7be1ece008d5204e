//! Another container like one that there is, as `docker compose up --scale` would make it: pure.
//!
//! All labels are copied, the configuration's hash with them: with another hash the next `docker compose up` would make
//! the container anew. Only the number is its own.

use super::select::NUMBER;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, EndpointSettings, HostConfig, NetworkingConfig,
};
use std::collections::HashMap;

/// What is asked of the engine.
#[derive(Debug)]
pub(super) struct Clone {
    pub(super) name: String,
    /// By name, as the pattern has it.
    pub(super) image: String,
    pub(super) body: ContainerCreateBody,
    /// Networks that it joins before it starts: with older engines it can be made in one only.
    pub(super) networks: Vec<(String, EndpointSettings)>,
}

/// A container like `pattern`, with this number.
///
/// # Errors
/// Why there cannot be two of it.
pub(super) fn clone(pattern: &ContainerInspectResponse, number: u32) -> Result<Clone, String> {
    let config = pattern.config.clone().ok_or("the engine does not say how it was made")?;
    let host = pattern.host_config.clone().unwrap_or_default();
    let old = pattern.name.as_deref().unwrap_or_default().trim_start_matches('/');
    let labels = config.labels.clone().unwrap_or_default();
    let name = renumbered(old, labels.get(NUMBER).map(String::as_str), number).ok_or_else(|| {
        format!("{old} has a name of its own (container_name), so there cannot be two of it")
    })?;
    if let Some(port) = fixed_port(&host) {
        return Err(format!("{old} has port {port} of the host to itself, so there cannot be two of it"));
    }
    let labels = labels.into_iter().chain([(NUMBER.to_owned(), number.to_string())]).collect();
    let own_hostname =
        pattern.id.as_deref().zip(config.hostname.as_deref()).is_some_and(|(id, host)| id.starts_with(host));
    let mut networks = networks(pattern, old, &name);
    let first = (!networks.is_empty()).then(|| networks.remove(0));
    let body = ContainerCreateBody {
        // The engine names a container after its id unless it is told otherwise.
        hostname: config.hostname.filter(|_| !own_hostname),
        domainname: config.domainname,
        user: config.user,
        attach_stdin: config.attach_stdin,
        attach_stdout: config.attach_stdout,
        attach_stderr: config.attach_stderr,
        exposed_ports: config.exposed_ports,
        tty: config.tty,
        open_stdin: config.open_stdin,
        stdin_once: config.stdin_once,
        env: config.env,
        cmd: config.cmd,
        healthcheck: config.healthcheck,
        args_escaped: config.args_escaped,
        volumes: config.volumes,
        working_dir: config.working_dir,
        entrypoint: config.entrypoint,
        network_disabled: config.network_disabled,
        on_build: config.on_build,
        labels: Some(labels),
        stop_signal: config.stop_signal,
        stop_timeout: config.stop_timeout,
        shell: config.shell,
        host_config: Some(HostConfig { links: None, ..host }),
        networking_config: first.map(|it| NetworkingConfig { endpoints_config: Some(HashMap::from([it])) }),
        ..ContainerCreateBody::default()
    };
    Ok(Clone { name, image: config.image.unwrap_or_default(), body, networks })
}

/// `site-api-1` to `site-api-4`, and `site_api_1` to `site_api_4`.
fn renumbered(name: &str, old: Option<&str>, number: u32) -> Option<String> {
    let stem = name.strip_suffix(old?)?;
    stem.ends_with(['-', '_']).then(|| format!("{stem}{number}"))
}

/// A port of the host that only one container can have.
fn fixed_port(host: &HostConfig) -> Option<String> {
    let bindings = host.port_bindings.iter().flatten().flat_map(|(_, bindings)| bindings.iter().flatten());
    let mut ports = bindings.filter_map(|binding| binding.host_port.clone());
    ports.find(|port| !port.is_empty() && port != "0" && !port.contains('-'))
}

/// The pattern's networks, the one it was made in first, without what is its own: addresses and its short name.
fn networks(pattern: &ContainerInspectResponse, old: &str, name: &str) -> Vec<(String, EndpointSettings)> {
    let short = pattern.id.as_deref().map(|id| id.get(..12).unwrap_or(id));
    let joined = pattern.network_settings.as_ref().and_then(|it| it.networks.clone()).unwrap_or_default();
    let shared = |mode: &str| matches!(mode, "host" | "none") || mode.starts_with("container:");
    let mode = pattern.host_config.as_ref().and_then(|host| host.network_mode.clone()).unwrap_or_default();
    if shared(&mode) {
        return Vec::new();
    }
    let mut networks: Vec<_> = joined
        .into_iter()
        .map(|(network, endpoint)| {
            let aliases = endpoint.aliases.unwrap_or_default().into_iter();
            let aliases = aliases.filter(|it| Some(it.as_str()) != short);
            let aliases = aliases.map(|it| if it == old { name.to_owned() } else { it }).collect::<Vec<_>>();
            let own = EndpointSettings {
                aliases: (!aliases.is_empty()).then_some(aliases),
                links: endpoint.links,
                driver_opts: endpoint.driver_opts,
                ..EndpointSettings::default()
            };
            (network, own)
        })
        .collect();
    networks.sort_by_key(|(network, _)| (*network != mode, network.clone()));
    networks
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pattern(change: impl FnOnce(&mut Value)) -> ContainerInspectResponse {
        let mut value = json!({
            "Id": "0123456789abcdef", "Name": "/site-api-1", "Image": "sha256:aa",
            "Config": {
                "Hostname": "0123456789ab", "Image": "site/api:1", "Env": ["A=b"], "Cmd": ["serve"],
                "Labels": { "com.docker.compose.container-number": "1", "com.docker.compose.config-hash": "cafe" },
                "Healthcheck": { "Test": ["CMD", "true"] },
            },
            "HostConfig": { "NetworkMode": "site_default", "Memory": 1000, "RestartPolicy": { "Name": "always" },
                "PortBindings": { "80/tcp": [{ "HostPort": "" }] }, "Binds": ["data:/data:rw"] },
            "NetworkSettings": { "Networks": {
                "site_back": { "IPAddress": "10.8.0.2" },
                "site_default": { "IPAddress": "10.9.0.2", "MacAddress": "02:00:00:00:00:01",
                    "IPAMConfig": { "IPv4Address": "10.9.0.2" }, "Aliases": ["site-api-1", "api", "0123456789ab"] },
            }},
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn labels_are_the_patterns_but_for_the_number() {
        let clone = clone(&pattern(|_| {}), 4).unwrap();
        let labels = clone.body.labels.unwrap();
        assert_eq!(
            (labels["com.docker.compose.config-hash"].as_str(), labels[NUMBER].as_str()),
            ("cafe", "4")
        );
        assert_eq!((clone.name.as_str(), clone.image.as_str()), ("site-api-4", "site/api:1"));
    }

    #[test]
    fn limits_volumes_and_policy_come_along() {
        let body = clone(&pattern(|_| {}), 4).unwrap().body;
        let host = body.host_config.unwrap();
        assert_eq!((host.memory, host.binds), (Some(1000), Some(vec!["data:/data:rw".to_owned()])));
        assert!(host.restart_policy.is_some() && body.healthcheck.is_some());
        assert_eq!((body.env, body.hostname), (Some(vec!["A=b".to_owned()]), None));
    }

    #[test]
    fn networks_are_joined_without_the_patterns_addresses() {
        let clone = clone(&pattern(|_| {}), 4).unwrap();
        let first = clone.body.networking_config.unwrap().endpoints_config.unwrap();
        let endpoint = &first["site_default"];
        assert_eq!(endpoint.aliases.as_deref(), Some(&["site-api-4".to_owned(), "api".to_owned()][..]));
        assert!(
            endpoint.ip_address.is_none() && endpoint.ipam_config.is_none() && endpoint.mac_address.is_none()
        );
        assert_eq!(clone.networks.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["site_back"]);
    }

    #[test]
    fn names_of_older_compose_are_numbered_as_well() {
        let old = pattern(|it| it["Name"] = json!("/site_api_1"));
        assert_eq!(clone(&old, 2).unwrap().name, "site_api_2");
    }

    #[test]
    fn what_there_can_be_only_one_of_is_refused() {
        let named = pattern(|it| it["Name"] = json!("/the-api"));
        assert!(clone(&named, 2).unwrap_err().contains("container_name"));
        let port = pattern(|it| it["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"] = json!("8080"));
        assert!(clone(&port, 2).unwrap_err().contains("port 8080 of the host"));
    }
}
