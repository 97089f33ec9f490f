//! A strict identity of the tests' own: it knows users by the key they were
//! created under, and which companies were revoked.

use std::sync::{Arc, Mutex};

use auth::{Caller, ContextSigner};
use chassis::{ErrorCode, Failure, FieldViolation, code};
use proto::identity::v1::{
    CreateUserRequest, CreateUserResponse, GetUserRequest, GetUserResponse,
    IssueServiceTokenRequest, IssueServiceTokenResponse, RevokeRequest, RevokeResponse, Role, User,
    authentication_service_server::{AuthenticationService, AuthenticationServiceServer},
    get_user_request::Selector,
    revocation_service_server::{RevocationService, RevocationServiceServer},
    revocation_subject::Subject,
    user_service_server::{UserService, UserServiceServer},
};
use tonic::{Request, Response, Status, service::Routes};

/// What tenancy-admin proves itself with.
pub const SECRET: &str = "tenancy secret";

/// How identity behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Well,
    /// Not even tokens are given out.
    Gone,
    /// Calls are not answered, and have no effect.
    Away,
    /// Calls take effect, and the answers get lost.
    LosesAnswers,
}

/// Everything it knows. Cloning shares it.
#[derive(Clone, Default)]
pub struct Identity(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    mood: Mood,
    users: Vec<(CreateUserRequest, User)>,
    revoked: Vec<i64>,
}

#[derive(Debug, thiserror::Error)]
#[error("refused by the fake identity")]
struct Refused(ErrorCode, &'static str, Option<&'static str>);

impl Failure for Refused {
    fn code(&self) -> ErrorCode {
        self.0
    }

    fn reason(&self) -> &'static str {
        self.1
    }

    fn violations(&self) -> Vec<FieldViolation> {
        let violation = |field| FieldViolation {
            field,
            reason: "FORMAT",
            description: "wrong".to_owned(),
        };
        self.2.map(violation).into_iter().collect()
    }
}

fn refuse(code: ErrorCode, reason: &'static str) -> Status {
    code::status(&Refused(code, reason, None))
}

impl Identity {
    pub fn routes(&self, signer: ContextSigner) -> Routes {
        Routes::new(AuthenticationServiceServer::new(Tokens(
            self.clone(),
            signer,
        )))
        .add_service(UserServiceServer::new(self.clone()))
        .add_service(RevocationServiceServer::new(self.clone()))
    }

    /// Behaves like this from now on.
    pub fn be(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    /// The users there are.
    pub fn users(&self) -> Vec<User> {
        let state = self.0.lock().unwrap();
        state.users.iter().map(|(_, user)| user.clone()).collect()
    }

    /// The companies whose tokens are void.
    pub fn revoked(&self) -> Vec<i64> {
        self.0.lock().unwrap().revoked.clone()
    }

    /// Creates a user as an earlier process did.
    pub fn remember(&self, request: CreateUserRequest) {
        self.create(request).unwrap();
    }

    fn create(&self, asked: CreateUserRequest) -> Result<User, Status> {
        let mut state = self.0.lock().unwrap();
        let same_key = |(known, _): &&(CreateUserRequest, User)| {
            known.idempotency_key == asked.idempotency_key
        };
        if let Some((known, user)) = state.users.iter().find(same_key) {
            if *known == asked {
                return Ok(user.clone());
            }
            return Err(refuse(ErrorCode::AlreadyExists, "IDEMPOTENCY_KEY_REUSED"));
        }
        if asked.name == "refused" {
            let refused = Refused(ErrorCode::InvalidInput, "INVALID", Some("name"));
            return Err(code::status(&refused));
        }
        if state
            .users
            .iter()
            .any(|(_, user)| user.email == asked.email)
        {
            return Err(refuse(ErrorCode::AlreadyExists, "EMAIL_TAKEN"));
        }
        let user = User {
            user_id: 33 + i64::try_from(state.users.len()).unwrap(),
            name: asked.name.clone(),
            email: asked.email.clone(),
            role: asked.role,
            company_id: asked.company_id,
            department_id: asked.department_id,
            active: true,
            ..User::default()
        };
        state.users.push((asked, user.clone()));
        Ok(user)
    }

    fn mood(&self) -> Mood {
        self.0.lock().unwrap().mood
    }

    fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        if !auth::caller(request)?.is_service("tenancy-admin") {
            return Err(refuse(ErrorCode::PermissionDenied, "WRONG_CALLER"));
        }
        match self.mood() {
            Mood::Gone | Mood::Away => Err(Status::unavailable("away")),
            Mood::Well | Mood::LosesAnswers => Ok(()),
        }
    }

    fn answer<T>(&self, message: T) -> Result<Response<T>, Status> {
        match self.mood() {
            Mood::LosesAnswers => Err(Status::unavailable("the connection broke")),
            _ => Ok(Response::new(message)),
        }
    }
}

struct Tokens(Identity, ContextSigner);

#[tonic::async_trait]
impl AuthenticationService for Tokens {
    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Result<Response<IssueServiceTokenResponse>, Status> {
        if self.0.mood() == Mood::Gone {
            return Err(Status::unavailable("gone"));
        }
        let asked = request.into_inner();
        if (asked.service.as_str(), asked.secret.as_str()) != ("tenancy-admin", SECRET) {
            return Err(refuse(ErrorCode::Unauthenticated, "SERVICE_CREDENTIALS"));
        }
        Ok(Response::new(IssueServiceTokenResponse {
            token: self.1.mint(&Caller::service("tenancy-admin")).unwrap(),
            lifetime_seconds: 0,
        }))
    }
}

#[tonic::async_trait]
impl UserService for Identity {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        self.admit(&request)?;
        let asked = request.into_inner();
        assert_eq!(asked.role(), Role::Admin);
        assert!(asked.company_id > 0 && asked.department_id > 0);
        assert_eq!(asked.idempotency_key.len(), 36, "the uuid of the company");
        let user = self.create(asked)?;
        self.answer(CreateUserResponse { user: Some(user) })
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        self.admit(&request)?;
        let Some(Selector::IdempotencyKey(key)) = request.into_inner().selector else {
            panic!("users are asked for by key alone");
        };
        let state = self.0.lock().unwrap();
        let found = state
            .users
            .iter()
            .find(|(known, _)| known.idempotency_key == key);
        match found {
            Some((_, user)) => Ok(Response::new(GetUserResponse {
                user: Some(user.clone()),
            })),
            None => Err(refuse(ErrorCode::NotFound, "USER")),
        }
    }
}

#[tonic::async_trait]
impl RevocationService for Identity {
    async fn revoke(
        &self,
        request: Request<RevokeRequest>,
    ) -> Result<Response<RevokeResponse>, Status> {
        self.admit(&request)?;
        let subject = request
            .into_inner()
            .subject
            .and_then(|subject| subject.subject);
        let Some(Subject::CompanyId(company)) = subject else {
            panic!("only companies are revoked: {subject:?}");
        };
        self.0.lock().unwrap().revoked.push(company);
        self.answer(RevokeResponse { sequence: 1 })
    }
}
