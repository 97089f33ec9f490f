//! The context token of a service that acts for itself, kept fresh.

use std::{sync::Arc, time::Duration};

use chassis::{Clock, Upstream, config::Secret};
use proto::identity::v1::{
    IssueServiceTokenRequest, authentication_service_client::AuthenticationServiceClient,
};
use tokio::sync::Mutex;
use tonic::{Request, Status};

use crate::Call;

/// How long the exchange itself may take.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Gets context tokens from identity with the credentials of a service, and
/// keeps each for half its life. Cloning shares the token.
#[derive(Clone)]
pub struct ServiceTokens(Arc<Inner>);

struct Inner {
    service: &'static str,
    secret: Secret,
    identity: Upstream,
    clock: Clock,
    current: Mutex<Option<Held>>,
}

struct Held {
    token: String,
    renew_at: i64,
}

impl ServiceTokens {
    /// `secret` is what identity knows this service by.
    pub fn new(service: &'static str, secret: Secret, identity: Upstream, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            service,
            secret,
            identity,
            clock,
            current: Mutex::new(None),
        }))
    }

    /// A call in the name of the service. UNAVAILABLE when identity cannot be
    /// reached, UNAUTHENTICATED when it does not know the secret.
    pub async fn call(&self, timeout: Duration) -> Result<Call, Status> {
        let mut current = self.0.current.lock().await;
        let now = self.0.clock.unix_seconds();
        if let Some(held) = current.as_ref().filter(|held| now < held.renew_at) {
            return call(&held.token, timeout);
        }
        let mut request = Request::new(IssueServiceTokenRequest {
            service: self.0.service.to_owned(),
            secret: self.0.secret.expose().to_owned(),
        });
        request.set_timeout(EXCHANGE_TIMEOUT);
        let issued = AuthenticationServiceClient::new(self.0.identity.clone())
            .issue_service_token(request)
            .await?
            .into_inner();
        let made = call(&issued.token, timeout)?;
        let renew_at = now + i64::from(issued.lifetime_seconds / 2);
        *current = Some(Held {
            token: issued.token,
            renew_at,
        });
        Ok(made)
    }
}

fn call(token: &str, timeout: Duration) -> Result<Call, Status> {
    Call::new(token, timeout).map_err(|error| Status::internal(error.to_string()))
}
