//! The products that single sign-on knows.

mod store;

pub use store::{insert, is_active};
