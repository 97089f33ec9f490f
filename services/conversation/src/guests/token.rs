//! Guest tokens: signed by us, kept nowhere, the same each time until the
//! version of the guest is raised.

use auth::{CompanyId, GuestId};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chassis::config::Secret;

/// Keeps guest tokens apart from whatever else the key may sign.
const PURPOSE: &[u8] = b"atencion guest token 1";

/// The bytes before the signature: guest, company, version.
const CLAIM_LENGTH: usize = 8 + 8 + 4;

/// What a token says, verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The guest.
    pub(crate) guest: GuestId,
    /// The company of the guest.
    pub(crate) company: CompanyId,
    /// The version that the guest must still have.
    pub(crate) version: i32,
}

/// Mints and verifies guest tokens.
#[derive(Clone)]
pub(crate) struct GuestTokens(hmac::Key);

impl GuestTokens {
    /// Signs with the key of the configuration.
    pub(crate) fn new(key: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()))
    }

    /// The token of a claim.
    pub(crate) fn mint(&self, claim: Claim) -> Secret {
        let mut bytes = encode(claim).to_vec();
        bytes.extend_from_slice(hmac::sign(&self.0, &signed(&bytes)).as_ref());
        Secret::new(BASE64.encode(bytes))
    }

    /// The claim of a token that we signed. The signature is compared in constant
    /// time.
    pub(crate) fn verify(&self, token: &str) -> Option<Claim> {
        let bytes = BASE64.decode(token).ok()?;
        let (claim, signature) = bytes.split_at_checked(CLAIM_LENGTH)?;
        hmac::verify(&self.0, &signed(claim), signature).ok()?;
        decode(claim)
    }
}

fn signed(claim: &[u8]) -> Vec<u8> {
    [PURPOSE, claim].concat()
}

fn encode(claim: Claim) -> [u8; CLAIM_LENGTH] {
    let mut bytes = [0; CLAIM_LENGTH];
    bytes[..8].copy_from_slice(&claim.guest.0.to_be_bytes());
    bytes[8..16].copy_from_slice(&claim.company.0.to_be_bytes());
    bytes[16..].copy_from_slice(&claim.version.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Claim> {
    Some(Claim {
        guest: GuestId(i64::from_be_bytes(bytes.get(..8)?.try_into().ok()?)),
        company: CompanyId(i64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?)),
        version: i32::from_be_bytes(bytes.get(16..)?.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: &str) -> GuestTokens {
        GuestTokens::new(&Secret::new(key))
    }

    const CLAIM: Claim = Claim {
        guest: GuestId(12),
        company: CompanyId(3),
        version: 1,
    };

    #[test]
    fn a_token_can_be_minted_again_and_says_what_was_claimed() {
        let ours = tokens("0123456789abcdef0123456789abcdef");
        let token = ours.mint(CLAIM);
        assert_eq!(token.expose(), ours.mint(CLAIM).expose());
        assert_eq!(ours.verify(token.expose()), Some(CLAIM));
    }

    #[test]
    fn what_we_did_not_sign_is_refused() {
        let ours = tokens("0123456789abcdef0123456789abcdef");
        let theirs = tokens("fedcba9876543210fedcba9876543210");
        let token = theirs.mint(CLAIM);
        assert_eq!(ours.verify(token.expose()), None);
        let mut bytes = BASE64.decode(ours.mint(CLAIM).expose()).unwrap();
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            assert_eq!(ours.verify(&BASE64.encode(&bytes)), None, "byte {place}");
            bytes[place] ^= 1;
        }
        for broken in ["", "guest-token-123", "AAAA", "ñ"] {
            assert_eq!(ours.verify(broken), None);
        }
    }
}
