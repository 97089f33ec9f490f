//! Networks in CIDR notation: who may call, and which proxies are believed.

use std::{fmt, net::IpAddr, str::FromStr};

/// A network such as `10.0.0.0/8` or `2001:db8::/32`; a plain address is a network
/// of one. Bits beyond the length are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    length: u32,
}

/// The text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl Network {
    /// Says whether an address lies in the network. IPv4 in the writing of IPv6 is
    /// the same address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (first, host_bits) = match self.first {
            IpAddr::V4(_) => (bits(self.first), 32 - self.length),
            IpAddr::V6(_) => (bits(self.first), 128 - self.length),
        };
        bits(address) & mask(host_bits) == first
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => {
                // `parse` would take a sign.
                let plain = length.bytes().all(|byte| byte.is_ascii_digit());
                let length: u32 = length.parse().map_err(|_| NotANetwork)?;
                (address, Some(length).filter(|_| plain).ok_or(NotANetwork)?)
            }
            None => (text, u32::MAX),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length = if length == u32::MAX { width } else { length };
        if length > width {
            return Err(NotANetwork);
        }
        let first = bits(address) & mask(width - length);
        let first = match address {
            IpAddr::V4(_) => std::net::Ipv6Addr::from_bits(first).to_canonical(),
            IpAddr::V6(_) => std::net::Ipv6Addr::from_bits(first).into(),
        };
        Ok(Self { first, length })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

/// IPv4 as IPv6 writes it, so that both compare.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn mask(host_bits: u32) -> u128 {
    u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_in_every_writing() {
        let holds = |network: &str, address: &str| {
            let network: Network = network.parse().unwrap();
            network.contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.255.0.1"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("192.0.2.7", "192.0.2.7"));
        assert!(!holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("2001:db8::/32", "2001:db8:1::7"));
        assert!(!holds("2001:db8::/32", "2001:db9::7"));
        assert!(holds("0.0.0.0/0", "203.0.113.9"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "203.0.113.9"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "everybody",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "1/2/3",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn networks_are_written_without_their_hosts() {
        let written = |text: &str| text.parse::<Network>().unwrap().to_string();
        assert_eq!(written("10.1.2.3/8"), "10.0.0.0/8");
        assert_eq!(written("192.0.2.7"), "192.0.2.7/32");
        assert_eq!(written("2001:DB8::9/32"), "2001:db8::/32");
    }
}
