//! SQL on the replicas of users, departments and companies.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Company, Department, User};

/// Takes the state of a user. What the user may no longer work on goes back to the
/// department.
pub(crate) async fn put_user(db: &mut PgConnection, user: &User) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO mail.agent (user_id, company_id, department_id, role, name, email, active)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (user_id) DO UPDATE SET
             company_id = excluded.company_id, department_id = excluded.department_id,
             role = excluded.role, name = excluded.name, email = excluded.email,
             active = excluded.active",
        user.id,
        user.company,
        user.department,
        user.role,
        user.name,
        user.email,
        user.active
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE mail.ticket SET user_id = NULL
         WHERE user_id = $1 AND state <> 'closed' AND NOT ($2 AND company_id = $3)",
        user.id,
        user.active,
        user.company
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the state of a department.
pub(crate) async fn put_department(
    db: &mut PgConnection,
    department: &Department,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO mail.department (department_id, company_id, name, active, hours)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (department_id) DO UPDATE SET
             company_id = excluded.company_id, name = excluded.name,
             active = excluded.active, hours = excluded.hours",
        department.id,
        department.company,
        department.name,
        department.active,
        department.hours
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the state of a company.
pub(crate) async fn put_company(
    db: &mut PgConnection,
    company: &Company,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO mail.company (company_id, name, active, time_zone)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (company_id) DO UPDATE SET
             name = excluded.name, active = excluded.active, time_zone = excluded.time_zone",
        company.id,
        company.name,
        company.active,
        company.time_zone
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The time zone of a company, once it was announced.
pub(crate) async fn time_zone(
    db: &mut PgConnection,
    company: i64,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT time_zone FROM mail.company WHERE company_id = $1",
        company
    )
    .fetch_optional(db)
    .await
}

/// The lowest active department of a company.
pub(crate) async fn first_department(
    db: &mut PgConnection,
    company: i64,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT department_id FROM mail.department
         WHERE company_id = $1 AND active ORDER BY department_id LIMIT 1",
        company
    )
    .fetch_optional(db)
    .await
}

/// The agent of a department with the fewest open tickets to whom nobody else is
/// giving one right now; among equals the one who got none for longest.
pub(super) async fn least_loaded(
    db: &mut PgConnection,
    company: i64,
    department: i64,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT user_id FROM mail.agent
         WHERE company_id = $1 AND department_id = $2 AND role = 3 AND active
         ORDER BY (
                 SELECT count(*) FROM mail.ticket
                 WHERE ticket.user_id = agent.user_id AND state <> 'closed'
             ), last_assigned_at NULLS FIRST, user_id
         LIMIT 1 FOR UPDATE OF agent SKIP LOCKED",
        company,
        department
    )
    .fetch_optional(db)
    .await
}

/// The same, waiting for whoever holds the agent.
pub(super) async fn least_loaded_even_if_locked(
    db: &mut PgConnection,
    company: i64,
    department: i64,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT user_id FROM mail.agent
         WHERE company_id = $1 AND department_id = $2 AND role = 3 AND active
         ORDER BY (
                 SELECT count(*) FROM mail.ticket
                 WHERE ticket.user_id = agent.user_id AND state <> 'closed'
             ), last_assigned_at NULLS FIRST, user_id
         LIMIT 1 FOR UPDATE OF agent",
        company,
        department
    )
    .fetch_optional(db)
    .await
}

/// Notes when an agent was given a ticket last.
pub(super) async fn note_assignment(
    db: &mut PgConnection,
    user: i64,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE mail.agent SET last_assigned_at = $2 WHERE user_id = $1",
        user,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
