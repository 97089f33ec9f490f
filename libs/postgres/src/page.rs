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
}

#[cfg(test)]
mod tests {
    use super::*;

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
