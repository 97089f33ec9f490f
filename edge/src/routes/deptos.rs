//! `/api/deptos`: the older routes of departments.

use axum::response::Response;
use chassis::{ErrorCode, code::refusal};
use proto::tenancy::v1::{GetDepartmentRequest, ListDepartmentsRequest};

use super::{
    admin::departments::{self, Found},
    legacy,
};
use crate::{
    errors::{Failure, Wording},
    exchange::Exchange,
};

/// POST deptos/index.
pub async fn index(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = legacy::paging(&exchange, &mut check);
    let filters = departments::filters(&mut check);
    check.done()?;
    let asked = ListDepartmentsRequest {
        page: Some(page),
        ..filters
    };
    departments::answer_list(&exchange, asked).await
}

/// GET deptos/show/{id}. A department that does not exist is a route that does
/// not.
pub async fn show(exchange: Exchange) -> Result<Response, Failure> {
    let department_id = legacy::id(&exchange).ok_or(Failure::Hidden)?;
    let asked = GetDepartmentRequest { department_id };
    let answer = departments::service(&exchange)
        .get_department(exchange.call()?.request(asked))
        .await
        .map_err(|status| match refusal(&status).code {
            ErrorCode::NotFound => Failure::Hidden,
            _ => exchange.refused(&status, &Wording::GENERAL),
        })?
        .into_inner();
    let found = Found::try_from(answer.department.unwrap_or_default())?;
    Ok(exchange.answer("", &found))
}
