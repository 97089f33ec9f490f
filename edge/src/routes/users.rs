//! `/api/users`: who may log in.

mod pictures;

use axum::response::Response;
use chassis::{ErrorCode, code::refusal};
use http::StatusCode;
use proto::identity::v1::{
    CountUsersRequest, CreateUserRequest, GetUserRequest, ListUsersRequest, Role,
    UpdateUserRequest, UpdateUserStatusRequest, User, get_user_request::Selector,
    user_service_client::UserServiceClient,
};
use serde::Serialize;
use tonic::Status;

use crate::{
    envelope::{DONE, Page},
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, LARGEST_ANSWER, with_total},
    input::{Check, Paging},
};

pub use pictures::{remove as remove_picture, show as show_picture, upload as upload_picture};

const TYPE: &str = "El campo type debe ser 1, 2 o 3.";

const DEPARTMENT_REQUIRED: &str = "El campo department es obligatorio cuando se envia company.";

const WORDING: Wording = Wording::GENERAL
    .fields(&[
        (
            "company",
            "PLAN_LIMIT",
            "La empresa ya tiene los usuarios activos que permite su plan.",
        ),
        ("company", "", "La empresa indicada no existe."),
        ("department", "REQUIRED", DEPARTMENT_REQUIRED),
        (
            "department",
            "",
            "El departamento indicado no pertenece a la empresa.",
        ),
        ("email", "", "El campo email debe ser un correo valido."),
        (
            "password",
            "COMMON",
            "La contrasena indicada es demasiado comun.",
        ),
        (
            "password",
            "PERSONAL",
            "La contrasena no debe ser el correo ni el nombre del usuario.",
        ),
        (
            "password",
            "",
            "La contrasena debe tener entre 8 y 191 caracteres.",
        ),
        ("pic", "TYPE_UNKNOWN", pictures::TYPE_UNKNOWN),
        ("pic", "TOO_MANY_PIXELS", pictures::TOO_MANY_PIXELS),
        ("pic", "", pictures::BROKEN),
    ])
    .missing(Shape::Empty, "El usuario indicado no existe.");

const SWITCHING: Wording = WORDING.missing(Shape::Empty, "El usuario especificado no existe.");

/// A user as most operations show it.
#[derive(Serialize)]
struct Row {
    id: i64,
    #[serde(flatten)]
    details: Details,
}

/// The same under the name that one operation gives the id.
#[derive(Serialize)]
struct Shown {
    id_user: i64,
    #[serde(flatten)]
    details: Details,
}

#[derive(Serialize)]
struct Details {
    name: String,
    email: String,
    company: i64,
    department: Option<i64>,
    r#type: String,
    state: u8,
}

impl From<User> for Details {
    fn from(user: User) -> Self {
        Self {
            r#type: i32::from(user.role()).to_string(),
            name: user.name,
            email: user.email,
            company: user.company_id,
            department: Some(user.department_id).filter(|department| *department != 0),
            state: user.active.into(),
        }
    }
}

impl From<User> for Row {
    fn from(user: User) -> Self {
        Self {
            id: user.user_id,
            details: user.into(),
        }
    }
}

#[derive(Serialize)]
struct Figures {
    total: i64,
    activos: i64,
    inactivos: i64,
}

#[derive(Serialize)]
struct Switched {
    id_user: i64,
    status: u8,
}

fn client(exchange: &Exchange) -> UserServiceClient<chassis::Upstream> {
    UserServiceClient::new(exchange.app.upstreams.identity.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
}

/// What a refusal of identity means on these routes.
fn refused(exchange: &Exchange, status: &Status, wording: &Wording) -> Failure {
    let why = refusal(status);
    match (why.code, why.reason.as_str()) {
        (ErrorCode::AlreadyExists, "EMAIL_TAKEN") => {
            Failure::field("email", "El correo indicado ya esta registrado.")
        }
        (ErrorCode::NotFound, "PICTURE") => {
            Failure::said(StatusCode::NOT_FOUND, pictures::NO_PICTURE)
        }
        (ErrorCode::TooLarge, _) => Failure::field("pic", pictures::TOO_LARGE),
        _ => exchange.refused(status, wording),
    }
}

/// The documented number of a role; 0 when none was sent.
fn role(check: &mut Check<'_>, field: &'static str, required: bool) -> Role {
    let mut field = check.field(field).saying(TYPE);
    if required {
        field = field.required();
    }
    let number = i32::try_from(field.integer(1..=3)).unwrap_or_default();
    Role::try_from(number).unwrap_or_default()
}

/// A new password, which must have been written twice.
fn password(check: &mut Check<'_>, exchange: &Exchange) -> Option<String> {
    let password = check.field("password").text_if_sent(191)?;
    if !password.is_empty() && exchange.input.text("password_confirmation") != password {
        check.fail("password", "La confirmacion de la contrasena no coincide.");
    }
    Some(password)
}

/// POST users/store.
pub async fn store(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let name = check.field("name").required().text(191);
    let code = check.field("code").digits_or_text(191);
    let email = check.field("email").required().email();
    let phone = check.field("phone").digits_or_text(191);
    let role = role(&mut check, "type", true);
    check.field("password").required();
    let password = password(&mut check, &exchange).unwrap_or_default();
    check.field("password_confirmation").required();
    let picture = pictures::sent(&exchange, &mut check);
    let company_id = check.field("company").required().id();
    let department_id = check.field("department").required().id();
    let active = check.field("state").switch();
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let staged_picture_id = match picture {
        Some(content) => pictures::stage(&exchange, company_id, content).await?,
        None => String::new(),
    };
    let asked = CreateUserRequest {
        name,
        code,
        email,
        phone,
        role: role.into(),
        password,
        company_id,
        department_id,
        active,
        staged_picture_id,
        idempotency_key,
    };
    let answer = client(&exchange)
        .create_user(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status, &WORDING))?
        .into_inner();
    let row = Row::from(answer.user.unwrap_or_default());
    Ok(exchange.created("Usuario creado correctamente.", &row))
}

