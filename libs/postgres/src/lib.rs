//! PostgreSQL as every service uses it: pools, migrations, constraint names as
//! errors, page arithmetic, and private clusters for laptops and tests.

pub mod constraint;
pub mod migrate;
mod page;
pub mod pool;
pub mod private;

pub use page::{Page, Window};
pub use pool::Config;
