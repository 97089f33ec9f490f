//! What this service asks identity for.

use std::time::Duration;

use auth::{CompanyId, ServiceTokens};
use chassis::{
    ErrorCode, FieldViolation, Upstream,
    code::{Refusal, refusal},
    config::Secret,
};
use proto::identity::v1::{
    CreateUserRequest, GetUserRequest, RevocationSubject, RevokeRequest, Role, User,
    get_user_request::Selector, revocation_service_client::RevocationServiceClient,
    revocation_subject::Subject, user_service_client::UserServiceClient,
};
use tonic::Status;
use uuid::Uuid;

use crate::error::Error;

/// How long a call may take; a revocation waits for every replica.
const TIMEOUT: Duration = Duration::from_secs(9);

/// Identity, as this service sees it. Cloning shares the connection.
#[derive(Clone)]
pub struct Identity {
    pub upstream: Upstream,
    pub tokens: ServiceTokens,
}

/// The first user of a company.
#[derive(Clone)]
pub struct Administrator {
    pub name: String,
    pub email: String,
    pub password: Secret,
}

/// Why there is no user.
pub enum NotCreated {
    /// Identity said no, or was never asked.
    Refused(Error),
    /// Nobody knows whether there is one now.
    Unknown(Error),
}

/// The fields of a user as the creation of a company names them.
const FIELDS: &[(&str, &str)] = &[
    ("name", "user_name"),
    ("email", "user_email"),
    ("password", "password"),
];

impl Identity {
    /// Creates the administrator of a company; a repetition under the same `key`
    /// answers the first one.
    pub async fn create_administrator(
        &self,
        key: Uuid,
        company: CompanyId,
        department: i64,
        administrator: &Administrator,
    ) -> Result<User, NotCreated> {
        let call = self
            .tokens
            .call(TIMEOUT)
            .await
            .map_err(|status| NotCreated::Refused(Error::IdentityAway(status)))?;
        let request = CreateUserRequest {
            name: administrator.name.clone(),
            email: administrator.email.clone(),
            role: Role::Admin.into(),
            password: administrator.password.expose().to_owned(),
            company_id: company.0,
            department_id: department,
            idempotency_key: key.to_string(),
            ..CreateUserRequest::default()
        };
        let answer = UserServiceClient::new(self.upstream.clone())
            .create_user(call.request(request))
            .await
            .map_err(not_created)?;
        answer
            .into_inner()
            .user
            .ok_or_else(|| NotCreated::Unknown(Error::IdentityRefused(Status::internal("no user"))))
    }

    /// The user who was created under a key, if there is one.
    pub async fn created_under(&self, key: Uuid) -> Result<Option<User>, Error> {
        let call = self.tokens.call(TIMEOUT).await.map_err(failed)?;
        let request = GetUserRequest {
            selector: Some(Selector::IdempotencyKey(key.to_string())),
        };
        let answer = UserServiceClient::new(self.upstream.clone())
            .get_user(call.request(request))
            .await;
        match answer {
            Ok(answer) => Ok(answer.into_inner().user),
            Err(status) if ErrorCode::of(status.code()) == ErrorCode::NotFound => Ok(None),
            Err(status) => Err(failed(status)),
        }
    }

    /// Voids all tokens of the users of a company; no replica accepts one when it
    /// returns.
    pub async fn revoke_company(&self, company: CompanyId) -> Result<(), Error> {
        let call = self.tokens.call(TIMEOUT).await.map_err(failed)?;
        let request = RevokeRequest {
            subject: Some(RevocationSubject {
                subject: Some(Subject::CompanyId(company.0)),
            }),
        };
        RevocationServiceClient::new(self.upstream.clone())
            .revoke(call.request(request))
            .await
            .map_err(failed)?;
        Ok(())
    }
}

fn failed(status: Status) -> Error {
    match ErrorCode::of(status.code()) {
        ErrorCode::Unavailable | ErrorCode::Timeout | ErrorCode::RateLimited => {
            Error::IdentityAway(status)
        }
        _ => Error::IdentityRefused(status),
    }
}

fn not_created(status: Status) -> NotCreated {
    let refused = refusal(&status);
    match refused.code {
        ErrorCode::Unavailable | ErrorCode::Timeout | ErrorCode::Internal => {
            NotCreated::Unknown(failed(status))
        }
        // The user exists, under values that this request does not have.
        ErrorCode::AlreadyExists if refused.reason == "IDEMPOTENCY_KEY_REUSED" => {
            NotCreated::Unknown(idempotency::Error::Reused.into())
        }
        ErrorCode::AlreadyExists => NotCreated::Refused(Error::UserEmailTaken),
        ErrorCode::InvalidInput => NotCreated::Refused(wrong(&refused, status)),
        _ => NotCreated::Refused(failed(status)),
    }
}

/// The wrong fields of the user under the names they have here.
fn wrong(refused: &Refusal, status: Status) -> Error {
    let violations: Vec<FieldViolation> = FIELDS
        .iter()
        .filter(|(theirs, _)| refused.fields.iter().any(|(field, _)| field == theirs))
        .map(|(_, field)| FieldViolation {
            field,
            reason: "FORMAT",
            description: "identity does not accept it".to_owned(),
        })
        .collect();
    if violations.is_empty() {
        Error::IdentityRefused(status)
    } else {
        Error::Invalid(violations)
    }
}
