//! Knows the user, the systems and the member of the staff that the documents'
//! examples of single sign-on name.

use chassis::ErrorCode;
use proto::identity::v1::{
    AccessMode, AccessRequest, AccessResponse, FindInternalUsersRequest, FindInternalUsersResponse,
    GenerateTokenRequest, GenerateTokenResponse, InternalUser, RedeemTokenRequest,
    RedeemTokenResponse, RefreshAccessRequest, RefreshAccessResponse, SetSystemTokenRequest,
    SetSystemTokenResponse, SsoUser,
    adi_service_server::{AdiService, AdiServiceServer},
    internal_user_service_server::{InternalUserService, InternalUserServiceServer},
    sso_service_server::{SsoService, SsoServiceServer},
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Shared, refusal, wrong};

struct Fake(Shared);

pub fn add(routes: Routes, world: &Shared) -> Routes {
    routes
        .add_service(SsoServiceServer::new(Fake(world.clone())))
        .add_service(AdiServiceServer::new(Fake(world.clone())))
        .add_service(InternalUserServiceServer::new(Fake(world.clone())))
}

const TOKEN: &str = "5|Abcdefghijklmnopqrstuvwxyz0123456789ABCD681a1eb6";

fn user() -> SsoUser {
    SsoUser {
        user_id: 139,
        code: String::new(),
        name: "Operador Tres Prueba".into(),
        email: "operador3@example.com".into(),
        phone: "+50600000003".into(),
    }
}

fn product(alias: &str) -> Result<(), Status> {
    match alias {
        "dolores" | "est" => Ok(()),
        _ => Err(wrong("product", "NOT_REGISTERED")),
    }
}

#[tonic::async_trait]
impl SsoService for Fake {
    async fn access(
        &self,
        request: Request<AccessRequest>,
    ) -> Result<Response<AccessResponse>, Status> {
        self.0.note("Access", &request)?;
        let asked = request.into_inner();
        product(&asked.product)?;
        let right = match asked.mode() {
            AccessMode::Pin => asked.pin == "482915" && asked.device_id == 82,
            _ => asked.password == "Secret123",
        };
        if asked.user != "dnunez@example.com" || !right {
            return Err(refusal(ErrorCode::Unauthenticated, "LOGIN_CREDENTIALS"));
        }
        Ok(Response::new(AccessResponse {
            token: TOKEN.into(),
            user: Some(user()),
        }))
    }

    async fn refresh_access(
        &self,
        request: Request<RefreshAccessRequest>,
    ) -> Result<Response<RefreshAccessResponse>, Status> {
        self.0.note("RefreshAccess", &request)?;
        let asked = request.into_inner();
        product(&asked.product)?;
        if asked.token != crate::harness::AGENT {
            return Err(refusal(ErrorCode::Unauthenticated, "BEARER_TOKEN"));
        }
        Ok(Response::new(RefreshAccessResponse {
            token: TOKEN.into(),
            user: Some(user()),
        }))
    }
}

#[tonic::async_trait]
impl AdiService for Fake {
    async fn set_system_token(
        &self,
        request: Request<SetSystemTokenRequest>,
    ) -> Result<Response<SetSystemTokenResponse>, Status> {
        self.0.note("SetSystemToken", &request)?;
        let asked = request.into_inner();
        let created = asked.system == "Local1";
        let token = if created || asked.rotate {
            "<string del token generado para consumo del SSO>"
        } else {
            ""
        };
        Ok(Response::new(SetSystemTokenResponse {
            system: asked.system,
            created,
            token: token.into(),
            active: asked.active.unwrap_or(true),
        }))
    }

    async fn generate_token(
        &self,
        request: Request<GenerateTokenRequest>,
    ) -> Result<Response<GenerateTokenResponse>, Status> {
        self.0.note("GenerateToken", &request)?;
        let asked = request.into_inner();
        if asked.system != "factura_profesional" || asked.system_token != "activo" {
            return Err(refusal(ErrorCode::Unauthenticated, "SYSTEM_CREDENTIALS"));
        }
        Ok(Response::new(GenerateTokenResponse {
            token: "<base64 generado>".into(),
        }))
    }

    async fn redeem_token(
        &self,
        request: Request<RedeemTokenRequest>,
    ) -> Result<Response<RedeemTokenResponse>, Status> {
        self.0.note("RedeemToken", &request)?;
        let asked = request.into_inner();
        let expected = asked.system.is_none_or(|system| system == "Local");
        if asked.token != "<base64 generado>" || !expected {
            return Err(refusal(ErrorCode::Unauthenticated, "HANDOVER_TOKEN"));
        }
        Ok(Response::new(RedeemTokenResponse {
            username: "dnunez".into(),
            email: "dnunez@example.com".into(),
            system: "Local".into(),
        }))
    }
}

#[tonic::async_trait]
impl InternalUserService for Fake {
    async fn find_internal_users(
        &self,
        request: Request<FindInternalUsersRequest>,
    ) -> Result<Response<FindInternalUsersResponse>, Status> {
        self.0.note("FindInternalUsers", &request)?;
        let found = request.into_inner().login.as_deref() == Some("dnunez");
        Ok(Response::new(FindInternalUsersResponse {
            users: found.then(internal_user).into_iter().collect(),
        }))
    }
}

fn internal_user() -> InternalUser {
    InternalUser {
        internal_user_id: 2462,
        login: "dnunez".into(),
        name: "Operador Uno Prueba".into(),
        id_card: "0-0000-0000".into(),
        user_type: "operador".into(),
        status: "ACTIVO".into(),
        accesses: String::new(),
        username: "dnunez".into(),
        email: "dnunez@example.com".into(),
        extension: " 151".into(),
        ticket_access: false,
        department_id: 1,
        role_id: 21,
        role: "desarrollo".into(),
        manager: false,
        mobile: "+506.00000001".into(),
        last_access_at: None,
        ip_address: None,
        systems: [
            "app.planillaprofesional.com",
            "atencionprofesional.com",
            "facturaprofesional.com",
            "mycr.ws",
            "smsempresarial.com",
        ]
        .map(str::to_owned)
        .to_vec(),
        synology_id: Some(120),
    }
}
