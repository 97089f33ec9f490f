//! `/api/admin/departments`: the parts of a company and when they are open.

mod hours;

use axum::response::Response;
use chassis::{ErrorCode, code::refusal};
use http::StatusCode;
use proto::tenancy::v1::{
    CreateDepartmentRequest, Department, GetDepartmentRequest, ListDepartmentsRequest,
    UpdateDepartmentRequest, UpdateDepartmentStatusRequest,
    department_service_client::DepartmentServiceClient, update_department_request::HoursChange,
};
use serde::Serialize;

use self::hours::Hours;
use crate::{
    envelope::{DONE, Page},
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, LARGEST_ANSWER, with_total},
    input::{Check, Paging},
};

const STATUS: &str = "El estado debe ser 0 (Inactivo) o 1 (Activo).";
const NAME_REQUIRED: &str = "El nombre del departamento es obligatorio.";
const NO_SUCH_COMPANY: &str = "La empresa indicada no existe.";

const WORDING: Wording = Wording::GENERAL
    .fields(&[
        ("department_name", "REQUIRED", NAME_REQUIRED),
        ("company", "NOT_REGISTERED", NO_SUCH_COMPANY),
    ])
    .missing(Shape::Empty, "Departamento no encontrado.")
    .taken(
        Shape::Empty,
        "Ya existe un departamento con ese nombre para esta compania.",
    );

const UPDATING: Wording = WORDING
    .missing(Shape::Null, "El departamento indicado no existe.")
    .taken(
        Shape::Null,
        "Ya existe un departamento con ese nombre en la empresa.",
    );

