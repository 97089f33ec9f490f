//! Who calls, and how tests sign in from elsewhere.

use auth::{
    Authority, Caller, ClientCaller, ClientId, CompanyId, Role, SessionId, UserCaller, UserId,
};
use chassis::{Upstream, code::Refusal};
use proto::identity::v1::{
    LoginRequest, LoginResponse, LoginWithPinRequest, LoginWithPinResponse,
    password_service_client::PasswordServiceClient,
};

use crate::rig::{PLATFORM, Rig, answer, platform_client};

/// The edge on behalf of an API client.
pub fn through(client: ClientCaller) -> Caller {
    Caller {
        client: Some(client),
        ..Caller::service("edge")
    }
}

/// A front end in a browser.
pub fn browser_client() -> ClientCaller {
    ClientCaller {
        id: ClientId(1),
        authority: Authority::Delegated,
        company: None,
        scopes: Vec::new(),
    }
}

/// An address in the n-th network.
pub fn address(network: usize) -> String {
    format!("10.{}.{}.7", network / 256, network % 256)
}

pub fn passwords(rig: &Rig) -> PasswordServiceClient<Upstream> {
    PasswordServiceClient::new(rig.upstream.clone())
}

/// Logs in by password from an address, on a device or 0.
pub async fn login_from(
    rig: &Rig,
    client_ip: &str,
    email: &str,
    password: &str,
    device_id: i64,
) -> Result<LoginResponse, Refusal> {
    let request = LoginRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        device_id,
        client_ip: client_ip.to_owned(),
        ..LoginRequest::default()
    };
    let call = rig.call(&through(platform_client()));
    answer(rig.sessions().login(call.request(request)).await)
}

/// Logs in by PIN from an address.
pub async fn login_by_pin(
    rig: &Rig,
    client_ip: &str,
    email: &str,
    pin: &str,
    device_id: i64,
) -> Result<LoginWithPinResponse, Refusal> {
    let request = LoginWithPinRequest {
        email: email.to_owned(),
        pin: pin.to_owned(),
        device_id,
        client_ip: client_ip.to_owned(),
        ..LoginWithPinRequest::default()
    };
    let call = rig.call(&through(platform_client()));
    answer(rig.sessions().login_with_pin(call.request(request)).await)
}

/// The edge on behalf of the user of a token.
pub async fn user_of(rig: &Rig, token: &str) -> Caller {
    let admitted = rig.authenticate(PLATFORM, token).await.unwrap();
    let user = admitted.user.unwrap();
    Caller {
        user: Some(UserCaller {
            id: UserId(user.user_id),
            name: user.name,
            role: Role::of(i16::try_from(user.role).unwrap()).unwrap(),
            company: CompanyId(user.company_id),
            department: None,
            session: SessionId(user.session_id.parse().unwrap()),
        }),
        ..through(platform_client())
    }
}

/// How many security events of a kind there are.
pub async fn events(rig: &Rig, kind: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM identity.security_event WHERE kind = $1")
        .bind(kind)
        .fetch_one(&rig.pool)
        .await
        .unwrap()
}
