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
    revocations::Sequence,
    service_secrets::ServiceSecrets,
    sessions::Judge,
};

pub use rpc::encode_user;

/// Checks credentials.
pub struct Authenticator {
    pub pool: PgPool,
    pub macs: SecretMac,
    pub judge: Arc<Judge>,
    pub secrets: ServiceSecrets,
    pub signer: ContextSigner,
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
    /// Until when the secret that was sent is good; none is without end.
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
    pub secrets: Vec<KnownSecret>,
}

/// A secret of a client: its digest, and until when it is good.
pub struct KnownSecret {
    pub mac: Vec<u8>,
    pub not_after: Option<OffsetDateTime>,
}

/// Who is calling, and the newest revocation that this takes into account.
pub struct Authenticated {
    pub client: Client,
    pub user: Option<SignedIn>,
    pub head: Sequence,
}

impl Authenticator {
    /// Checks the credentials of a client and, when there is one, a bearer token.
    /// The client is judged first.
    async fn authenticate(
        &self,
        by: &Caller,
        credentials: Credentials,
    ) -> Result<Authenticated, Error> {
        // What cannot be a name is not looked up, and compared all the same.
        let consumo = Some(credentials.consumo.as_str()).filter(|text| clients::is_consumo(text));
        let (head, known) = store::client(&self.pool, consumo, self.clock.now()).await?;
        let client = self.judge_client(known, &credentials.secret)?;
        let user = match &credentials.bearer {
            Some(bearer) => Some(self.judge.admit(by, bearer).await?.session.user),
            None => None,
        };
        Ok(Authenticated { client, user, head })
    }

    /// Checks a bearer token alone.
    async fn authenticate_bearer(&self, by: &Caller, bearer: &str) -> Result<SignedIn, Error> {
        Ok(self.judge.admit(by, bearer).await?.session.user)
    }

    /// A context token in the name of a service, for its secret.
    fn service_token(&self, service: &str, secret: &Secret) -> Result<String, Error> {
        self.secrets.check(service, secret)?;
        self.signer
            .mint(&Caller::service(service))
            .map_err(|_| Error::Crypto("signing a context token"))
    }

    fn judge_client(&self, known: Option<KnownClient>, secret: &Secret) -> Result<Client, Error> {
        let (client, secrets) = known.map_or((None, Vec::new()), |known| {
            (Some(known.client), known.secrets)
        });
        let (macs, ends): (Vec<_>, Vec<_>) = secrets
            .into_iter()
            .map(|secret| (secret.mac, secret.not_after))
            .unzip();
        let fits = self.macs.fits(secret, &macs);
        let mut client = client.filter(|_| fits).ok_or(Error::ClientCredentials)?;
        // The same secret may be in both slots; it is good while either is.
        let fitting = macs.iter().zip(&ends);
        let fitting = fitting
            .filter(|(mac, _)| self.macs.fits(secret, std::slice::from_ref(mac)))
            .map(|(_, end)| *end);
        client.secret_expires_at = fitting
            .reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
            .flatten();
        self.clients_used.note(client.id, self.clock.now());
        Ok(client)
    }
}
