//! `/api/UsuarioInterno`: the staff of the operator of the platform.

use axum::response::Response;
use prost_types::Timestamp;
use proto::identity::v1::{
    FindInternalUsersRequest, InternalUser, internal_user_service_client::InternalUserServiceClient,
};
use serde::Serialize;

use crate::{
    errors::{Failure, Wording},
    exchange::{Exchange, secret},
    input::LINE,
};

const NEEDED: &str = "Debe enviar al menos uno de los campos user, email o departamento.";

const WORDING: Wording = Wording::GENERAL.fields(&[("user", "REQUIRED", NEEDED)]);

#[derive(Serialize)]
struct Row<'a> {
    id_usuario: i64,
    login: &'a str,
    nombre: &'a str,
    cedula: &'a str,
    tipo_usuario: &'a str,
    status: &'a str,
    accesos: &'a str,
    usuario: &'a str,
    correo: &'a str,
    ext: &'a str,
    acceso_ticket: &'static str,
    fk_id_departamento: i64,
    fk_id_rol: i64,
    rol: &'a str,
    jefe: u8,
    movil: &'a str,
    ultimo_acceso: Option<String>,
    ip_address: Option<&'a str>,
    accesos_sistemas: String,
    id_synology: Option<i64>,
}

/// POST UsuarioInterno/get.
pub async fn get(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let login = check.field("user").text_if_sent(LINE);
    let email = Some(check.field("email").email()).filter(|email| !email.is_empty());
    let department_id = Some(check.field("departamento").id()).filter(|id| *id != 0);
    let sent = ["user", "email", "departamento"].map(|name| exchange.input.get(name).is_some());
    if !sent.contains(&true) {
        check.fail("user", NEEDED);
    }
    check.done()?;

    let asked = FindInternalUsersRequest {
        login,
        email,
        department_id,
        internal_user_id: None,
    };
    let mut client = InternalUserServiceClient::new(exchange.app.upstreams.identity.clone())
        .max_decoding_message_size(crate::exchange::LARGEST_ANSWER);
    let users = client
        .find_internal_users(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner()
        .users;
    let message = format!("Obtenidos {} registros de usuarios.", users.len());
    let rows: Vec<_> = users.iter().map(row).collect();
    // Personal data stays with whoever asked for it.
    Ok(secret(exchange.answer(&message, &rows)))
}

fn row(user: &InternalUser) -> Row<'_> {
    Row {
        id_usuario: user.internal_user_id,
        login: &user.login,
        nombre: &user.name,
        cedula: &user.id_card,
        tipo_usuario: &user.user_type,
        status: &user.status,
        accesos: &user.accesses,
        usuario: &user.username,
        correo: &user.email,
        ext: &user.extension,
        acceso_ticket: if user.ticket_access { "S" } else { "N" },
        fk_id_departamento: user.department_id,
        fk_id_rol: user.role_id,
        rol: &user.role,
        jefe: u8::from(user.manager),
        movil: &user.mobile,
        ultimo_acceso: user.last_access_at.as_ref().and_then(written),
        ip_address: user.ip_address.as_deref(),
        accesos_sistemas: user.systems.join(","),
        id_synology: user.synology_id,
    }
}

/// A time in UTC as the documents write times.
fn written(at: &Timestamp) -> Option<String> {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let at = time::OffsetDateTime::from_unix_timestamp(at.seconds).ok()?;
    at.format(format).ok()
}
