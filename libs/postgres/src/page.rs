//! Page arithmetic that the documented lists share.

/// A page as asked for, within its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number of the page, from 1.
    pub number: u32,
    /// Rows of a page.
    pub rows: u32,
}

impl Page {
    /// Reads a request: 0 means the default, and nobody gets more than 100 rows a
    /// page. An unpaged request is one page of `cap` rows.
    pub fn new(number: u32, rows: u32, unpaged: bool, cap: u32) -> Self {
        if unpaged {
            return Self {
                number: 1,
                rows: cap,
            };
        }
        let rows = if rows == 0 { 10 } else { rows.min(100) };
        Self {
            number: number.max(1),
            rows,
        }
    }

    /// Rows to fetch.
    pub fn limit(self) -> i64 {
        i64::from(self.rows)
    }

    /// Rows to skip.
    pub fn offset(self) -> i64 {
        i64::from(self.number - 1) * i64::from(self.rows)
    }

    /// Where the page lies in a list of `total` rows, seen from the nearer end, so
    /// that the last page skips no more rows than the first one.
    pub fn window(self, total: i64) -> Window {
        let before = self.offset();
        let limit = self.limit().min(total - before).max(0);
        let after = total - before - limit;
        if before <= after || limit == 0 {
            return Window {
                from_end: false,
                limit,
                offset: before,
            };
        }
        Window {
            from_end: true,
            limit,
            offset: after,
        }
    }
}

/// Rows to take from one end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// They are counted from the last row backwards.
    pub from_end: bool,
    /// Rows to fetch; none when the list is not as long.
    pub limit: i64,
    /// Rows to skip.
    pub offset: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_from_the_nearer_end() {
        let window = |number, total| {
            let window = Page::new(number, 10, false, 1000).window(total);
            (window.from_end, window.limit, window.offset)
        };
        assert_eq!(window(1, 95), (false, 10, 0));
        assert_eq!(window(5, 95), (false, 10, 40));
        assert_eq!(window(6, 95), (true, 10, 35));
        assert_eq!(window(9, 95), (true, 10, 5));
        assert_eq!(window(10, 95), (true, 5, 0));
        assert_eq!(window(1, 3), (false, 3, 0));
        assert_eq!(window(11, 95).1, 0);
        assert_eq!(window(1, 0).1, 0);
        assert_eq!(window(u32::MAX, 95).1, 0);
    }

    #[test]
    fn pages_stay_in_bounds() {
        assert_eq!(
            Page::new(0, 0, false, 1000),
            Page {
                number: 1,
                rows: 10
            }
        );
        assert_eq!(Page::new(3, 500, false, 1000).offset(), 200);
        assert_eq!(
            Page::new(9, 5, true, 1000),
            Page {
                number: 1,
                rows: 1000
            }
        );
        assert_eq!(
            Page::new(u32::MAX, 100, false, 1000).offset(),
            429_496_729_400
        );
    }
}
