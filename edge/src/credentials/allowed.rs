//! From where an API client may call.

use std::net::IpAddr;

use auth::Network;
use proto::identity::v1::ClientPrincipal;

use crate::errors::Failure;

/// Refuses a client that calls from outside its networks, in the words of a wrong
/// secret: whoever took a secret elsewhere does not learn that it is good. A client
/// with networks whose address is not known is refused as well.
pub fn check(client: &ClientPrincipal, address: Option<IpAddr>) -> Result<(), Failure> {
    let inside = |network: &String| match (network.parse::<Network>(), address) {
        (Ok(network), Some(address)) => network.contains(address),
        (Ok(_), None) => false,
        (Err(error), _) => {
            tracing::error!(client = client.client_id, %error, "a network of a client");
            false
        }
    };
    if client.ip_allow.is_empty() || client.ip_allow.iter().any(inside) {
        return Ok(());
    }
    tracing::warn!(
        client = client.client_id,
        ?address,
        "a client calls from elsewhere"
    );
    Err(Failure::ConsumerCredentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_calls_from_its_networks() {
        let allowed = |networks: &[&str], address: Option<&str>| {
            let client = ClientPrincipal {
                ip_allow: networks.iter().map(|&network| network.to_owned()).collect(),
                ..ClientPrincipal::default()
            };
            check(&client, address.map(|address| address.parse().unwrap())).is_ok()
        };
        assert!(allowed(&[], None));
        assert!(allowed(&[], Some("192.0.2.1")));
        let networks = &["192.0.2.0/24", "2001:db8::/32"];
        assert!(allowed(networks, Some("192.0.2.1")));
        assert!(allowed(networks, Some("::ffff:192.0.2.1")));
        assert!(allowed(networks, Some("2001:db8::1")));
        assert!(!allowed(networks, Some("198.51.100.1")));
        assert!(!allowed(networks, None));
        assert!(!allowed(&["nonsense"], Some("192.0.2.1")));
    }
}
