//! Internal users: the staff of the operator of the system.

mod store;

pub use store::{insert_department, insert_with_id};

/// A member of the staff to add under a fixed id.
pub struct NewInternalUser<'a> {
    /// The id.
    pub id: i64,
    /// The name of the login; unique in whatever case.
    pub login: &'a str,
    /// The full name.
    pub name: &'a str,
    /// What kind of user, such as `operador`.
    pub user_type: &'a str,
    /// Such as `ACTIVO`.
    pub status: &'a str,
    /// The mail address.
    pub email: &'a str,
    /// The extension of the telephone, as written.
    pub extension: &'a str,
    /// The internal department.
    pub department: i64,
    /// The id of the role.
    pub role_id: i64,
    /// The name of the role.
    pub role: &'a str,
    /// The number of the mobile telephone.
    pub mobile: &'a str,
    /// The systems the user may enter.
    pub systems: &'a [String],
}
