//! WhatsApp message ids. The real ones are base64 around the recipient and a random part; so are
//! these, which is how a status built later still knows whom the message went to.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::opaque;

const BEFORE_RECIPIENT: [u8; 2] = [0x1c, 0x18];
const AFTER_RECIPIENT: [u8; 6] = [0x15, 0x02, 0x00, 0x11, 0x18, 0x14];

/// A new id for a message to `recipient`, a `wa_id` or a business-scoped user id.
pub(super) fn mint(recipient: &str) -> String {
    let recipient = &recipient.as_bytes()[..recipient.len().min(usize::from(u8::MAX))];
    let mut id = Vec::from(BEFORE_RECIPIENT);
    id.extend(u8::try_from(recipient.len()));
    id.extend(recipient);
    id.extend(AFTER_RECIPIENT);
    id.extend(opaque::hex20().as_bytes());
    id.push(0);
    format!("wamid.{}", STANDARD.encode(id))
}

/// The recipient inside `wamid`, or none when it is not of the shape that [`mint`] makes.
pub(super) fn recipient(wamid: &str) -> Option<String> {
    let id = STANDARD.decode(wamid.strip_prefix("wamid.")?).ok()?;
    let rest = id.strip_prefix(&BEFORE_RECIPIENT)?;
    let (length, rest) = rest.split_first()?;
    let recipient = rest.get(..usize::from(*length))?;
    String::from_utf8(recipient.to_vec()).ok()
}
