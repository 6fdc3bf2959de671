//! Endpoints: which are accepted, and the host that a bucket has there.
//!
//! An endpoint comes from configuration, but configuration may come from elsewhere: an address
//! that hands out a machine's credentials is refused in every spelling, by name as well (the
//! [`transport`](super::transport) checks what a name resolves to).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::config::AddressingStyle;
use crate::error::Error;

/// The origin of a service: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    https: bool,
    host: String,
    port: Option<u16>,
}

impl Endpoint {
    /// Reads `http(s)://host[:port]`.
    pub(super) fn parse(text: &str, allow_http: bool) -> Result<Self, Error> {
        if text.contains('@') {
            return Err(Error::config(
                "the endpoint has a user name or a password in it",
                "set credentials as `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`",
            ));
        }
        let wrong = |why: &str| {
            Error::config(
                format!("the endpoint `{}` {why}", text.escape_debug()),
                "an endpoint is written like `https://s3.example.com` or `http://localhost:9000`",
            )
        };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("has no scheme"))?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("is neither `https` nor `http`")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '\\']) {
            return Err(wrong("has more than a host and a port"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| wrong("has no valid port"))?;
        let host = host.to_ascii_lowercase();
        match read_host(&host) {
            Err(why) => return Err(wrong(why)),
            Ok(Some(address)) if is_metadata(address) => {
                return Err(wrong(
                    "is a link-local or metadata address, which is never S3",
                ));
            }
            Ok(_) => {}
        }
        let port = port.filter(|port| *port != if https { 443 } else { 80 });
        let endpoint = Self { https, host, port };
        if !https && !allow_http && !endpoint.is_loopback() {
            return Err(Error::config(
                format!("the endpoint `{text}` sends rows unencrypted to another machine"),
                "use `https`, or allow it with `allow_http=true`",
            ));
        }
        Ok(endpoint)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host is an IP address rather than a name.
    pub(super) fn is_address(&self) -> bool {
        self.address().is_some()
    }

    /// The host, if it is an IP address.
    pub(super) fn address(&self) -> Option<IpAddr> {
        read_host(&self.host).ok().flatten()
    }

    pub(super) fn is_loopback(&self) -> bool {
        match read_host(&self.host) {
            Ok(Some(IpAddr::V6(address))) => {
                address.is_loopback()
                    || address
                        .to_ipv4_mapped()
                        .is_some_and(|address| address.is_loopback())
            }
            Ok(Some(IpAddr::V4(address))) => address.is_loopback(),
            Ok(None) => self.host == "localhost" || self.host.ends_with(".localhost"),
            Err(_) => false,
        }
    }

    /// The endpoint of a bucket's own host, or this one.
    pub(super) fn of_bucket(&self, bucket: &str, style: AddressingStyle) -> Self {
        let mut endpoint = self.clone();
        if style == AddressingStyle::Virtual {
            endpoint.host = format!("{bucket}.{}", self.host);
        }
        endpoint
    }

    /// As the `Host` header has it: without the scheme's own port.
    pub(super) fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// `https://host:port`.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }
}

/// A set of regions with names of its own.
pub(super) struct AwsPartition {
    suffix: &'static str,
}

impl AwsPartition {
    pub(super) fn of(region: &str) -> Self {
        const SUFFIXES: [(&str, &str); 6] = [
            ("cn-", "amazonaws.com.cn"),
            ("us-iso-", "c2s.ic.gov"),
            ("us-isob-", "sc2s.sgov.gov"),
            ("us-isof-", "csp.hci.ic.gov"),
            ("eu-isoe-", "cloud.adc-e.uk"),
            ("eusc-", "amazonaws.eu"),
        ];
        let known = SUFFIXES
            .iter()
            .find(|(prefix, _)| region.starts_with(prefix));
        Self {
            suffix: known.map_or("amazonaws.com", |(_, suffix)| suffix),
        }
    }

    pub(super) fn endpoint(&self, region: &str) -> Endpoint {
        let host = format!("s3.{region}.{}", self.suffix);
        Endpoint {
            https: true,
            host,
            port: None,
        }
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => authority.split_at(end + 1),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((host, None)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .map(|port| (host, Some(port))),
        _ => None,
    }
}

/// The host's address, if it is one and not a name. An address has one accepted spelling, so that
/// `0xA9FEA9FE`, `2852039166` and `0251.0376.0251.0376` are refused rather than understood.
fn read_host(host: &str) -> Result<Option<IpAddr>, &'static str> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner
            .strip_suffix(']')
            .ok_or("has no `]` after its address")?;
        let address: Ipv6Addr = inner
            .parse()
            .map_err(|_| "has no valid address in its brackets")?;
        return Ok(Some(address.into()));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(allowed) {
        return Err("has no valid host");
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.split('.').any(str::is_empty) {
        return Err("has no valid host");
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    let number = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    if !number {
        return Ok(None);
    }
    let address: Ipv4Addr = host
        .parse()
        .map_err(|_| "is an address, but not four decimals")?;
    Ok(Some(address.into()))
}

/// Addresses that hand out a machine's credentials, and their neighbours: never S3.
pub(super) fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.octets() == [100, 100, 100, 200],
        IpAddr::V6(v6) => {
            let parts = v6.segments();
            let link_local = parts[0] & 0xffc0 == 0xfe80;
            let aws = parts[..2] == [0xfd00, 0x0ec2];
            link_local || aws || embedded_v4(v6).is_some_and(|v4| is_metadata(v4.into()))
        }
    }
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 address.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = v6.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match parts {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        for (text, origin, authority) in [
            (
                "https://S3.Example.com",
                "https://s3.example.com",
                "s3.example.com",
            ),
            (
                "https://s3.example.com:443/",
                "https://s3.example.com",
                "s3.example.com",
            ),
            (
                "http://localhost:9000",
                "http://localhost:9000",
                "localhost:9000",
            ),
            ("HTTP://127.0.0.1:80", "http://127.0.0.1", "127.0.0.1"),
            ("http://[::1]:9000", "http://[::1]:9000", "[::1]:9000"),
            (
                "http://minio.localhost:1",
                "http://minio.localhost:1",
                "minio.localhost:1",
            ),
        ] {
            let endpoint = Endpoint::parse(text, false).unwrap();
            assert_eq!(
                (endpoint.origin().as_str(), endpoint.authority().as_str()),
                (origin, authority)
            );
        }
    }

    #[test]
    fn what_could_reach_credentials_is_refused_in_every_spelling() {
        for host in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.0.1",
            "2852039166",
            "0xA9FEA9FE",
            "0xa9.0xfe.0xa9.0xfe",
            "0251.0376.0251.0376",
            "169.254.43518",
            "169.16689662",
            "0xa9fe.43518",
            "169.254.169.254.",
            "0251.254.169.254",
            "[fd00:ec2::254]",
            "[fd00:ec2::23]",
            "[fe80::1]",
            "[febf::1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[::169.254.169.254]",
            "[64:ff9b::169.254.169.254]",
            "[2002:a9fe:a9fe::]",
            "[::ffff:0:a9fe:a9fe]",
            "100.100.100.200",
            "[fe80::1%25eth0]",
        ] {
            for scheme in ["http", "https"] {
                let text = format!("{scheme}://{host}");
                assert!(Endpoint::parse(&text, true).is_err(), "{text}");
                assert!(
                    Endpoint::parse(&format!("{text}:8080/"), true).is_err(),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in [
            "",
            "localhost:9000",
            "ftp://host",
            "s3://host",
            "https://",
            "https://:9000",
            "https://host:0",
            "https://host:65536",
            "https://host:+1",
            "https://host:",
            "https://host/path",
            "https://host//",
            "https://host?x=1",
            "https://host#x",
            "https://user:canary@host",
            "https://canary@169.254.169.254",
            "https://ho st",
            "https://host\\evil",
            "https://h%6fst",
            "https://.host",
            "https://a..b",
            "https://[::1",
            "https://[::1]x",
            "https://１２７.0.0.1",
            "https://1.2.3",
            "//host",
        ] {
            let error = Endpoint::parse(text, true).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_allowed() {
        for text in [
            "http://10.0.0.1:9000",
            "http://minio:9000",
            "http://localhost.evil.example",
        ] {
            assert!(Endpoint::parse(text, false).is_err(), "{text}");
            assert!(Endpoint::parse(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_bucket_has_its_own_host_in_virtual_style() {
        let endpoint = AwsPartition::of("us-gov-west-1").endpoint("us-gov-west-1");
        let bucket = endpoint.of_bucket("people", AddressingStyle::Virtual);
        assert_eq!(
            bucket.origin(),
            "https://people.s3.us-gov-west-1.amazonaws.com"
        );
        assert_eq!(
            endpoint.of_bucket("people", AddressingStyle::Path),
            endpoint
        );
    }
}
