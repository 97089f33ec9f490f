//! The gRPC surface: decode, call, encode.

use auth::{Caller, CompanyId, Role};
use chassis::Clock;
use idempotency::{Asked, Begun, Keys};
use proto::{
    events::v1::FramePublished,
    realtime::v1::{
        AuthenticateUserRequest, AuthenticateUserResponse, AuthorizeChannelRequest,
        AuthorizeChannelResponse, ClientUser, EventClass, ListChannelsRequest,
        ListChannelsResponse, ListPresenceRequest, ListPresenceResponse, Member, OccupiedChannel,
        PublishRequest, PublishResponse, TerminateUserRequest, TerminateUserResponse,
        realtime_service_server::RealtimeService, target,
    },
};
use sqlx::PgPool;
use std::sync::Arc;
use tonic::{Request, Response, Status};

use crate::{
    Error,
    access::Access,
    apps::{App, Apps},
    frames::{Frame, Publisher},
    hub::Hub,
    names::Target,
    presence::Presence,
    protocol::{self, LARGEST_DATA, LONGEST_EVENT},
};

/// The RPCs of this service.
pub struct Rpc {
    /// The apps.
    pub apps: Apps,
    /// Where events go.
    pub publisher: Publisher,
    /// What may be published again.
    pub keys: Keys,
    /// The time.
    pub clock: Clock,
    /// Connections to the database.
    pub pool: PgPool,
    /// Who may listen.
    pub access: Access,
    /// Who is where.
    pub presence: Presence,
    /// The sockets of this process.
    pub hub: Arc<Hub>,
}

impl Rpc {
    /// The app of the company that the caller works for. `asked` selects one for
    /// callers that are not bound to a company; 0 selects none.
    async fn app(&self, caller: &Caller, asked: i64) -> Result<App, Error> {
        let company = CompanyId::present(asked).or_else(|| caller.home_company());
        let company = company.ok_or(Error::Field {
            field: "company_id",
            problem: "is needed from callers without a company",
        })?;
        if !caller.scope().contains(company) {
            return Err(Error::Forbidden("the company is not the caller's"));
        }
        self.apps.of_company(company).await
    }
}

#[tonic::async_trait]
impl RealtimeService for Rpc {
    async fn publish(
        &self,
        request: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let token = token(&request)?;
        let mut asked = request.into_inner();
        let key = std::mem::take(&mut asked.idempotency_key);
        // After a connection was lost, its socket has another id.
        let except_socket_id = std::mem::take(&mut asked.except_socket_id);
        let keyed = Asked::new(&caller, "Publish", &key, &asked).map_err(Error::from)?;
        let class = asked.class();
        let target = target_of(asked.target)?;
        let logical_name = target.logical().map_err(Error::from)?;
        let frame = Frame {
            wire: target.wire().map_err(Error::from)?,
            event: event_name(asked.event)?,
            data_json: json_text(asked.data_json)?,
            except_socket_id: except(except_socket_id)?,
        };
        let app = self.app(&caller, asked.company_id).await?;
        self.access.check_room(&caller, &token, &target).await?;
        let whispered = match class {
            EventClass::Ephemeral => Some(ephemeral(app.id, frame.clone())),
            EventClass::Unspecified | EventClass::Durable => None,
        };
        let now = self.clock.now();
        let begun = self.keys.begin(&self.pool, now, keyed).await;
        let mut work = match begun.map_err(Error::from)? {
            Begun::Answered(answer) => return Ok(Response::new(answer)),
            Begun::Work(work) => work,
        };
        let offset = match whispered {
            Some(_) => 0,
            None => self.publisher.publish(work.db(), &app, frame).await?,
        };
        let answer = PublishResponse {
            logical_name,
            offset,
        };
        work.commit(&answer).await.map_err(Error::from)?;
        // Nobody misses a whisper that a crash swallows here.
        if let Some(whispered) = whispered {
            self.publisher.whisper(&whispered).await?;
        }
        Ok(Response::new(answer))
    }

