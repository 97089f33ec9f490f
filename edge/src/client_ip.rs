//! The address of the caller, of which only trusted proxies may tell another.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

/// The networks of the proxies in front.
pub struct Proxies(Vec<Network>);

struct Network {
    address: u128,
    mask: u128,
}

impl Proxies {
    /// Reads networks such as `10.0.0.0/8` and `2001:db8::/32`; a plain address is
    /// a network of one.
    pub fn new(networks: &[String]) -> anyhow::Result<Self> {
        networks
            .iter()
            .map(|text| {
                Network::parse(text).ok_or_else(|| {
                    anyhow::anyhow!(
                        "edge.trusted_proxies: {text:?} is no network such as 10.0.0.0/8"
                    )
                })
            })
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// The last address that no trusted proxy stands at: `peer` itself, or the
    /// rightmost stranger in `X-Forwarded-For`.
    pub fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut caller = peer;
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            if !self.trusts(caller) {
                return caller;
            }
            match address(hop.trim()) {
                Some(address) => caller = address,
                // What a proxy did not write is not believed, nor what is left of it.
                None => return caller,
            }
        }
        caller
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = bits(address);
        self.0
            .iter()
            .any(|network| address & network.mask == network.address)
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let host_bits = width - length.unwrap_or(width).min(width);
        if length.is_some_and(|length| length > width) {
            return None;
        }
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Some(Self {
            address: bits(address) & mask,
            mask,
        })
    }
}

/// An address as proxies write it: alone, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = alone.unwrap_or(text).parse().ok();
    address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

/// IPv4 as IPv6 writes it, so that both compare.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(trusted: &[&str], peer: &str, forwarded: &str) -> String {
        let trusted: Vec<String> = trusted.iter().map(|&text| text.to_owned()).collect();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        Proxies::new(&trusted)
            .unwrap()
            .caller(peer.parse().unwrap(), &headers)
            .to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(caller(&[], "9.9.9.9", "1.1.1.1"), "9.9.9.9");
        assert_eq!(
            caller(&["10.0.0.0/8"], "10.1.2.3", "6.6.6.6, 1.1.1.1"),
            "1.1.1.1"
        );
        assert_eq!(
            caller(&["10.0.0.0/8"], "10.1.2.3", "6.6.6.6, 1.1.1.1, 10.9.9.9"),
            "1.1.1.1"
        );
        assert_eq!(caller(&["10.0.0.0/8"], "10.1.2.3", "nobody"), "10.1.2.3");
        for (written, read) in [
            ("1.1.1.1:4711", "1.1.1.1"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("1.1.1.1:port", "10.1.2.3"),
        ] {
            assert_eq!(caller(&["10.0.0.0/8"], "10.1.2.3", written), read);
        }
        let all = ["10.0.0.0/8"];
        assert_eq!(caller(&all, "10.1.2.3", "10.7.7.7"), "10.7.7.7");
        assert_eq!(caller(&["::1"], "::1", "2001:db8::7"), "2001:db8::7");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        assert!(Proxies::new(&["10.0.0.0/33".into()]).is_err());
        assert!(Proxies::new(&["everybody".into()]).is_err());
    }
}
