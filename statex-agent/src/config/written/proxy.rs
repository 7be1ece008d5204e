//! The proxy's tables as written.

use std::net::SocketAddr;

use ipnet::IpNet;
use toml::de::DeValue;

use super::List;
use super::read::{Key, Map, Reader, Table, Written, found, tables};
use super::units::{Hex, Time};
use crate::config::error::Place;
use crate::config::meant::proxy::{
    AddressPrivacy, BackendHost, Challenge, ClientCertificates, Coding, Forwarded, ListenerProtocol,
    LogFormat, Preset, Retry, Symlinks, TlsVersion, Version,
};

tables! {
    Proxy {
        workers: i64,
        stop_deadline: Time,
        server_id: Hex,
    }
    Listener {
        name: String,
        listen: List<SocketAddr>,
        protocol: ListenerProtocol,
        versions: List<Version>,
        pool: String,
        certificates: List<String>,
        redirect_to_https: bool,
        alt_svc: String,
        proxy_protocol: bool,
        proxy_protocol_from: List<IpNet>,
        trusted_proxies: List<IpNet>,
        encoded_slashes: bool,
        limits: ListenerLimits,
        timeouts: ListenerTimeouts,
        quic_retry: Retry,
    }
    ListenerLimits {
        connections: i64,
        connections_per_address: i64,
        head: i64,
        fields: i64,
        target: i64,
        requests: i64,
        streams: i64,
    }
    ListenerTimeouts {
        handshake: Time,
        head: Time,
        idle: Time,
        body: Time,
        session: Time,
    }
    Tls {
        versions: List<TlsVersion>,
        tickets: Time,
        ocsp: bool,
        host: List<TlsHost>,
    }
    TlsHost {
        names: List<String>,
        client_ca: String,
        client_certificates: ClientCertificates,
    }
    Certificate {
        name: String,
        chain: String,
        key: String,
        acme: bool,
        names: List<String>,
    }
    Acme {
        directory: String,
        contact: List<String>,
        store: String,
        challenge: Challenge,
        ca: String,
        on_renewed: String,
        on_failed: String,
    }
    Route {
        name: String,
        listeners: List<String>,
        hosts: List<String>,
        path: String,
        path_prefix: String,
        path_regex: String,
        path_extensions: List<String>,
        methods: List<String>,
        headers: Map<String>,
        query: Map<String>,
        cookies: Map<String>,
        clients: List<IpNet>,
        pool: String,
        split: List<Share>,
        files: Files,
        redirect: Redirect,
        respond: Respond,
        rewrite: Rewrite,
        request_headers: RequestHeaders,
        response_headers: ResponseHeaders,
        expires: Time,
        cache_control: String,
        max_body: i64,
        timeouts: RouteTimeouts,
        backend_host: BackendHost,
        forwarded: List<Forwarded>,
        upgrade: List<String>,
        connect: bool,
        rate_limit: RateLimit,
        compress: Compress,
        access_log: bool,
        early_data: bool,
    }
    Share {
        pool: String,
        weight: i64,
    }
    Files {
        root: String,
        index: List<String>,
        try_files: List<String>,
        symlinks: Symlinks,
        precompressed: bool,
        webp: bool,
    }
    Redirect {
        to: String,
        status: i64,
    }
    Respond {
        status: i64,
        body: String,
        content_type: String,
    }
    Rewrite {
        strip_prefix: String,
        add_prefix: String,
        regex: String,
        to: String,
    }
    RequestHeaders {
        set: Map<String>,
        add: Map<String>,
        remove: List<String>,
    }
    ResponseHeaders {
        preset: Preset,
        set: Map<String>,
        add: Map<String>,
        remove: List<String>,
    }
    RouteTimeouts {
        first_byte: Time,
        between_bytes: Time,
        body: Time,
        tunnel: Time,
    }
    RateLimit {
        per: String,
        rate: i64,
        burst: i64,
    }
    Compress {
        codings: List<Coding>,
        level: i64,
        min_length: i64,
        types: List<String>,
    }
    BackendTls {
        name: String,
        ca: String,
        verify: bool,
    }
    Connections {
        idle: i64,
        idle_time: Time,
        requests: i64,
        most: i64,
        pending: i64,
        connect: Time,
    }
    Retries {
        tries: i64,
        budget: i64,
    }
    Sticky {
        cookie: String,
        max_age: Time,
    }
    DnsName {
        name: String,
        port: i64,
    }
    AccessLog {
        name: String,
        format: LogFormat,
        to: String,
        listeners: List<String>,
        addresses: AddressPrivacy,
        consent_cookie: String,
        queue: i64,
    }
}
