//! API clients: their secrets are judged by identity, and its answer is kept while
//! the lease stands and until the log says that something changed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth::{Authority, Cache, ClientCaller, ClientId, CompanyId};
use aws_lc_rs::digest::{Context, SHA256};
use chassis::{Clock, Upstream};
use proto::identity::v1::{
    self as wire, AuthenticateRequest, ClientPrincipal,
    authentication_service_client::AuthenticationServiceClient,
};

use super::{log::milliseconds, milliseconds_now, nonsense, refused, revocations::Revocations};
use crate::{errors::Failure, tokens::Tokens};

/// After this identity is asked anew, so that it knows when a client called last.
const KEEP: Duration = Duration::from_mins(2);

/// Half of the credentials that are kept.
const HALF: usize = 4096;

/// Checks the credentials of API clients.
pub struct Clients {
    identity: Upstream,
    tokens: Arc<Tokens>,
    revocations: Arc<Revocations>,
    /// Right credentials by their digest; wrong ones are never kept.
    right: Arc<Cache<[u8; 32], Arc<Kept>>>,
    clock: Clock,
}

/// What identity said of right credentials.
struct Kept {
    principal: Arc<ClientPrincipal>,
    as_of: i64,
    asked_at: Instant,
}

impl Clients {
    /// Nothing kept yet.
    pub fn new(
        identity: Upstream,
        tokens: Arc<Tokens>,
        revocations: Arc<Revocations>,
        clock: Clock,
    ) -> Self {
        Self {
            identity,
            tokens,
            revocations,
            right: Arc::new(Cache::new(HALF)),
            clock,
        }
    }

    /// What has to be dropped when the log begins anew.
    pub fn learnt(&self) -> Arc<dyn super::follower::Forgetful> {
        self.right.clone()
    }

    /// The client that has these credentials now.
    pub async fn check(
        &self,
        consumo: &str,
        secret: &str,
        timeout: Duration,
    ) -> Result<Arc<ClientPrincipal>, Failure> {
        let digest = digest_of(consumo, secret);
        let live = self.revocations.live();
        if let Some(kept) = self.right.get(&digest).filter(|_| live) {
            if self.still_holds(&kept) {
                return Ok(Arc::clone(&kept.principal));
            }
            self.right.remove(&digest);
        }
        let asked = AuthenticateRequest {
            consumo: consumo.to_owned(),
            secret: secret.to_owned(),
            bearer: String::new(),
        };
        // Out of line: it is rare, and every request would carry its size.
        Box::pin(self.ask(asked, digest, live, timeout)).await
    }

    /// Asks identity, and keeps what it says if what changes is `live` to us.
    async fn ask(
        &self,
        asked: AuthenticateRequest,
        digest: [u8; 32],
        live: bool,
        timeout: Duration,
    ) -> Result<Arc<ClientPrincipal>, Failure> {
        let call = self.tokens.own_call(timeout)?;
        let asked_at = Instant::now();
        let answer = AuthenticationServiceClient::new(self.identity.clone())
            .authenticate(call.request(asked))
            .await
            .map_err(|status| refused(&status))?
            .into_inner();
        let principal = Arc::new(answer.client.ok_or_else(|| nonsense("no client"))?);
        if live {
            let kept = Kept {
                principal: Arc::clone(&principal),
                as_of: answer.head,
                asked_at,
            };
            self.right.put(digest, Arc::new(kept));
        }
        Ok(principal)
    }

    fn still_holds(&self, kept: &Kept) -> bool {
        let ends = kept.principal.secret_expires_at.as_ref();
        let client = kept.principal.client_id;
        let changed = |as_of| {
            self.revocations
                .read(|log| log.client_changed(client, as_of))
        };
        kept.asked_at.elapsed() < KEEP
            && ends.is_none_or(|at| milliseconds_now(&self.clock) < milliseconds(at))
            && !changed(kept.as_of)
    }
}

/// No name has a zero byte, so no two pairs give the same bytes.
fn digest_of(consumo: &str, secret: &str) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in [consumo.as_bytes(), &[0], secret.as_bytes()] {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// The client as the context token names it.
pub fn caller(client: &ClientPrincipal) -> Result<ClientCaller, Failure> {
    let authority = match client.authority() {
        wire::Authority::Platform => Authority::Platform,
        wire::Authority::Company => Authority::Company,
        wire::Authority::Delegated => Authority::Delegated,
        wire::Authority::Unspecified => return Err(nonsense("no authority")),
    };
    Ok(ClientCaller {
        id: ClientId(client.client_id),
        authority,
        company: CompanyId::present(client.company_id),
        scopes: client.scopes.clone(),
    })
}
