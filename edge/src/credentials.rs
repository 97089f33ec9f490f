//! Who is calling: the API client, the user, or both.
//!
//! Identity has the last word on both. While this process holds a lease on its
//! revocation log, it repeats what identity said, and checks signed tokens by
//! itself; what becomes void in between is in the log before the change is
//! answered to anybody. Without the lease identity is asked every time.

mod allowed;
mod bearers;
mod clients;
mod follower;
mod keys;
mod log;
mod revocations;

use std::{net::IpAddr, sync::Arc, time::Duration};

use auth::{Authority, Call, Caller, UserCaller};
use chassis::{Clock, Stop, Task, Upstream, code::refusal};
use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use proto::identity::v1::{
    ApiClientLimits, AuthenticateBearerRequest, ClientPrincipal, PublicKey, UserPrincipal,
    authentication_service_client::AuthenticationServiceClient,
};
use tonic::{Code, Status};

use self::{
    bearers::Bearers, clients::Clients, follower::Follower, keys::Keys, revocations::Revocations,
};
use crate::{
    errors::{Failure, Wording},
    input::Language,
    table::Credentials,
    tokens::{NAME, Tokens},
};

static CONSUMO: HeaderName = HeaderName::from_static("x-user-consumo");
static SECRET: HeaderName = HeaderName::from_static("x-user-secret");

/// What a request has to be checked for.
pub(crate) struct Asked<'a> {
    /// What the operation demands.
    pub demanded: Credentials,
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// Where it comes from, if that is known.
    pub address: Option<IpAddr>,
    /// How long the check may take.
    pub timeout: Duration,
}

/// Checks credentials.
pub struct Guard {
    identity: Upstream,
    clients: Clients,
    bearers: Bearers,
    keys: Arc<Keys>,
    revocations: Arc<Revocations>,
    tokens: Arc<Tokens>,
    clock: Clock,
}

impl Guard {
    /// Asks `identity`; signed tokens must be for `audience`.
    pub(crate) fn new(
        identity: Upstream,
        tokens: Arc<Tokens>,
        audience: String,
        clock: Clock,
    ) -> Self {
        let revocations = Arc::new(Revocations::new());
        let keys = Arc::new(Keys::new(identity.clone(), Arc::clone(&tokens), audience));
        Self {
            clients: Clients::new(
                identity.clone(),
                Arc::clone(&tokens),
                Arc::clone(&revocations),
                clock.clone(),
            ),
            bearers: Bearers::new(
                identity.clone(),
                Arc::clone(&tokens),
                Arc::clone(&revocations),
                Arc::clone(&keys),
                clock.clone(),
            ),
            keys,
            revocations,
            identity,
            tokens,
            clock,
        }
    }

    /// What has to run beside the requests, so that not every one asks identity.
    pub(crate) fn tasks(&self, stop: &Stop) -> Vec<Task> {
        let mut learnt = self.bearers.learnt().to_vec();
        learnt.push(self.clients.learnt());
        learnt.push(self.tokens.kept());
        let follower = Follower {
            identity: self.identity.clone(),
            tokens: Arc::clone(&self.tokens),
            revocations: Arc::clone(&self.revocations),
            learnt,
            clock: self.clock.clone(),
        };
        let keys = Arc::clone(&self.keys).keep_fresh(stop.clone());
        vec![
            Task::new("revocations", follower.run(stop.clone())),
            Task::new("access-keys", keys),
        ]
    }