    async fn authorize_channel(
        &self,
        request: Request<AuthorizeChannelRequest>,
    ) -> Result<Response<AuthorizeChannelResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let token = token(&request)?;
        let AuthorizeChannelRequest {
            socket_id,
            channel_name,
        } = request.into_inner();
        let app = self.app(&caller, 0).await?;
        let grant = self
            .access
            .channel(&app, &caller, &token, &socket_id, &channel_name)
            .await?;
        Ok(Response::new(AuthorizeChannelResponse {
            auth: grant.auth,
            channel_data: grant.data,
        }))
    }

    async fn authenticate_user(
        &self,
        request: Request<AuthenticateUserRequest>,
    ) -> Result<Response<AuthenticateUserResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let AuthenticateUserRequest { socket_id } = request.into_inner();
        let app = self.app(&caller, 0).await?;
        let grant = self.access.user(&app, &caller, &socket_id)?;
        Ok(Response::new(AuthenticateUserResponse {
            auth: grant.auth,
            user_data: grant.data,
        }))
    }

    async fn list_channels(
        &self,
        request: Request<ListChannelsRequest>,
    ) -> Result<Response<ListChannelsResponse>, Status> {
        let app = self.app(auth::caller(&request)?, 0).await?;
        let prefix = request.into_inner().prefix;
        let channels = self
            .hub
            .occupied(app.id)
            .into_iter()
            .filter(|(wire, _)| wire.as_str().starts_with(&prefix))
            .map(|(wire, subscriptions)| OccupiedChannel {
                wire_name: wire.to_string(),
                subscriptions: u32::try_from(subscriptions).unwrap_or(u32::MAX),
            })
            .collect();
        Ok(Response::new(ListChannelsResponse { channels }))
    }

    async fn list_presence(
        &self,
        request: Request<ListPresenceRequest>,
    ) -> Result<Response<ListPresenceResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let token = token(&request)?;
        let target = target_of(request.into_inner().target)?;
        if !target.is_presence() {
            return Err(Error::Field {
                field: "target",
                problem: "must be a presence room",
            }
            .into());
        }
        let wire = target.wire().map_err(Error::from)?;
        let app = self.app(&caller, 0).await?;
        self.access.check_room(&caller, &token, &target).await?;
        let members = self.presence.members(app.id, &wire).await?;
        let members = members
            .into_iter()
            .map(|member| Member {
                user_id: member.user_id,
                info_json: member.info_json,
            })
            .collect();
        Ok(Response::new(ListPresenceResponse { members }))
    }

    async fn terminate_user(
        &self,
        request: Request<TerminateUserRequest>,
    ) -> Result<Response<TerminateUserResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let user = request.into_inner().user_id;
        if user <= 0 {
            return Err(Error::Field {
                field: "user_id",
                problem: "must be more than 0",
            }
            .into());
        }
        if !may_terminate(&caller, user) {
            return Err(Error::Forbidden("agents may close their own sockets only").into());
        }
        let app = self.app(&caller, 0).await?;
        self.publisher
            .terminate(app.id, app.company, &user.to_string())
            .await?;
        Ok(Response::new(TerminateUserResponse {}))
    }
}

/// Agents are not to send one another away.
fn may_terminate(caller: &Caller, user: i64) -> bool {
    caller
        .user
        .as_ref()
        .is_none_or(|own| own.role != Role::Chat || own.id.0 == user)
}

/// The context token of a call that passed the gate with it.
fn token<T>(request: &Request<T>) -> Result<String, Status> {
    request
        .metadata()
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned)
        .ok_or_else(|| Status::unauthenticated("a context token is needed"))
}

fn target_of(target: Option<proto::realtime::v1::Target>) -> Result<Target, Error> {
    use target::Target as Wanted;
    let target = target.and_then(|target| target.target);
    Ok(match target {
        Some(Wanted::PublicChat(name)) => Target::PublicChat(name),
        Some(Wanted::PublicChannel(name)) => Target::PublicChannel(name),
        Some(Wanted::PrivateUser(user)) => Target::PrivateUser(user),
        Some(Wanted::PrivateClient(customer)) => Target::PrivateClient(customer),
        Some(Wanted::ClientUser(ClientUser {
            customer_id,
            user_id,
        })) => Target::ClientUser {
            customer: customer_id,
            user: user_id,
        },
        Some(Wanted::PresenceChat(room)) => Target::PresenceChat(room),
        Some(Wanted::PresenceSupport(room)) => Target::PresenceSupport(room),
        None => {
            return Err(Error::Field {
                field: "target",
                problem: "is needed",
            });
        }
    })
}

/// Names of the protocol itself are not for publishers.
fn event_name(event: String) -> Result<String, Error> {
    let fits = (1..=LONGEST_EVENT).contains(&event.chars().count());
    if fits
        && !event.chars().any(char::is_control)
        && !event.starts_with("pusher:")
        && !event.starts_with("pusher_internal:")
    {
        return Ok(event);
    }
    Err(Error::Field {
        field: "event",
        problem: "must have 1 to 200 characters and not belong to the protocol",
    })
}

fn except(socket_id: String) -> Result<String, Error> {
    if socket_id.is_empty() || protocol::is_socket_id(&socket_id) {
        return Ok(socket_id);
    }
    Err(Error::Field {
        field: "except_socket_id",
        problem: "must be two numbers with a dot between them",
    })
}

fn json_text(text: String) -> Result<String, Error> {
    let field = "data_json";
    if text.len() > LARGEST_DATA {
        return Err(Error::Field {
            field,
            problem: "must not be larger than 10 KiB",
        });
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
        return Err(Error::Field {
            field,
            problem: "must be JSON",
        });
    }
    Ok(text)
}

fn ephemeral(app_id: i64, frame: Frame) -> FramePublished {
    FramePublished {
        app_id,
        wire_name: frame.wire.to_string(),
        event: frame.event,
        data_json: frame.data_json,
        except_socket_id: frame.except_socket_id,
        offset: 0,
        user_id: String::new(),
    }
}
