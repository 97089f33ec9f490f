//! Knows five API clients, user 7 and how user 15 signs in.

use chassis::ErrorCode;
use proto::identity::v1::{
    ApiClientLimits, AuthenticateBearerRequest, AuthenticateBearerResponse, AuthenticateRequest,
    AuthenticateResponse, Authority, ClientPrincipal, IntrospectRequest, IntrospectResponse,
    KeyUse, ListPublicKeysRequest, ListPublicKeysResponse, LoginRequest, LoginResponse,
    LoginWithPinRequest, LoginWithPinResponse, LogoutRequest, LogoutResponse, PublicKey,
    RefreshRequest, RefreshResponse, Role, SessionUser, UserPrincipal,
    authentication_service_server::{AuthenticationService, AuthenticationServiceServer},
    key_service_server::{KeyService, KeyServiceServer},
    revocation_service_server::{RevocationService, RevocationServiceServer},
    session_service_server::{SessionService, SessionServiceServer},
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Shared, passwords, refusal};
use crate::harness::{AGENT, JUAN};

struct Fake(Shared);

pub fn routes(world: &Shared) -> Routes {
    let routes = Routes::new(AuthenticationServiceServer::new(Fake(world.clone())))
        .add_service(SessionServiceServer::new(Fake(world.clone())))
        .add_service(RevocationServiceServer::new(Fake(world.clone())))
        .add_service(KeyServiceServer::new(Fake(world.clone())))
        .add_service(super::users::service(world))
        .add_service(passwords::service(world));
    super::sso::add(routes, world)
}

fn client(consumo: &str, secret: &str) -> Option<ClientPrincipal> {
    let (client_id, authority, company_id) = match consumo {
        "UsuarioPrueba" => (1, Authority::Platform, 3),
        "EmpresaDemo" => (2, Authority::Company, 3),
        "Frente" => (3, Authority::Delegated, 0),
        "Fijo" => (4, Authority::Company, 3),
        "Medido" => (5, Authority::Company, 3),
        _ => return None,
    };
    (secret == "secret").then(|| ClientPrincipal {
        ip_allow: if consumo == "Fijo" {
            vec!["203.0.113.0/24".into()]
        } else {
            Vec::new()
        },
        limits: (consumo == "Medido").then_some(ApiClientLimits {
            requests_per_minute: 60,
            burst: 2,
            requests_per_day: 0,
        }),
        secret_expires_at: None,
        client_id,
        consumo: consumo.into(),
        authority: authority.into(),
        company_id,
        scopes: match authority {
            Authority::Platform => vec!["crm:read".into(), "mail:credentials".into()],
            _ => vec!["crm:read".into()],
        },
    })
}

fn user(bearer: &str) -> Result<UserPrincipal, Status> {
    let (user_id, name, email) = match bearer {
        AGENT => (7, "Agente 1", "agente1@empresa.com"),
        JUAN => (15, "Juan Perez", "juan@empresa.com"),
        _ => return Err(refusal(ErrorCode::Unauthenticated, "BEARER_TOKEN")),
    };
    Ok(UserPrincipal {
        user_id,
        name: name.into(),
        role: Role::Chat.into(),
        company_id: 3,
        department_id: 7,
        session_id: format!("0198c5a0-0000-7000-8000-{user_id:012}"),
        email: email.into(),
    })
}

fn only_the_edge<T>(request: &Request<T>) -> Result<(), Status> {
    if auth::caller(request)?.is_service("edge") {
        Ok(())
    } else {
        Err(refusal(ErrorCode::PermissionDenied, "NOT_THE_EDGE"))
    }
}

#[tonic::async_trait]
impl AuthenticationService for Fake {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        only_the_edge(&request)?;
        let asked = request.into_inner();
        let client = client(&asked.consumo, &asked.secret)
            .ok_or_else(|| refusal(ErrorCode::Unauthenticated, "CLIENT_CREDENTIALS"))?;
        let user = match asked.bearer.as_str() {
            "" => None,
            bearer => Some(user(bearer)?),
        };
        Ok(Response::new(AuthenticateResponse {
            head: 0,
            client: Some(client),
            user,
        }))
    }

    async fn authenticate_bearer(
        &self,
        request: Request<AuthenticateBearerRequest>,
    ) -> Result<Response<AuthenticateBearerResponse>, Status> {
        only_the_edge(&request)?;
        Ok(Response::new(AuthenticateBearerResponse {
            user: Some(user(&request.into_inner().bearer)?),
        }))
    }
}

#[tonic::async_trait]
impl SessionService for Fake {
    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        self.0.note("Login", &request)?;
        let asked = request.into_inner();
        if asked.email != "juan@empresa.com" || asked.password != "Secret123" {
            return Err(refusal(ErrorCode::Unauthenticated, "LOGIN_FAILED"));
        }
        Ok(Response::new(LoginResponse {
            token: "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...".into(),
            user: Some(SessionUser {
                user_id: 15,
                name: "Juan Perez".into(),
                email: asked.email,
                phone: String::new(),
            }),
        }))
    }

    async fn refresh(
        &self,
        request: Request<RefreshRequest>,
    ) -> Result<Response<RefreshResponse>, Status> {
        self.0.note("Refresh", &request)?;
        Ok(Response::new(RefreshResponse {
            token: "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...".into(),
            user: None,
        }))
    }

    async fn login_with_pin(
        &self,
        request: Request<LoginWithPinRequest>,
    ) -> Result<Response<LoginWithPinResponse>, Status> {
        self.0.note("LoginWithPin", &request)?;
        let asked = request.into_inner();
        let sent = (asked.email.as_str(), asked.pin.as_str(), asked.device_id);
        if sent != ("juan@empresa.com", "123456", 99) {
            return Err(refusal(ErrorCode::Unauthenticated, "LOGIN_FAILED"));
        }
        Ok(Response::new(LoginWithPinResponse {
            token: "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...".into(),
            user: Some(SessionUser {
                user_id: 15,
                name: "Juan Perez".into(),
                email: asked.email,
                phone: String::new(),
            }),
        }))
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        self.0.note("Logout", &request)?;
        Ok(Response::new(LogoutResponse {}))
    }
}

#[tonic::async_trait]
impl RevocationService for Fake {
    async fn introspect(
        &self,
        request: Request<IntrospectRequest>,
    ) -> Result<Response<IntrospectResponse>, Status> {
        only_the_edge(&request)?;
        let Ok(user) = user(&request.get_ref().token) else {
            return Ok(Response::new(IntrospectResponse::default()));
        };
        Ok(Response::new(IntrospectResponse {
            active: true,
            family_id: user.session_id.clone(),
            user: Some(user),
            client_id: 1,
            generation: 1,
            epoch: 0,
            expires_at: Some("2126-01-01T00:00:00Z".parse().unwrap()),
            head: 0,
        }))
    }
}

#[tonic::async_trait]
impl KeyService for Fake {
    async fn list_public_keys(
        &self,
        request: Request<ListPublicKeysRequest>,
    ) -> Result<Response<ListPublicKeysResponse>, Status> {
        only_the_edge(&request)?;
        let key = |id: &str, byte| PublicKey {
            key_id: id.into(),
            algorithm: "EdDSA".into(),
            public_key: vec![byte; 32].into(),
            r#use: KeyUse::Access.into(),
            issuer: "atencion".into(),
            not_before: None,
            not_after: None,
        };
        Ok(Response::new(ListPublicKeysResponse {
            keys: vec![key("present", 0), key("next", 255)],
            max_age_seconds: 300,
        }))
    }
}
