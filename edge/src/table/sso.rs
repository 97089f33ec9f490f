//! The operations of the single sign-on and mail document. The one path that
//! both documents name is a row of the other file.

use super::{Audit, Credentials as Who, Envelope as Shape, Family, Operation, Rate, Verb};

const fn post(path: &'static str, who: Who) -> Operation {
    Operation::new(Verb::Post, path, who, Family::Failed)
}

/// The largest mail: text, HTML and headers; attachments come by reference.
const MAIL_BODY: usize = 4 * 1024 * 1024;

/// The rows, in the order of the document.
pub static OPERATIONS: &[Operation] = &[
    post("/api/SSO/password/forgot", Who::SignIn)
        .repeatable()
        .rate(Rate::Guessable)
        .audit(Audit::Security),
    post("/api/SSO/password/reset", Who::SignIn)
        .rate(Rate::Guessable)
        .audit(Audit::Security),
    post("/api/correo/save", Who::Client)
        .repeatable()
        .answers(Shape::Bare)
        .body(MAIL_BODY),
    post("/api/SSO/ADI/setToken", Who::Client)
        .repeatable()
        .audit(Audit::Security),
    post("/api/SSO/ADI/generateToken", Who::Client)
        .repeatable()
        .audit(Audit::Security),
    post("/api/SSO/ADI/Token", Who::Client)
        .rate(Rate::SignIn)
        .audit(Audit::Security),
    post("/api/SSO/access", Who::SignIn)
        .own_id_as_text()
        .rate(Rate::SignIn)
        .audit(Audit::Security),
    Operation::new(
        Verb::Get,
        "/api/SSO/refreshUserToken",
        Who::ClientAndUser,
        Family::Failed,
    )
    .own_id_as_text()
    .audit(Audit::Security),
    post("/api/UsuarioInterno/get", Who::Client).audit(Audit::Security),
    post(
        "/api/Synology/BotAsistencia/configurarIdUsuario",
        Who::Public,
    )
    .rate(Rate::Webhook),
];
