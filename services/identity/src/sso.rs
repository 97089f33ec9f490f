//! Single sign-on for the products of the platform: the same sessions as everybody
//! else's, opened for a product, by address or by code, and handed out as opaque
//! tokens.

mod rpc;
mod store;

use std::sync::Arc;

use auth::{Authority, ClientCaller};
use chassis::FieldViolation;
use proto::identity::v1::{AccessMode, AccessRequest};
use sqlx::PgPool;

use crate::{error::Error, products, sessions::Sessions, users};

/// Longer texts are no code of a user, in characters.
const LONGEST_CODE: usize = 191;

/// Opens and refreshes sessions of products.
pub struct Sso {
    pub pool: PgPool,
    pub sessions: Arc<Sessions>,
}

impl Sso {
    /// Refuses products that are unknown or switched off.
    async fn check_product(&self, alias: &str) -> Result<(), Error> {
        let fit = !alias.is_empty() && !alias.contains('\0');
        if fit && products::is_active(&self.pool, alias).await? {
            Ok(())
        } else {
            Err(Error::Invalid(vec![FieldViolation {
                field: "product",
                reason: "NOT_REGISTERED",
                description: "is no active product".into(),
            }]))
        }
    }

    /// The login address behind what a user typed. A code that nobody has, or that
    /// users of several companies have, comes back as it is, which nobody can log
    /// in with; both take as many statements as a code that somebody has.
    async fn login_address(&self, client: &ClientCaller, typed: &str) -> Result<String, Error> {
        let code = typed.trim();
        if users::is_email(code) {
            return Ok(code.to_owned());
        }
        let possible = code.chars().nth(LONGEST_CODE).is_none() && !code.contains('\0');
        let sought = if possible { code } else { "" };
        let company = match client.authority {
            Authority::Platform => None,
            Authority::Company | Authority::Delegated => client.company,
        };
        let company = company.map(|company| company.0);
        if let Some(address) = store::address_of_code(&self.pool, sought, company).await? {
            return Ok(address);
        }
        // What the login spends on the address of somebody.
        store::touch_address(&self.pool, sought).await?;
        Ok(code.to_owned())
    }
}

/// Refuses what is missing for the mode.
fn check(request: &AccessRequest) -> Result<(), Error> {
    let mut wrong = Vec::new();
    let mut require = |holds: bool, field, description: &str| {
        if !holds {
            wrong.push(FieldViolation {
                field,
                reason: "FORMAT",
                description: description.to_owned(),
            });
        }
    };
    require(!request.user.trim().is_empty(), "usuario", "is missing");
    require(request.device_id >= 0, "id_device", "must be at least 1");
    match request.mode() {
        AccessMode::Normal => require(!request.password.is_empty(), "password", "is missing"),
        AccessMode::Pin => {
            let digits = request.pin.bytes().all(|byte| byte.is_ascii_digit());
            let long = (4..=12).contains(&request.pin.len());
            require(digits && long, "pin", "must be 4 to 12 digits");
            require(request.device_id > 0, "id_device", "is missing");
        }
        AccessMode::Unspecified => require(false, "modo", "must be normal or pin"),
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(wrong))
    }
}