/// POST users/list.
pub async fn list(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = check.paging(Paging::Optional);
    check.object("filters");
    let name = check.field("filters.name").text(191);
    let email = check.field("filters.email").text(191);
    let company_id = check.field("filters.id_company").id();
    let company_name = check.field("filters.company_name").text(191);
    let role = role(&mut check, "filters.type_user", false);
    let phone = check.field("filters.phone").digits_or_text(191);
    check.done()?;

    let asked = ListUsersRequest {
        page: Some(page),
        name,
        email,
        company_id,
        company_name,
        role: role.into(),
        phone,
        department_id: 0,
        active: None,
    };
    let answer = client(&exchange)
        .list_users(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status, &WORDING))?
        .into_inner();
    let info = answer.page.unwrap_or_default();
    let rows: Vec<Row> = answer.users.into_iter().map(Row::from).collect();
    Ok(if page.unpaged {
        with_total(exchange.answer(DONE, &rows), info.total)
    } else {
        exchange.answer(DONE, &Page::new(&info, rows))
    })
}

/// GET users/show/{id}.
pub async fn show(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let user_id = check.field("id").id();
    check.done()?;

    let asked = GetUserRequest {
        selector: Some(Selector::UserId(user_id)),
    };
    let answer = client(&exchange)
        .get_user(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status, &WORDING))?
        .into_inner();
    let user = answer.user.unwrap_or_default();
    let data = Shown {
        id_user: user.user_id,
        details: user.into(),
    };
    Ok(exchange.answer("", &data))
}

/// PATCH users/update/{id}.
pub async fn update(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let user_id = check.field("id").id();
    let code = check.field("code").digits_or_text(191);
    let name = check.field("name").text_if_sent(191);
    let email = check.field("email").email();
    let phone = check.field("phone").digits_or_text(191);
    let password = password(&mut check, &exchange);
    let role = role(&mut check, "type", false);
    let online = check.field("online").switch();
    let active = check.field("state").switch();
    let company_id = check.field("company").id();
    let department_id = check.field("department").id();
    if company_id != 0 && exchange.input.get("department").is_none() {
        check.fail("department", DEPARTMENT_REQUIRED);
    }
    check.done()?;

    let sent = |text: String| Some(text).filter(|text| !text.is_empty());
    let asked = UpdateUserRequest {
        user_id,
        code: sent(code),
        name,
        email: sent(email),
        phone: sent(phone),
        password,
        role: (role != Role::Unspecified).then_some(role.into()),
        online,
        active,
        company_id: (company_id != 0).then_some(company_id),
        department_id: (department_id != 0).then_some(department_id),
    };
    let answer = client(&exchange)
        .update_user(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status, &WORDING))?
        .into_inner();
    let row = Row::from(answer.user.unwrap_or_default());
    Ok(exchange.answer("Usuario actualizado correctamente.", &row))
}

/// GET users/analizeUsersCompany. Its name is documented so.
pub async fn figures(exchange: Exchange) -> Result<Response, Failure> {
    let answer = client(&exchange)
        .count_users(
            exchange
                .call()?
                .request(CountUsersRequest { company_id: 0 }),
        )
        .await
        .map_err(|status| refused(&exchange, &status, &WORDING))?
        .into_inner();
    let data = Figures {
        total: answer.total,
        activos: answer.active,
        inactivos: answer.inactive,
    };
    Ok(exchange.answer("", &data))
}

/// PATCH users/status/{id?}. The user of the body wins over that of the path.
pub async fn status(exchange: Exchange) -> Result<Response, Failure> {
    let in_path = exchange.input.get("id_user").is_none() && !exchange.path("id").is_empty();
    let mut check = exchange.check();
    let user_id = if in_path {
        check.field("id").id()
    } else {
        check.field("id_user").required().id()
    };
    let active = check
        .field("status")
        .saying("El estado debe ser 0 (Inactivo) o 1 (Activo).")
        .required()
        .switch();
    check.done()?;

    let asked = UpdateUserStatusRequest {
        user_id,
        active: active.unwrap_or_default(),
    };
    let answer = client(&exchange)
        .update_user_status(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status, &SWITCHING))?
        .into_inner();
    let user = answer.user.unwrap_or_default();
    let message = if answer.changed {
        "Estado actualizado correctamente."
    } else {
        "Sin cambios: el usuario ya estaba en ese estado."
    };
    let data = Switched {
        id_user: user.user_id,
        status: user.active.into(),
    };
    Ok(exchange.answer(message, &data))
}
