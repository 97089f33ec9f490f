//! `/api/admin/faqs`: ready answers for agents. The documents spell the list of
//! departments `departament` or `department`; both are read everywhere.

use axum::response::Response;
use chassis::{ErrorCode, code::refusal};
use http::StatusCode;
use proto::tenancy::v1::{
    CreateFaqRequest, Faq, FaqDepartments, GetFaqRequest, ListFaqsRequest, UpdateFaqRequest,
    UpdateFaqStatusRequest, faq_service_client::FaqServiceClient,
};
use serde::Serialize;

use crate::{
    envelope::{DONE, Page},
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, LARGEST_ANSWER, with_total},
    input::Paging,
};

const STATUS: &str = "El estado debe ser 0 (Inactivo) o 1 (Activo).";

const NOTHING: &str = "Debes proporcionar al menos un atributo a actualizar: replay o department.";

/// The longest answer in characters.
const LONGEST: usize = 4096;

const WORDING: Wording = Wording::GENERAL
    .fields(&[
        (
            "company",
            "NOT_REGISTERED",
            "La empresa indicada no existe.",
        ),
        (
            "departament",
            "NOT_REGISTERED",
            "Un departamento indicado no es de la empresa.",
        ),
        (
            "department",
            "NOT_REGISTERED",
            "Un departamento indicado no es de la empresa.",
        ),
        ("payload", "NOTHING_TO_UPDATE", NOTHING),
    ])
    .missing(Shape::Empty, "FAQ no encontrado.");

fn service(exchange: &Exchange) -> FaqServiceClient<chassis::Upstream> {
    FaqServiceClient::new(exchange.app.upstreams.tenancy_admin.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
}

/// The departments as the documents write them: digits in a list.
fn list_of(ids: &[i64]) -> Vec<String> {
    ids.iter().map(i64::to_string).collect()
}

/// The same as JSON in a text.
fn text_of(ids: &[i64]) -> Result<String, Failure> {
    serde_json::to_string(&list_of(ids)).map_err(|_| Failure::internal())
}

/// A FAQ as the lists show it.
#[derive(Serialize)]
struct Row {
    id_faq: i64,
    replay: String,
    company: i64,
    departament: String,
    status: u8,
}

impl TryFrom<Faq> for Row {
    type Error = Failure;

    fn try_from(faq: Faq) -> Result<Self, Failure> {
        Ok(Self {
            id_faq: faq.faq_id,
            replay: faq.reply,
            company: faq.company_id,
            departament: text_of(&faq.department_ids)?,
            status: faq.active.into(),
        })
    }
}

/// An unpaged list stands inside an object here.
#[derive(Serialize)]
struct Whole {
    data: Vec<Row>,
}

#[derive(Serialize)]
struct Made {
    id_faq: i64,
    company: i64,
    replay: String,
    departament: Vec<String>,
    status: u8,
}

#[derive(Serialize)]
struct Changed {
    id_faq: i64,
    replay: String,
    department: Vec<String>,
}

#[derive(Serialize)]
struct Switched {
    id_faq: i64,
    status: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

#[derive(Serialize)]
struct Found {
    id_faq: i64,
    replay: String,
    id_company: i64,
    department: String,
}

/// The spelling that a request uses; `documented` when it uses neither.
fn spelling(exchange: &Exchange, documented: &'static str) -> &'static str {
    ["departament", "department"]
        .into_iter()
        .filter(|name| *name != documented)
        .find(|name| exchange.input.get(name).is_some() && exchange.input.get(documented).is_none())
        .unwrap_or(documented)
}

/// POST admin/faqs/list.
pub async fn list(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = check.paging(Paging::Optional);
    check.object("filters");
    let asked = ListFaqsRequest {
        page: Some(page),
        reply: check.field("filters.replay").text(LONGEST),
        company_id: check.field("filters.company").id(),
        department: check.field("filters.department").text(191),
        active: None,
    };
    check.done()?;
    let answer = service(&exchange)
        .list_faqs(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let info = answer.page.unwrap_or_default();
    let rows: Vec<Row> = answer
        .faqs
        .into_iter()
        .map(Row::try_from)
        .collect::<Result<_, _>>()?;
    Ok(if page.unpaged {
        with_total(exchange.answer(DONE, &Whole { data: rows }), info.total)
    } else {
        exchange.answer(DONE, &Page::new(&info, rows))
    })
}

/// POST admin/faqs/store.
pub async fn store(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let company_id = check.field("company").required().id();
    let reply = check.field("replay").required().text(LONGEST);
    let department_ids = check
        .field(spelling(&exchange, "departament"))
        .required()
        .ids();
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;
    let asked = CreateFaqRequest {
        company_id,
        reply,
        department_ids,
        idempotency_key,
    };
    let answer = service(&exchange)
        .create_faq(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let faq = answer.faq.unwrap_or_default();
    let data = Made {
        id_faq: faq.faq_id,
        company: faq.company_id,
        replay: faq.reply,
        departament: list_of(&faq.department_ids),
        status: faq.active.into(),
    };
    Ok(exchange.created("FAQ creada exitosamente.", &data))
}

/// PATCH admin/faqs/update.
pub async fn update(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let faq_id = check.field("id_faq").required().id();
    let reply = check.field("replay").text_if_sent(LONGEST);
    let field = spelling(&exchange, "department");
    let sent = exchange.input.get(field).is_some();
    let departments = sent.then(|| FaqDepartments {
        department_ids: check.field(field).ids(),
    });
    check.done()?;
    let asked = UpdateFaqRequest {
        faq_id,
        reply,
        departments,
    };
    let answer = service(&exchange)
        .update_faq(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let faq = answer.faq.unwrap_or_default();
    let data = Changed {
        id_faq: faq.faq_id,
        replay: faq.reply,
        department: list_of(&faq.department_ids),
    };
    Ok(exchange.answer("FAQ actualizado correctamente.", &data))
}

/// PATCH admin/faqs/update-status.
pub async fn update_status(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let faq_id = check.field("id_faq").required().id();
    let active = check.field("status").saying(STATUS).required().switch();
    check.done()?;
    let asked = UpdateFaqStatusRequest {
        faq_id,
        active: active.unwrap_or_default(),
    };
    let answer = service(&exchange)
        .update_faq_status(exchange.call()?.request(asked))
        .await
        .map_err(|status| match refusal(&status).code {
            ErrorCode::NotFound => Failure::Told {
                status: StatusCode::NOT_FOUND,
                data: serde_json::json!({"id_faq": faq_id}),
                message: "FAQ no encontrada.",
            },
            _ => exchange.refused(&status, &WORDING),
        })?
        .into_inner();
    let faq = answer.faq.unwrap_or_default();
    let (message, note) = if answer.changed {
        ("Estado de la FAQ actualizado correctamente.", None)
    } else {
        (
            "Solicitud idempotente: sin cambios.",
            Some("El estado solicitado coincide con el actual. No se realizaron cambios."),
        )
    };
    let data = Switched {
        id_faq: faq.faq_id,
        status: faq.active.into(),
        note,
    };
    Ok(exchange.answer(message, &data))
}

/// POST admin/faqs/search.
pub async fn search(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let faq_id = check.field("id_faq").required().id();
    check.done()?;
    let answer = service(&exchange)
        .get_faq(exchange.call()?.request(GetFaqRequest { faq_id }))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let faq = answer.faq.unwrap_or_default();
    let data = Found {
        id_faq: faq.faq_id,
        replay: faq.reply,
        id_company: faq.company_id,
        department: text_of(&faq.department_ids)?,
    };
    Ok(exchange.answer("FAQ encontrado.", &data))
}