/// The client of tenancy-admin for departments.
pub(in crate::routes) fn service(
    exchange: &Exchange,
) -> DepartmentServiceClient<chassis::Upstream> {
    DepartmentServiceClient::new(exchange.app.upstreams.tenancy_admin.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
}

/// A department as the lists show it: its calendar is text.
#[derive(Serialize)]
struct Row {
    id_department: i64,
    uuid: String,
    company: i64,
    department_name: String,
    hour: String,
}

/// A new department: its calendar is an object.
#[derive(Serialize)]
struct Made {
    id_department: i64,
    uuid: String,
    company: i64,
    department_name: String,
    hour: Option<Hours>,
}

/// A changed department: no uuid.
#[derive(Serialize)]
struct Changed {
    id_department: i64,
    company: i64,
    department_name: String,
    hour: Option<Hours>,
}

/// A department by itself: another order, and the calendar is JSON in a text.
#[derive(Serialize)]
pub(in crate::routes) struct Found {
    id_department: i64,
    department_name: String,
    company: i64,
    hour: String,
}

#[derive(Serialize)]
struct Switched {
    id_department: i64,
    status: u8,
}

impl TryFrom<Department> for Found {
    type Error = Failure;

    fn try_from(department: Department) -> Result<Self, Failure> {
        Ok(Self {
            id_department: department.department_id,
            department_name: department.name,
            company: department.company_id,
            hour: hours::text(department.hours)?,
        })
    }
}

impl TryFrom<Department> for Row {
    type Error = Failure;

    fn try_from(department: Department) -> Result<Self, Failure> {
        Ok(Self {
            id_department: department.department_id,
            uuid: department.uuid,
            company: department.company_id,
            department_name: department.name,
            hour: hours::text(department.hours)?,
        })
    }
}

/// The filters of the lists of departments.
pub(in crate::routes) fn filters(check: &mut Check<'_>) -> ListDepartmentsRequest {
    check.object("filters");
    ListDepartmentsRequest {
        page: None,
        name: check.field("filters.name").text(191),
        company_id: check.field("filters.id_company").id(),
        hours_text: check.field("filters.hour").text(191),
        active: None,
    }
}

/// Asks for the list and answers it.
pub(in crate::routes) async fn answer_list(
    exchange: &Exchange,
    asked: ListDepartmentsRequest,
) -> Result<Response, Failure> {
    let unpaged = asked.page.is_some_and(|page| page.unpaged);
    let answer = service(exchange)
        .list_departments(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let info = answer.page.unwrap_or_default();
    let rows: Vec<Row> = answer
        .departments
        .into_iter()
        .map(Row::try_from)
        .collect::<Result<_, _>>()?;
    Ok(if unpaged {
        with_total(exchange.answer(DONE, &rows), info.total)
    } else {
        exchange.answer(DONE, &Page::new(&info, rows))
    })
}

/// POST admin/departments/list. Whoever asks for pages has to say how long.
pub async fn list(exchange: Exchange) -> Result<Response, Failure> {
    const ROWS: &str = "quantity_x_page es obligatorio cuando paginate es \"S\".";
    let mut check = exchange.check();
    if exchange.input.text("paginate") == "S" {
        check.field("quantity_x_page").required_saying(ROWS).id();
    }
    let page = check.paging(Paging::Optional);
    let filters = filters(&mut check);
    check.done()?;
    let asked = ListDepartmentsRequest {
        page: Some(page),
        ..filters
    };
    answer_list(&exchange, asked).await
}

/// POST admin/departments/store.
pub async fn store(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let company_id = check.field("company").required().id();
    let name = check
        .field("department_name")
        .required_saying(NAME_REQUIRED)
        .text_between(5, 100);
    let hours = hours::read(&exchange, &mut check);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = CreateDepartmentRequest {
        company_id,
        name,
        hours: match hours {
            Some(HoursChange::Hours(hours)) => Some(hours),
            Some(HoursChange::AlwaysOpen(_)) | None => None,
        },
        idempotency_key,
    };
    let answer = service(&exchange)
        .create_department(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let department = answer.department.unwrap_or_default();
    let data = Made {
        id_department: department.department_id,
        uuid: department.uuid,
        company: department.company_id,
        department_name: department.name,
        hour: department.hours.map(Hours),
    };
    Ok(exchange.created("Departamento creado correctamente.", &data))
}

/// PATCH admin/departments/update.
pub async fn update(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let department_id = check.field("id_department").required().id();
    let company_sent = exchange.input.get("company").is_some();
    let company_id = company_sent.then(|| check.field("company").id());
    let name_sent = exchange.input.get("department_name").is_some();
    let name = name_sent.then(|| check.field("department_name").text_between(5, 100));
    let hours = hours::read(&exchange, &mut check);
    check.done()?;

    let asked = UpdateDepartmentRequest {
        department_id,
        company_id,
        name,
        hours_change: hours,
    };
    let answer = service(&exchange)
        .update_department(exchange.call()?.request(asked))
        .await
        .map_err(|status| match refusal(&status).code {
            ErrorCode::FailedPrecondition => Failure::field_saying(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Validacion de negocio.",
                "payload",
                "Debe enviar al menos un atributo a actualizar (department_name u hour).",
            ),
            _ => exchange.refused(&status, &UPDATING),
        })?
        .into_inner();
    let department = answer.department.unwrap_or_default();
    let data = Changed {
        id_department: department.department_id,
        company: department.company_id,
        department_name: department.name,
        hour: department.hours.map(Hours),
    };
    Ok(exchange.answer("Departamento actualizado correctamente.", &data))
}

/// PATCH admin/departments/update-status.
pub async fn update_status(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let department_id = check.field("id_department").required().id();
    let active = check.field("status").saying(STATUS).required().switch();
    check.done()?;

    let asked = UpdateDepartmentStatusRequest {
        department_id,
        active: active.unwrap_or_default(),
    };
    let answer = service(&exchange)
        .update_department_status(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let department = answer.department.unwrap_or_default();
    let message = if answer.changed {
        "Estado del departamento actualizado correctamente."
    } else {
        "El estado enviado es igual al actual. No se realizo ningun cambio."
    };
    let data = Switched {
        id_department: department.department_id,
        status: department.active.into(),
    };
    Ok(exchange.answer(message, &data))
}

/// POST admin/departments/search.
pub async fn search(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let department_id = check.field("id_department").required().id();
    check.done()?;
    let asked = GetDepartmentRequest { department_id };
    let answer = service(&exchange)
        .get_department(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let found = Found::try_from(answer.department.unwrap_or_default())?;
    Ok(exchange.answer("", &found))
}
