//! What identity publishes: `user.changed`, `password_reset.requested`,
//! `password.changed`.

use events::{NewEvent, Outbox};
use prost::Message;
use proto::events::v1::{PasswordChanged, PasswordResetRequested, UserChanged};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{SCHEMA, users::User};

/// Tells, in the transaction of the change, how a user is now.
pub async fn user_changed(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: &User,
) -> Result<(), sqlx::Error> {
    let data = UserChanged {
        user_id: user.id.0,
        company_id: user.company.0,
        department_id: auth::DepartmentId::or_zero(user.department),
        role: user.role.number().into(),
        name: user.name.clone(),
        email: user.email.clone(),
        active: user.active,
    };
    append(db, now, "user.changed", user, &data).await
}

/// Tells that a user has forgotten the password; the link is fetched by its id.
pub async fn password_reset_requested(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: &User,
    reset: Uuid,
) -> Result<(), sqlx::Error> {
    let data = PasswordResetRequested {
        user_id: user.id.0,
        email: user.email.clone(),
        name: user.name.clone(),
        reset_id: reset.to_string(),
    };
    append(db, now, "password_reset.requested", user, &data).await
}

/// Tells that a user has another password.
pub async fn password_changed(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: &User,
) -> Result<(), sqlx::Error> {
    let data = PasswordChanged {
        user_id: user.id.0,
        email: user.email.clone(),
        name: user.name.clone(),
    };
    append(db, now, "password.changed", user, &data).await
}

async fn append(
    db: &mut PgConnection,
    now: OffsetDateTime,
    kind: &'static str,
    user: &User,
    data: &impl Message,
) -> Result<(), sqlx::Error> {
    let event = NewEvent {
        kind,
        company: user.company.0,
        subject: format!("user-{}", user.id),
        data,
    };
    Outbox::new(SCHEMA).append(db, now, event).await
}
