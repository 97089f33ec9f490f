//! Who is calling: the API client, the user, or both.

mod allowed;

use std::{net::IpAddr, time::Duration};

use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, DepartmentId, Role, SessionId,
    UserCaller, UserId,
};
use chassis::code::refusal;
use http::{HeaderMap, header::AUTHORIZATION};
use proto::identity::v1::{
    self as wire, ApiClientLimits, AuthenticateBearerRequest, AuthenticateRequest, ClientPrincipal,
    UserPrincipal, authentication_service_client::AuthenticationServiceClient,
};
use tonic::{Code, Status};

use crate::{
    App,
    errors::{Failure, Wording},
    input::Language,
    table::Credentials,
    tokens::NAME,
};

const CONSUMO: &str = "x-user-consumo";
const SECRET: &str = "x-user-secret";

/// What a request has to be checked for.
pub struct Asked<'a> {
    /// What the operation demands.
    pub demanded: Credentials,
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// Where it comes from, if that is known.
    pub address: Option<IpAddr>,
    /// How long the check may take.
    pub timeout: Duration,
}

/// Checks what an operation demands. Where a client is demanded, a token that was
/// sent is judged as well, even if the operation would do without it; the client
/// is judged first. Public operations look at neither. Answers the caller, and how
/// much its client may call.
pub async fn check(app: &App, asked: &Asked<'_>) -> Result<(Caller, ApiClientLimits), Failure> {
    let anonymous = Caller::service(NAME);
    let no_limits = ApiClientLimits::default();
    let headers = asked.headers;
    match asked.demanded {
        Credentials::Public => Ok((anonymous, no_limits)),
        Credentials::Bearer => {
            let user = bearer_user(app, headers, asked.timeout).await?;
            let caller = Caller {
                user: Some(user),
                ..anonymous
            };
            Ok((caller, no_limits))
        }
        Credentials::Legacy if !headers.contains_key(CONSUMO) && !headers.contains_key(SECRET) => {
            Err(Failure::Hidden)
        }
        Credentials::Client
        | Credentials::SignIn
        | Credentials::ClientAndUser
        | Credentials::Legacy => {
            let (client, user) = client_and_user(app, asked).await?;
            let limits = client.limits.unwrap_or_default();
            let client = client_caller(client)?;
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
            Ok((caller, limits))
        }
    }
}

async fn client_and_user(
    app: &App,
    asked: &Asked<'_>,
) -> Result<(ClientPrincipal, Option<UserCaller>), Failure> {
    let headers = asked.headers;
    let (Some(consumo), Some(secret)) = (value(headers, CONSUMO), value(headers, SECRET)) else {
        return Err(Failure::ConsumerCredentials);
    };
    let credentials = AuthenticateRequest {
        consumo,
        secret,
        bearer: bearer(headers).unwrap_or_default(),
    };
    let call = app.tokens.own_call(asked.timeout)?;
    let mut identity = identity(app);
    let answered = identity
        .authenticate(call.request(credentials.clone()))
        .await;
    let (answer, wrong_user) = match answered {
        // The address of the client comes before the token of the user.
        Err(status) if refusal(&status).reason == "BEARER_TOKEN" => {
            let alone = AuthenticateRequest {
                bearer: String::new(),
                ..credentials
            };
            (identity.authenticate(call.request(alone)).await, true)
        }
        answered => (answered, false),
    };
    let answer = answer.map_err(|status| refused(&status))?.into_inner();
    let client = answer.client.ok_or_else(|| nonsense("no client"))?;
    allowed::check(&client, asked.address)?;
    if wrong_user {
        return Err(Failure::Unauthenticated);
    }
    let user = answer.user.map(user).transpose()?;
    Ok((client, user))
}

async fn bearer_user(
    app: &App,
    headers: &HeaderMap,
    timeout: Duration,
) -> Result<UserCaller, Failure> {
    let bearer = bearer(headers).ok_or(Failure::Unauthenticated)?;
    let call = app.tokens.own_call(timeout)?;
    let answer = identity(app)
        .authenticate_bearer(call.request(AuthenticateBearerRequest { bearer }))
        .await
        .map_err(|status| refused(&status))?
        .into_inner();
    user(answer.user.ok_or_else(|| nonsense("no user"))?)
}

/// Says whether identity answers at all.
pub async fn identity_answers(app: &App, call: &Call) -> bool {
    let asked = call.request(AuthenticateBearerRequest::default());
    match identity(app).authenticate_bearer(asked).await {
        Ok(_) => true,
        // A refusal of the empty token is an answer; one of ours is not.
        Err(status) => {
            status.code() == Code::Unauthenticated && !refusal(&status).reason.is_empty()
        }
    }
}

fn identity(app: &App) -> AuthenticationServiceClient<chassis::Upstream> {
    AuthenticationServiceClient::new(app.upstreams.identity.clone())
}

fn refused(status: &Status) -> Failure {
    match refusal(status).reason.as_str() {
        "CLIENT_CREDENTIALS" => Failure::ConsumerCredentials,
        _ => Failure::of(status, &Wording::GENERAL, Language::Spanish),
    }
}

/// A header that was sent with something in it.
fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The bearer token; another scheme is none of ours.
pub fn bearer(headers: &HeaderMap) -> Option<String> {
    let header = value(headers, AUTHORIZATION.as_str())?;
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

fn client_caller(client: ClientPrincipal) -> Result<ClientCaller, Failure> {
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
        scopes: client.scopes,
    })
}

fn user(user: UserPrincipal) -> Result<UserCaller, Failure> {
    let role = match user.role() {
        wire::Role::Super => Role::Super,
        wire::Role::Admin => Role::Admin,
        wire::Role::Chat => Role::Chat,
        wire::Role::Unspecified => return Err(nonsense("no role")),
    };
    let session = user
        .session_id
        .parse()
        .map_err(|_| nonsense("no session"))?;
    Ok(UserCaller {
        id: UserId(user.user_id),
        name: user.name,
        role,
        company: CompanyId(user.company_id),
        department: DepartmentId::present(user.department_id),
        session: SessionId(session),
    })
}

fn nonsense(what: &'static str) -> Failure {
    tracing::error!(what, "identity answered a principal that makes no sense");
    Failure::internal()
}
