//! Lists by page.

use proto::common::v1::PageInfo;
use serde::Serialize;

/// A page with its keys in the documented order. `from` and `to` are null on an
/// empty page.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names of the documents, in their order"
)]
pub struct Page<T> {
    current_page: u32,
    data: Vec<T>,
    from: Option<u64>,
    last_page: u64,
    per_page: u32,
    to: Option<u64>,
    total: u64,
}

impl<T> Page<T> {
    /// The page that an upstream answered.
    pub fn new(info: &PageInfo, data: Vec<T>) -> Self {
        let per_page = info.per_page.max(1);
        let page = info.page.max(1);
        let before = u64::from(page - 1) * u64::from(per_page);
        let (from, to) = if data.is_empty() {
            (None, None)
        } else {
            (Some(before + 1), Some(before + data.len() as u64))
        };
        Self {
            current_page: page,
            data,
            from,
            last_page: info.total.div_ceil(u64::from(per_page)).max(1),
            per_page,
            to,
            total: info.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(page: u32, total: u64, rows: usize) -> serde_json::Value {
        let info = PageInfo {
            page,
            per_page: 10,
            total,
        };
        serde_json::to_value(Page::new(&info, vec![0; rows])).unwrap()
    }

    #[test]
    fn pages_count_like_the_documents() {
        let second = page(2, 13, 3);
        assert_eq!(second["from"], 11);
        assert_eq!(second["to"], 13);
        assert_eq!(second["last_page"], 2);
        let empty = page(1, 0, 0);
        assert!(empty["from"].is_null() && empty["to"].is_null());
        assert_eq!(empty["last_page"], 1);
    }
}
