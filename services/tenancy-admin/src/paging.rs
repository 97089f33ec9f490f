//! Lists by page, on the wire.

use postgres::Page;
use proto::common::v1::{PageInfo, PageRequest};

/// The rows of an unpaged list at most.
const CAP: u32 = 10_000;

/// The page that was asked for.
pub fn page(asked: Option<PageRequest>) -> Page {
    let asked = asked.unwrap_or_default();
    Page::new(asked.page, asked.per_page, asked.unpaged, CAP)
}

/// What to say about the page that is answered.
pub fn info(page: Page, total: i64) -> PageInfo {
    PageInfo {
        page: page.number,
        per_page: page.rows,
        total: u64::try_from(total).unwrap_or(0),
    }
}
