//! Who is calling: the API client, the user, or both.

use std::time::Duration;

use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, DepartmentId, Role, SessionId,
    UserCaller, UserId,
};
use chassis::code::refusal;
use http::{HeaderMap, header::AUTHORIZATION};
use proto::identity::v1::{
    self as wire, AuthenticateBearerRequest, AuthenticateRequest, ClientPrincipal, UserPrincipal,
    authentication_service_client::AuthenticationServiceClient,
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

/// Checks what an operation demands. Where a client is demanded, a token that was
/// sent is judged as well, even if the operation would do without it; the client
/// is judged first. Public operations look at neither.
pub async fn check(
    app: &App,
    demanded: Credentials,
    headers: &HeaderMap,
    timeout: Duration,
) -> Result<Caller, Failure> {
    let anonymous = Caller::service(NAME);
    match demanded {
        Credentials::Public => Ok(anonymous),
        Credentials::Bearer => {
            let user = bearer_user(app, headers, timeout).await?;
            Ok(Caller {
                user: Some(user),
                ..anonymous
            })
        }
        Credentials::Legacy if !headers.contains_key(CONSUMO) && !headers.contains_key(SECRET) => {
            Err(Failure::Hidden)
        }
        Credentials::Client
        | Credentials::SignIn
        | Credentials::ClientAndUser
        | Credentials::Legacy => {
            let (client, user) = client_and_user(app, headers, timeout).await?;
            let needs_user = match demanded {
                Credentials::ClientAndUser => true,
                Credentials::SignIn => false,
                _ => client.authority == Authority::Delegated,
            };
            if needs_user && user.is_none() {
                return Err(Failure::Unauthenticated);
            }
            Ok(Caller {
                client: Some(client),
                user,
                ..anonymous
            })
        }
    }
}

async fn client_and_user(
    app: &App,
    headers: &HeaderMap,
    timeout: Duration,
) -> Result<(ClientCaller, Option<UserCaller>), Failure> {
    let (Some(consumo), Some(secret)) = (value(headers, CONSUMO), value(headers, SECRET)) else {
        return Err(Failure::ConsumerCredentials);
    };
    let asked = AuthenticateRequest {
        consumo,
        secret,
        bearer: bearer(headers).unwrap_or_default(),
    };
    let call = app.tokens.own_call(timeout)?;
    let answer = identity(app)
        .authenticate(call.request(asked))
        .await
        .map_err(|status| refused(&status))?
        .into_inner();
    let client = answer.client.ok_or_else(|| nonsense("no client"))?;
    let user = answer.user.map(user).transpose()?;
    Ok((client_caller(client)?, user))
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
fn bearer(headers: &HeaderMap) -> Option<String> {
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
