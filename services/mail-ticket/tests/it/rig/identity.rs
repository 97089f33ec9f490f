//! An identity that knows `dnunez` and binds ids to users; it also holds the logs of
//! those who announce things.

use std::sync::{Arc, Mutex};

use auth::{Caller, ContextGate, ContextKeys, ContextSigner};
use chassis::{Clock, ErrorCode, Failure, Upstream, code};
use proto::events::v1::{
    Event, ReadRequest, ReadResponse,
    event_log_service_server::{EventLogService, EventLogServiceServer},
};
use proto::identity::v1::{
    BindSynologyIdRequest, BindSynologyIdResponse, FindInternalUsersRequest,
    FindInternalUsersResponse, InternalUser, IssueServiceTokenRequest, IssueServiceTokenResponse,
    authentication_service_server::{AuthenticationService, AuthenticationServiceServer},
    internal_user_service_server::{InternalUserService, InternalUserServiceServer},
};
use tonic::{Request, Response, Status, service::Routes};

/// The id that another user has.
pub const TAKEN: i64 = 500;

/// What identity has noted.
#[derive(Default)]
pub struct Identity {
    /// Every binding that was asked for: login and id.
    pub asked: Mutex<Vec<(String, i64)>>,
    /// The id of `dnunez`.
    pub bound: Mutex<Option<i64>>,
    /// What has been announced, by whomever.
    pub events: Mutex<Vec<Event>>,
    /// It does not answer.
    pub away: Mutex<bool>,
}

struct Fake {
    noted: Arc<Identity>,
    signer: ContextSigner,
}

#[derive(Debug, thiserror::Error)]
#[error("refused by a fake")]
struct Refused(ErrorCode, &'static str);

impl Failure for Refused {
    fn code(&self) -> ErrorCode {
        self.0
    }

    fn reason(&self) -> &'static str {
        self.1
    }
}

/// Starts one that issues tokens to mail-ticket alone.
pub fn start(
    keys: &ContextKeys,
    clock: &Clock,
    gate: Arc<ContextGate>,
) -> (Upstream, Arc<Identity>) {
    let noted = Arc::<Identity>::default();
    let fake = || Fake {
        noted: Arc::clone(&noted),
        signer: ContextSigner::new(keys, clock.clone()).unwrap(),
    };
    let routes = Routes::new(AuthenticationServiceServer::new(fake()))
        .add_service(InternalUserServiceServer::new(fake()))
        .add_service(EventLogServiceServer::new(fake()));
    let (upstream, slot) = Upstream::local();
    slot.fill(chassis::grpc::stack(routes, gate));
    (upstream, noted)
}

#[tonic::async_trait]
impl AuthenticationService for Fake {
    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Result<Response<IssueServiceTokenResponse>, Status> {
        let service = request.into_inner().service;
        assert_eq!(service, "mail-ticket");
        Ok(Response::new(IssueServiceTokenResponse {
            token: self.signer.mint(&Caller::service(&service)).unwrap(),
            lifetime_seconds: 60,
        }))
    }
}

#[tonic::async_trait]
impl InternalUserService for Fake {
    async fn find_internal_users(
        &self,
        _: Request<FindInternalUsersRequest>,
    ) -> Result<Response<FindInternalUsersResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn bind_synology_id(
        &self,
        request: Request<BindSynologyIdRequest>,
    ) -> Result<Response<BindSynologyIdResponse>, Status> {
        assert!(auth::caller(&request)?.is_service("mail-ticket"));
        if *self.noted.away.lock().unwrap() {
            return Err(Status::unavailable("away"));
        }
        let BindSynologyIdRequest { login, synology_id } = request.into_inner();
        self.noted
            .asked
            .lock()
            .unwrap()
            .push((login.clone(), synology_id));
        if !login.eq_ignore_ascii_case("dnunez") {
            return Err(code::status(&Refused(ErrorCode::NotFound, "LOGIN_UNKNOWN")));
        }
        if synology_id == TAKEN {
            let taken = Refused(ErrorCode::AlreadyExists, "SYNOLOGY_ID_TAKEN");
            return Err(code::status(&taken));
        }
        let before = self.noted.bound.lock().unwrap().replace(synology_id);
        Ok(Response::new(BindSynologyIdResponse {
            user: Some(InternalUser {
                login: "dnunez".to_owned(),
                synology_id: Some(synology_id),
                ..InternalUser::default()
            }),
            changed: before != Some(synology_id),
        }))
    }
}

#[tonic::async_trait]
impl EventLogService for Fake {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let ReadRequest { after, source, .. } = request.into_inner();
        let all = self.noted.events.lock().unwrap();
        let of_source: Vec<Event> = all
            .iter()
            .filter(|event| event.source == source)
            .cloned()
            .collect();
        let head = of_source.len();
        let after = usize::try_from(after).unwrap();
        Ok(Response::new(ReadResponse {
            events: of_source.into_iter().skip(after).collect(),
            head: i64::try_from(head).unwrap(),
            tail: 1,
        }))
    }
}
