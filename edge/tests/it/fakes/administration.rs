//! What tenancy-admin knows besides the access log: the companies, plans,
//! departments and FAQs of the documents. What is called taken is taken.

mod companies;
mod departments;

use chassis::ErrorCode;
use proto::common::v1::PageInfo;
use tonic::{Status, service::Routes};

use super::{Shared, refusal};

struct Fake(Shared);

/// Adds the services to those that answer already.
pub fn add_to(routes: Routes, world: &Shared) -> Routes {
    departments::add_to(companies::add_to(routes, world), world)
}

fn one_row() -> PageInfo {
    PageInfo {
        page: 1,
        per_page: 10,
        total: 1,
    }
}

fn missing() -> Status {
    refusal(ErrorCode::NotFound, "NOT_HERE")
}

fn taken() -> Status {
    refusal(ErrorCode::AlreadyExists, "TAKEN")
}
