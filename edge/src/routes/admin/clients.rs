//! `/api/admin/clients`: companies, as their administrators call them.

use axum::response::Response;
use chassis::{ErrorCode, code::refusal};
use http::StatusCode;
use proto::tenancy::v1::{
    Company, CreateCompanyRequest, GetCompanyRequest, ListCompaniesRequest, UpdateCompanyRequest,
    company_service_client::CompanyServiceClient,
};
use serde::Serialize;
use serde_json::value::RawValue;
use tonic::Status;

use crate::{
    envelope::{DONE, Page},
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, LARGEST_ANSWER, secret, with_total},
    input::{Check, Paging},
    routes::amount::amount,
};

const EMAIL_REQUIRED: &str = "El correo de la compania es obligatorio.";
const NO_SUCH_PLAN: &str = "El plan indicado no existe.";

const WORDING: Wording = Wording::GENERAL
    .fields(&[
        ("email", "REQUIRED", EMAIL_REQUIRED),
        ("id_plan", "NOT_REGISTERED", NO_SUCH_PLAN),
    ])
    .missing(Shape::Empty, "El cliente indicado no existe.");

const SEARCHING: Wording = Wording::GENERAL.missing(Shape::Empty, "Cliente no encontrado");

/// The documented number of a role.
fn type_of(role: i32) -> String {
    role.to_string()
}

