//! Networks: what one holder of an address can choose is left out.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The network of an address: IPv4 /24, IPv6 /64; or nowhere, when the address is
/// not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somewhere.
    Network(IpAddr),
    /// Nobody knows.
    Nowhere,
}

impl Origin {
    /// The network of an address as text.
    pub fn of(address: &str) -> Self {
        match address
            .parse::<IpAddr>()
            .map(|address| address.to_canonical())
        {
            Ok(IpAddr::V4(address)) => {
                Self::Network(Ipv4Addr::from_bits(address.to_bits() >> 8 << 8).into())
            }
            Ok(IpAddr::V6(address)) => {
                Self::Network(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into())
            }
            Err(_) => Self::Nowhere,
        }
    }
}

/// Who holds an address: IPv4 alone, IPv6 with its /64.
pub fn holder(address: &str) -> String {
    match address
        .parse::<IpAddr>()
        .map(|address| address.to_canonical())
    {
        Ok(IpAddr::V4(address)) => address.to_string(),
        _ => Origin::of(address).to_string(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Nowhere => f.write_str("nowhere"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_of_one_network() {
        let network = |address: &str| Origin::of(address).to_string();
        assert_eq!(network("192.0.2.1"), network("192.0.2.254"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.9"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8:0:0:ffff::2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(holder("192.0.2.1"), holder("192.0.2.2"));
        assert_eq!(holder("2001:db8::1"), holder("2001:db8::2"));
        assert_eq!(network(""), "nowhere");
        assert_eq!(network("10.0.0.0/8"), "nowhere");
    }
}