    /// Checks what an operation demands. Where a client is demanded, a token that
    /// was sent is judged as well, even if the operation would do without it; the
    /// client is judged first. Public operations look at neither. Answers the
    /// caller, and how much its client may call.
    pub(crate) async fn check(
        &self,
        asked: &Asked<'_>,
    ) -> Result<(Caller, ApiClientLimits), Failure> {
        let anonymous = Caller::service(NAME);
        let no_limits = ApiClientLimits::default();
        let headers = asked.headers;
        match asked.demanded {
            Credentials::Public => Ok((anonymous, no_limits)),
            Credentials::Bearer => {
                let user = self.user(headers, asked.timeout).await?;
                let caller = Caller {
                    user: Some(user.ok_or(Failure::Unauthenticated)?),
                    ..anonymous
                };
                Ok((caller, no_limits))
            }
            Credentials::Legacy
                if !headers.contains_key(&CONSUMO) && !headers.contains_key(&SECRET) =>
            {
                Err(Failure::Hidden)
            }
            Credentials::Client
            | Credentials::SignIn
            | Credentials::ClientAndUser
            | Credentials::Legacy => {
                let principal = self.client(headers, asked.timeout).await?;
                // The address of the client comes before the token of the user.
                allowed::check(&principal, asked.address)?;
                let client = clients::caller(&principal)?;
                let user = self.user(headers, asked.timeout).await?;
                let needs_user = match asked.demanded {
                    Credentials::ClientAndUser => true,
                    Credentials::SignIn => false,
                    _ => client.authority == Authority::Delegated,
                };
                if needs_user && user.is_none() {
                    return Err(Failure::Unauthenticated);
                }
                let caller = Caller {
                    client: Some(client),
                    user,
                    ..anonymous
                };
                Ok((caller, principal.limits.unwrap_or_default()))
            }
        }
    }

    async fn client(
        &self,
        headers: &HeaderMap,
        timeout: Duration,
    ) -> Result<Arc<ClientPrincipal>, Failure> {
        match (value(headers, &CONSUMO), value(headers, &SECRET)) {
            (Some(consumo), Some(secret)) => self.clients.check(consumo, secret, timeout).await,
            _ => Err(Failure::ConsumerCredentials),
        }
    }

    async fn user(
        &self,
        headers: &HeaderMap,
        timeout: Duration,
    ) -> Result<Option<UserCaller>, Failure> {
        match bearer(headers) {
            Some(token) => Ok(Some(self.bearers.check(token, timeout).await?)),
            None => Ok(None),
        }
    }

    /// The user of the bearer token as identity knows it now.
    pub(crate) async fn principal(
        &self,
        headers: &HeaderMap,
        timeout: Duration,
    ) -> Result<UserPrincipal, Failure> {
        let token = bearer(headers).ok_or(Failure::Unauthenticated)?;
        self.bearers.principal(token, timeout).await
    }

    /// Says whether tokens are checked here: the lease on the revocation log stands.
    pub fn is_live(&self) -> bool {
        self.revocations.live()
    }

    /// Says whether a bearer token is good now.
    pub async fn admits(&self, token: &str, timeout: Duration) -> bool {
        self.bearers.check(token, timeout).await.is_ok()
    }

    /// The public keys of access tokens, and for how many seconds they may be kept.
    pub(crate) async fn public_keys(&self) -> Result<(Vec<PublicKey>, u64), Failure> {
        self.keys.listed().await
    }

    /// Says whether identity answers at all.
    pub(crate) async fn identity_answers(&self, call: &Call) -> bool {
        let asked = call.request(AuthenticateBearerRequest::default());
        let mut identity = AuthenticationServiceClient::new(self.identity.clone());
        match identity.authenticate_bearer(asked).await {
            Ok(_) => true,
            // A refusal of the empty token is an answer; one of ours is not.
            Err(status) => {
                status.code() == Code::Unauthenticated && !refusal(&status).reason.is_empty()
            }
        }
    }
}

fn refused(status: &Status) -> Failure {
    match refusal(status).reason.as_str() {
        "CLIENT_CREDENTIALS" => Failure::ConsumerCredentials,
        _ => Failure::of(status, &Wording::GENERAL, Language::Spanish),
    }
}

/// A header that was sent with something in it.
fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?;
    let value = value.trim();
    (!value.is_empty()).then_some(value)
}

/// The bearer token; another scheme is none of ours.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let header = value(headers, &AUTHORIZATION)?;
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn nonsense(what: &'static str) -> Failure {
    tracing::error!(what, "identity answered something that makes no sense");
    Failure::internal()
}

/// Milliseconds since the Unix epoch.
fn milliseconds_now(clock: &Clock) -> i64 {
    i64::try_from(clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
