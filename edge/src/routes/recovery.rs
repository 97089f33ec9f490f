//! `/api/auth/password` and `/api/SSO/password`: forgotten passwords.

use axum::response::Response;
use proto::identity::v1::{
    RequestResetRequest, ResetPasswordRequest, password_service_client::PasswordServiceClient,
};

use crate::{
    errors::{Failure, Shape, Wording},
    exchange::Exchange,
    input::Check,
};

/// The longest "id" of a link, in characters.
const SELECTOR: usize = 1000;

/// The longest token of a link.
const TOKEN: usize = 255;

/// The longest password.
const PASSWORD: usize = 191;

const ASKING: Wording = Wording::GENERAL.missing(Shape::Empty, "El correo no esta registrado.");

const RESETTING: Wording = Wording::GENERAL.fields(&[
    ("token", "RESET_TOKEN", "Token invalido."),
    (
        "password",
        "TOO_SHORT",
        "La contrasena debe tener al menos 8 caracteres.",
    ),
    (
        "password",
        "TOO_LONG",
        "La contrasena no debe superar 191 caracteres.",
    ),
    ("password", "COMMON", "La contrasena es demasiado comun."),
    (
        "password",
        "PERSONAL",
        "La contrasena no debe ser el correo ni el nombre del usuario.",
    ),
]);

fn client(exchange: &Exchange) -> PasswordServiceClient<chassis::Upstream> {
    PasswordServiceClient::new(exchange.app.upstreams.identity.clone())
}

/// POST auth/password/forgot.
pub async fn forgot(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let email = check.field("email").required().email();
    let domain = check.field("domain").text(TOKEN);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;
    let asked = RequestResetRequest {
        email,
        domain,
        client_ip: exchange.client_ip(),
        idempotency_key,
        ..RequestResetRequest::default()
    };
    ask(&exchange, asked).await?;
    Ok(exchange.done("Correo de recuperacion enviado."))
}

/// POST SSO/password/forgot. It answers the same whether somebody has the address
/// or not.
pub async fn forgot_sso(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let product = check.field("product").required().text(100);
    let email = check.field("email").required().email();
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;
    let asked = RequestResetRequest {
        email,
        product,
        client_ip: exchange.client_ip(),
        idempotency_key,
        ..RequestResetRequest::default()
    };
    ask(&exchange, asked).await?;
    Ok(exchange.done("Si el correo existe, se ha enviado un enlace."))
}

async fn ask(exchange: &Exchange, asked: RequestResetRequest) -> Result<(), Failure> {
    client(exchange)
        .request_reset(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &ASKING))?;
    Ok(())
}

/// POST auth/password/reset.
pub async fn reset(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let sent = parts(&mut check);
    let email = check.field("email").required().text(PASSWORD);
    check.done()?;
    let sent = ResetPasswordRequest {
        email: Some(email),
        ..sent
    };
    set(&exchange, sent).await
}

/// POST SSO/password/reset.
pub async fn reset_sso(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let product = check.field("product").required().text(100);
    let sent = parts(&mut check);
    check.done()?;
    set(&exchange, ResetPasswordRequest { product, ..sent }).await
}

/// The parts of the link, and the new password twice.
fn parts(check: &mut Check<'_>) -> ResetPasswordRequest {
    let selector = check.field("id").required().text(SELECTOR);
    let token = check.field("token").required().text(TOKEN);
    let password = check.field("password").required().text(PASSWORD);
    let confirmation = check.field("password_confirmation");
    let confirmation = confirmation.required().text(PASSWORD);
    if !password.is_empty() && !confirmation.is_empty() && password != confirmation {
        check.fail("password", "La confirmacion de la contrasena no coincide.");
    }
    ResetPasswordRequest {
        selector,
        token,
        password,
        ..ResetPasswordRequest::default()
    }
}

async fn set(exchange: &Exchange, sent: ResetPasswordRequest) -> Result<Response, Failure> {
    let sent = ResetPasswordRequest {
        client_ip: exchange.client_ip(),
        ..sent
    };
    client(exchange)
        .reset_password(exchange.call()?.request(sent))
        .await
        .map_err(|status| exchange.refused(&status, &RESETTING))?;
    Ok(exchange.done("Contrasena restablecida correctamente."))
}
