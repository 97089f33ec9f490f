//! Who is calling: the check of every REST request, and the tokens of services.

mod rpc;
mod store;

use std::sync::Arc;

use auth::{Authority, Caller, ClientId, CompanyId, ContextSigner, DepartmentId, Role, UserId};
use chassis::{Clock, config::Secret};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    clients::{self, ClientUsage, Limits, SecretMac},
    error::Error,
    keys::KeyRing,
    service_secrets::ServiceSecrets,
    sessions::{SessionState, Usage},
    tokens::Claims,
};

/// Checks credentials.
pub struct Authenticator {
    pub pool: PgPool,
    pub macs: SecretMac,
    pub keys: Arc<KeyRing>,
    pub secrets: ServiceSecrets,
    pub signer: ContextSigner,
    pub used: Usage,
    pub clients_used: ClientUsage,
    pub clock: Clock,
}

/// Credentials as received.
pub struct Credentials {
    pub consumo: String,
    pub secret: Secret,
    pub bearer: Option<String>,
}

/// An authenticated API client.
pub struct Client {
    pub id: ClientId,
    pub authority: Authority,
    pub company: Option<CompanyId>,
    pub scopes: Vec<String>,
    /// Networks it may call from; none means any. The edge judges it.
    pub ip_allow: Vec<String>,
    pub limits: Limits,
    /// Until when the secret that was sent is good.
    pub secret_expires_at: Option<OffsetDateTime>,
}

/// An authenticated user.
pub struct SignedIn {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub company: CompanyId,
    pub department: Option<DepartmentId>,
    pub session: Uuid,
}

/// A client as the database knows it.
pub struct KnownClient {
    pub client: Client,
    /// The digests of its secrets, and until when each is good.
    pub macs: Vec<Vec<u8>>,
    pub ends: Vec<Option<OffsetDateTime>>,
}

/// What the database knows about credentials.
pub struct Known {
    pub client: Option<KnownClient>,
    pub session: Option<SessionState>,
}

impl Authenticator {
    /// Checks the credentials of a client and, when there is one, a bearer token,
    /// with one look into the database. The client is judged first.
    async fn authenticate(
        &self,
        credentials: Credentials,
    ) -> Result<(Client, Option<SignedIn>), Error> {
        let claims = match &credentials.bearer {
            Some(bearer) => Some(self.keys.verify(bearer).await),
            None => None,
        };
        let sid = claims
            .as_ref()
            .and_then(|claims| claims.as_ref().ok())
            .map(|claims| claims.sid);
        // What cannot be a name is not looked up, and compared all the same.
        let consumo = Some(credentials.consumo.as_str()).filter(|text| clients::is_consumo(text));
        let known = store::find(&self.pool, consumo, sid, self.clock.now()).await?;
        let client = self.judge_client(known.client, &credentials.secret)?;
        let user = match claims {
            Some(claims) => Some(self.judge_session(known.session, &claims?)?),
            None => None,
        };
        Ok((client, user))
    }

    /// Checks a bearer token alone.
    async fn authenticate_bearer(&self, bearer: &str) -> Result<SignedIn, Error> {
        let claims = self.keys.verify(bearer).await?;
        let now = self.clock.now();
        let known = store::find(&self.pool, None, Some(claims.sid), now).await?;
        self.judge_session(known.session, &claims)
    }

    /// A context token in the name of a service, for its secret.
    fn service_token(&self, service: &str, secret: &Secret) -> Result<String, Error> {
        self.secrets.check(service, secret)?;
        self.signer
            .mint(&Caller::service(service))
            .map_err(|_| Error::Crypto("signing a context token"))
    }

    fn judge_client(&self, known: Option<KnownClient>, secret: &Secret) -> Result<Client, Error> {
        let macs = known.as_ref().map_or(&[][..], |known| &known.macs);
        let which = self.macs.which(secret, macs);
        let (Some(known), Some(which)) = (known, which) else {
            return Err(Error::ClientCredentials);
        };
        self.clients_used.note(known.client.id, self.clock.now());
        Ok(Client {
            secret_expires_at: known.ends.get(which).copied().flatten(),
            ..known.client
        })
    }

    fn judge_session(
        &self,
        session: Option<SessionState>,
        claims: &Claims,
    ) -> Result<SignedIn, Error> {
        let now = self.clock.now();
        let session = session
            .filter(|session| session.admits(claims, now))
            .ok_or(Error::BearerToken)?;
        self.used.note(&session, now);
        Ok(session.user)
    }
}
