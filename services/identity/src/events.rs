//! What identity publishes: `user.changed`.

use events::{NewEvent, Outbox};
use proto::events::v1::UserChanged;
use sqlx::PgConnection;
use time::OffsetDateTime;

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
    let event = NewEvent {
        kind: "user.changed",
        company: user.company.0,
        subject: format!("user-{}", user.id),
        data: &data,
    };
    Outbox::new(SCHEMA).append(db, now, event).await
}