/// The client of tenancy-admin for companies.
pub(in crate::routes) fn service(exchange: &Exchange) -> CompanyServiceClient<chassis::Upstream> {
    CompanyServiceClient::new(exchange.app.upstreams.tenancy_admin.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
}

fn midnight(day: &str) -> String {
    format!("{day} 00:00:00")
}

/// A company as the lists show it.
#[derive(Serialize)]
pub(in crate::routes) struct Row {
    id: i64,
    name: String,
    email: String,
    token: String,
    id_plan: i64,
    balance: Box<RawValue>,
    pay_day: String,
    api: u8,
    messenger: u8,
    telegram: u8,
}

impl TryFrom<Company> for Row {
    type Error = Failure;

    fn try_from(company: Company) -> Result<Self, Failure> {
        Ok(Self {
            id: company.company_id,
            name: company.name,
            email: company.email,
            token: company.token,
            id_plan: company.plan_id,
            balance: amount(&company.balance)?,
            pay_day: midnight(&company.pay_day),
            api: company.api_access.into(),
            messenger: company.messenger_access.into(),
            telegram: company.telegram_access.into(),
        })
    }
}

/// A company by itself: other keys, and switches that are true or false.
#[derive(Serialize)]
pub(in crate::routes) struct Found {
    id_client: i64,
    name_client: String,
    email: String,
    balance: Box<RawValue>,
    billing_day: String,
    id_plan: i64,
    access_api: bool,
    access_messenger: bool,
    access_telegram: bool,
}

impl TryFrom<Company> for Found {
    type Error = Failure;

    fn try_from(company: Company) -> Result<Self, Failure> {
        Ok(Self {
            id_client: company.company_id,
            name_client: company.name,
            email: company.email,
            balance: amount(&company.balance)?,
            billing_day: company.pay_day,
            id_plan: company.plan_id,
            access_api: company.api_access,
            access_messenger: company.messenger_access,
            access_telegram: company.telegram_access,
        })
    }
}

/// Everything that a creation made.
#[derive(Serialize)]
struct Made {
    company: MadeCompany,
    department: MadeDepartment,
    user: MadeUser,
    faq: MadeFaq,
}

#[derive(Serialize)]
struct MadeCompany {
    id: i64,
    name: String,
    email: String,
    token: String,
    id_plan: i64,
    pay_day: String,
    balance: Box<RawValue>,
}

#[derive(Serialize)]
struct MadeDepartment {
    id_department: i64,
    department_name: String,
}

#[derive(Serialize)]
struct MadeUser {
    id: i64,
    name: String,
    email: String,
    r#type: String,
    company: i64,
    department: i64,
}

#[derive(Serialize)]
struct MadeFaq {
    id_faq: i64,
}

/// A company as its change shows it: without its token.
#[derive(Serialize)]
struct Changed {
    id: i64,
    name: String,
    email: String,
    balance: Box<RawValue>,
    pay_day: String,
    id_plan: i64,
    api: u8,
    messenger: u8,
    telegram: u8,
}

/// A refusal; that something is taken already has a shape of its own here.
fn refused(exchange: &Exchange, status: &Status) -> Failure {
    let why = refusal(status);
    if why.code == ErrorCode::AlreadyExists && why.reason != "IDEMPOTENCY_KEY_REUSED" {
        return Failure::field_saying(
            StatusCode::CONFLICT,
            "Conflicto de unicidad.",
            "duplicate",
            "Registro duplicado. Verifique correos o token.",
        );
    }
    exchange.refused(status, &WORDING)
}

/// The filters of the lists of companies.
pub(in crate::routes) fn filters(check: &mut Check<'_>) -> ListCompaniesRequest {
    check.object("filters");
    ListCompaniesRequest {
        page: None,
        name: check.field("filters.name").text(191),
        email: check.field("filters.email").text(191),
        token: check.field("filters.token").text(191),
        plan: check.field("filters.plan").text(191),
    }
}

/// Asks for the list and answers it.
pub(in crate::routes) async fn answer_list(
    exchange: &Exchange,
    asked: ListCompaniesRequest,
) -> Result<Response, Failure> {
    let unpaged = asked.page.is_some_and(|page| page.unpaged);
    let answer = service(exchange)
        .list_companies(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let info = answer.page.unwrap_or_default();
    let rows: Vec<Row> = answer
        .companies
        .into_iter()
        .map(Row::try_from)
        .collect::<Result<_, _>>()?;
    // The tokens of companies are in it.
    Ok(secret(if unpaged {
        with_total(exchange.answer(DONE, &rows), info.total)
    } else {
        exchange.answer(DONE, &Page::new(&info, rows))
    }))
}

/// POST admin/clients/list.
pub async fn list(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = check.paging(Paging::Optional);
    let filters = filters(&mut check);
    check.done()?;
    let asked = ListCompaniesRequest {
        page: Some(page),
        ..filters
    };
    answer_list(&exchange, asked).await
}

/// POST admin/clients/store.
pub async fn store(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let name = check.field("name").required().text(191);
    let email = check.field("email").required_saying(EMAIL_REQUIRED).email();
    let plan_id = check.field("id_plan").required().id();
    let balance = check.field("balance").required().amount();
    let pay_day = check.field("pay_day").required().day();
    let user_name = check.field("user_name").required().text(191);
    let user_email = check.field("user_email").required().email();
    let password = check.field("password").required().text_between(8, 191);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = CreateCompanyRequest {
        name,
        email,
        plan_id,
        balance,
        pay_day,
        user_name,
        user_email,
        password,
        time_zone: String::new(),
        idempotency_key,
    };
    let answer = service(&exchange)
        .create_company(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status))?
        .into_inner();
    let company = answer.company.unwrap_or_default();
    let department = answer.department.unwrap_or_default();
    let user = answer.user.unwrap_or_default();
    let made = Made {
        company: MadeCompany {
            id: company.company_id,
            name: company.name,
            email: company.email,
            token: company.token,
            id_plan: company.plan_id,
            pay_day: midnight(&company.pay_day),
            balance: amount(&company.balance)?,
        },
        department: MadeDepartment {
            id_department: department.department_id,
            department_name: department.name,
        },
        user: MadeUser {
            id: user.user_id,
            name: user.name,
            email: user.email,
            r#type: type_of(user.role),
            company: user.company_id,
            department: user.department_id,
        },
        faq: MadeFaq {
            id_faq: answer.faq.unwrap_or_default().faq_id,
        },
    };
    Ok(secret(
        exchange.created("Cliente creado correctamente.", &made),
    ))
}

/// PATCH admin/clients/update.
pub async fn update(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let company_id = check
        .field("id")
        .required_saying("El id del cliente es obligatorio.")
        .id();
    let name = check.field("name").text_if_sent(191);
    let sent = |field| exchange.input.get(field).is_some();
    let email = sent("email").then(|| check.field("email").email());
    let balance = check.field("balance").amount_if_sent();
    let pay_day = sent("pay_day").then(|| check.field("pay_day").day());
    let plan_id = sent("id_plan").then(|| check.field("id_plan").id());
    let api_access = check.field("api").switch();
    let messenger_access = check.field("messenger").switch();
    let telegram_access = check.field("telegram").switch();
    check.done()?;

    let asked = UpdateCompanyRequest {
        company_id,
        name,
        email,
        balance,
        pay_day,
        plan_id,
        api_access,
        messenger_access,
        telegram_access,
        time_zone: None,
    };
    let answer = service(&exchange)
        .update_company(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status))?
        .into_inner();
    let company = answer.company.unwrap_or_default();
    let message = if answer.changed {
        "Cliente actualizado correctamente."
    } else {
        "No hubo cambios; los valores ya estaban aplicados."
    };
    let data = Changed {
        id: company.company_id,
        name: company.name,
        email: company.email,
        balance: amount(&company.balance)?,
        pay_day: midnight(&company.pay_day),
        id_plan: company.plan_id,
        api: company.api_access.into(),
        messenger: company.messenger_access.into(),
        telegram: company.telegram_access.into(),
    };
    Ok(exchange.answer(message, &data))
}

/// POST admin/clients/search.
pub async fn search(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let company_id = check
        .field("id_company")
        .required_saying("El ID del cliente es obligatorio.")
        .id();
    check.done()?;
    let answer = service(&exchange)
        .get_company(exchange.call()?.request(GetCompanyRequest { company_id }))
        .await
        .map_err(|status| exchange.refused(&status, &SEARCHING))?
        .into_inner();
    let found = Found::try_from(answer.company.unwrap_or_default())?;
    Ok(exchange.answer("", &found))
}
