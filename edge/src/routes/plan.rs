//! `/api/plan`: the older route of plans.

use axum::response::Response;
use proto::tenancy::v1::ListPlansRequest;

use super::{admin::plans, legacy};
use crate::{envelope::DONE, errors::Failure, exchange::Exchange};

/// POST plan/index.
pub async fn index(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = legacy::paging(&exchange, &mut check);
    let filters = plans::filters(&mut check);
    check.done()?;
    let asked = ListPlansRequest {
        page: Some(page),
        ..filters
    };
    plans::answer_list(&exchange, asked, DONE).await
}
