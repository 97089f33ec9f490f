//! The address of the caller, of which only trusted proxies may tell another.

use std::net::{IpAddr, SocketAddr};

use auth::Network;
use http::HeaderMap;

/// The networks of the proxies in front.
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// Reads networks such as `10.0.0.0/8` and `2001:db8::/32`; a plain address is
    /// a network of one.
    pub fn new(networks: &[String]) -> anyhow::Result<Self> {
        networks
            .iter()
            .map(|text| {
                text.parse()
                    .map_err(|error| anyhow::anyhow!("edge.trusted_proxies: {text:?}: {error}"))
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
        self.0.iter().any(|network| network.contains(address))
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
