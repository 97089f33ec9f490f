//! How the older lists are paged: `page` is the flag there, `"S"` or `"N"`.

use proto::common::v1::PageRequest;
use serde_json::Value;

use crate::{exchange::Exchange, input::Check};

const FLAG: &str = "El campo page debe ser \"S\" o \"N\".";

/// The rows of a page when nobody says how many.
const ROWS: i64 = 10;

/// The paging fields. The documents name none for the number of the page:
/// `page_number` is read, and a number in `page`.
pub fn paging(exchange: &Exchange, check: &mut Check<'_>) -> PageRequest {
    let mut number = check.field("page_number").integer(1..=i64::from(u32::MAX));
    let mut unpaged = false;
    match exchange.input.get("page") {
        None => {}
        Some(Value::String(flag)) if flag == "S" => {}
        Some(Value::String(flag)) if flag == "N" => unpaged = true,
        Some(_) => {
            let field = check.field("page").saying(FLAG);
            number = field.integer(1..=i64::from(u32::MAX));
        }
    }
    let rows = match check.field("quantity_x_page").integer(1..=100) {
        0 => ROWS,
        rows => rows,
    };
    PageRequest {
        page: u32::try_from(number).unwrap_or(1).max(1),
        per_page: u32::try_from(rows).unwrap_or(1),
        unpaged,
    }
}

/// The id in the path; none for anything that is no id.
pub fn id(exchange: &Exchange) -> Option<i64> {
    let text = exchange.path("id");
    let id: i64 = text.parse().ok()?;
    (id > 0 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}
