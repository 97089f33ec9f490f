//! `/api/company`: the older routes of companies.

use axum::response::Response;
use chassis::{ErrorCode, code::refusal};
use proto::tenancy::v1::{DeleteCompanyRequest, GetCompanyRequest, ListCompaniesRequest};
use tonic::Status;

use super::{
    admin::clients::{self, Found},
    legacy,
};
use crate::{
    errors::{Failure, Wording},
    exchange::Exchange,
};

/// A company that does not exist is a route that does not.
fn refused(exchange: &Exchange, status: &Status) -> Failure {
    match refusal(status).code {
        ErrorCode::NotFound => Failure::Hidden,
        _ => exchange.refused(status, &Wording::GENERAL),
    }
}

/// POST company/index.
pub async fn index(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = legacy::paging(&exchange, &mut check);
    let filters = clients::filters(&mut check);
    check.done()?;
    let asked = ListCompaniesRequest {
        page: Some(page),
        ..filters
    };
    clients::answer_list(&exchange, asked).await
}

/// GET company/show/{id}.
pub async fn show(exchange: Exchange) -> Result<Response, Failure> {
    let company_id = legacy::id(&exchange).ok_or(Failure::Hidden)?;
    let answer = clients::service(&exchange)
        .get_company(exchange.call()?.request(GetCompanyRequest { company_id }))
        .await
        .map_err(|status| refused(&exchange, &status))?
        .into_inner();
    let found = Found::try_from(answer.company.unwrap_or_default())?;
    Ok(exchange.answer("", &found))
}

/// DELETE company/delete/{id}. The company is switched off, nothing is removed.
pub async fn delete(exchange: Exchange) -> Result<Response, Failure> {
    let company_id = legacy::id(&exchange).ok_or(Failure::Hidden)?;
    clients::service(&exchange)
        .delete_company(
            exchange
                .call()?
                .request(DeleteCompanyRequest { company_id }),
        )
        .await
        .map_err(|status| refused(&exchange, &status))?;
    Ok(exchange.done("Cliente eliminado correctamente."))
}
