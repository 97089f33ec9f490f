//! All SQL on the replicas of agents and departments.

use auth::{CompanyId, DepartmentId, UserId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Agent, Department};

/// The most users who hear of a waiting chat.
const LARGEST_AUDIENCE: i64 = 1000;

/// Takes the state of a user.
pub(super) async fn put_agent(db: &mut PgConnection, agent: &Agent) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO conversation.agent
             (user_id, company_id, department_id, role, name, email, active)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (user_id) DO UPDATE SET
             company_id = excluded.company_id, department_id = excluded.department_id,
             role = excluded.role, name = excluded.name, email = excluded.email,
             active = excluded.active",
        agent.id.0,
        agent.company.0,
        agent.department.map(|department| department.0),
        agent.role,
        agent.name,
        agent.email,
        agent.active
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
        "INSERT INTO conversation.department (department_id, company_id, name, active, hours)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (department_id) DO UPDATE SET
             company_id = excluded.company_id, name = excluded.name,
             active = excluded.active, hours = excluded.hours",
        department.id.0,
        department.company.0,
        department.name,
        department.active,
        department.hours
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A user.
pub(super) async fn find(
    db: &mut PgConnection,
    user: UserId,
) -> Result<Option<Agent>, sqlx::Error> {
    sqlx::query_as!(
        Agent,
        r#"SELECT user_id AS "id: UserId", company_id AS "company: CompanyId",
               department_id AS "department: DepartmentId", role, name, email, active
           FROM conversation.agent WHERE user_id = $1"#,
        user.0
    )
    .fetch_optional(db)
    .await
}

/// The lowest active department of a company.
pub(super) async fn first_department(
    db: &mut PgConnection,
    company: CompanyId,
) -> Result<Option<DepartmentId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT department_id AS "id: DepartmentId" FROM conversation.department
           WHERE company_id = $1 AND active ORDER BY department_id LIMIT 1"#,
        company.0
    )
    .fetch_optional(db)
    .await
}

/// The agent of a department with the fewest open chats whom nobody else is
/// giving a chat right now; among equals the one who got none for longest.
pub(super) async fn least_loaded(
    db: &mut PgConnection,
    company: CompanyId,
    department: DepartmentId,
) -> Result<Option<(UserId, String)>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT user_id AS "id: UserId", name FROM conversation.agent
           WHERE company_id = $1 AND department_id = $2 AND role = 3 AND active
           ORDER BY (
                   SELECT count(*) FROM conversation.chat
                   WHERE assigned_user_id = agent.user_id AND state <> 'closed'
               ), last_assigned_at NULLS FIRST, user_id
           LIMIT 1 FOR UPDATE OF agent SKIP LOCKED"#,
        company.0,
        department.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|agent| (agent.id, agent.name)))
}

/// The same, waiting for whoever holds the agent.
pub(super) async fn least_loaded_even_if_locked(
    db: &mut PgConnection,
    company: CompanyId,
    department: DepartmentId,
) -> Result<Option<(UserId, String)>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT user_id AS "id: UserId", name FROM conversation.agent
           WHERE company_id = $1 AND department_id = $2 AND role = 3 AND active
           ORDER BY (
                   SELECT count(*) FROM conversation.chat
                   WHERE assigned_user_id = agent.user_id AND state <> 'closed'
               ), last_assigned_at NULLS FIRST, user_id
           LIMIT 1 FOR UPDATE OF agent"#,
        company.0,
        department.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|agent| (agent.id, agent.name)))
}

/// Notes when an agent was given a chat last.
pub(super) async fn note_assignment(
    db: &mut PgConnection,
    user: UserId,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.agent SET last_assigned_at = $2 WHERE user_id = $1",
        user.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The active users of a role in a department, or in the whole company.
pub(super) async fn active_of(
    db: &mut PgConnection,
    company: CompanyId,
    department: Option<DepartmentId>,
    role: i16,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT user_id FROM conversation.agent
         WHERE company_id = $1 AND ($2::bigint IS NULL OR department_id = $2)
           AND role = $3 AND active
         ORDER BY user_id LIMIT $4",
        company.0,
        department.map(|department| department.0),
        role,
        LARGEST_AUDIENCE
    )
    .fetch_all(db)
    .await
}

/// The active users of a company but one, in the order of their names.
pub(super) async fn colleagues(
    db: &mut PgConnection,
    company: CompanyId,
    except: UserId,
    name: &str,
    page: postgres::Page,
) -> Result<Vec<Agent>, sqlx::Error> {
    sqlx::query_as!(
        Agent,
        r#"SELECT user_id AS "id: UserId", company_id AS "company: CompanyId",
               department_id AS "department: DepartmentId", role, name, email, active
           FROM conversation.agent
           WHERE company_id = $1 AND user_id <> $2 AND active
             AND strpos(lower(name), lower($3)) > 0
           ORDER BY name, user_id LIMIT $4 OFFSET $5"#,
        company.0,
        except.0,
        name,
        page.limit(),
        page.offset()
    )
    .fetch_all(db)
    .await
}

/// How many [`colleagues`] there are on all pages.
pub(super) async fn count_colleagues(
    db: &mut PgConnection,
    company: CompanyId,
    except: UserId,
    name: &str,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM conversation.agent
           WHERE company_id = $1 AND user_id <> $2 AND active
             AND strpos(lower(name), lower($3)) > 0"#,
        company.0,
        except.0,
        name
    )
    .fetch_one(db)
    .await
}
