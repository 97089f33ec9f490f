//! Who may manage API clients.

use auth::Caller;

use crate::error::Error;

/// Super users, platform clients and the edge itself; of a client and a user, the
/// narrower right counts.
pub fn manages(caller: &Caller) -> Result<(), Error> {
    let for_somebody = caller.client.is_some() || caller.user.is_some();
    let everywhere = caller.scope().confine().is_none();
    let may = &*caller.service == "edge" && (everywhere || !for_somebody);
    if may { Ok(()) } else { Err(Error::Forbidden) }
}

/// Whoever gets the secret of a client has its rights, so a client hands out no
/// more than it has itself.
pub fn may_give(caller: &Caller, scopes: &[String]) -> Result<(), Error> {
    let has_all = caller
        .client
        .as_ref()
        .is_none_or(|client| scopes.iter().all(|scope| client.scopes.contains(scope)));
    if has_all {
        Ok(())
    } else {
        Err(Error::Forbidden)
    }
}
