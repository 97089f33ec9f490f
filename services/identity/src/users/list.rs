//! Lists of users.

use auth::{Caller, CompanyId, DepartmentId, Role, TenantScope};
use postgres::Page;
use sqlx::{PgPool, Postgres, QueryBuilder};

use super::{Account, Users, store::Row};
use crate::{
    access::{self, Action},
    error::Error,
};

/// Which users to list; empty and `None` keep all.
#[derive(Debug, Default)]
pub struct Filter {
    pub name: String,
    pub email: String,
    pub company: Option<CompanyId>,
    pub company_name: String,
    pub role: Option<Role>,
    pub phone: String,
    pub department: Option<DepartmentId>,
    pub active: Option<bool>,
}

impl Users {
    /// A page of the users that pass the filter, and how many pass it at all.
    pub(super) async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        page: Page,
    ) -> Result<(Vec<Account>, u64), Error> {
        access::admit(caller, Action::List)?;
        let texts = [
            &filter.name,
            &filter.email,
            &filter.company_name,
            &filter.phone,
        ];
        // No text in the database holds it, and none can be asked for.
        if texts.iter().any(|text| text.contains('\0')) {
            return Ok((Vec::new(), 0));
        }
        let scope = caller.scope();
        let total = count(&self.pool, scope, filter).await?;
        // Skipping all rows to find none would be the dearest page of all.
        let users = if page.offset() < total {
            rows(&self.pool, scope, filter, page).await?
        } else {
            Vec::new()
        };
        Ok((users, u64::try_from(total).unwrap_or(0)))
    }
}

async fn count(db: &PgPool, scope: TenantScope, filter: &Filter) -> Result<i64, sqlx::Error> {
    let mut query = QueryBuilder::new("SELECT count(*) FROM identity.users u");
    conditions(&mut query, scope, filter);
    query.build_query_scalar().fetch_one(db).await
}

/// The ids are found first, so that the rows that are skipped are not read.
async fn rows(
    db: &PgPool,
    scope: TenantScope,
    filter: &Filter,
    page: Page,
) -> Result<Vec<Account>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "SELECT u.user_id, u.company_id, u.department_id, u.role, u.code, u.name, u.email,
                u.phone, u.active, u.online, u.epoch, u.created_at, u.updated_at,
                p.mime, p.size, p.sha256, p.updated_at AS picture_at
         FROM (SELECT u.user_id FROM identity.users u",
    );
    conditions(&mut query, scope, filter);
    query.push(" ORDER BY u.user_id LIMIT ");
    query.push_bind(page.limit());
    query.push(" OFFSET ");
    query.push_bind(page.offset());
    query.push(
        ") AS chosen JOIN identity.users u USING (user_id)
         LEFT JOIN identity.user_picture p USING (user_id) ORDER BY u.user_id",
    );
    let rows: Vec<Row> = query.build_query_as().fetch_all(db).await?;
    Ok(rows.into_iter().filter_map(Row::account).collect())
}

/// Only what is asked for becomes part of the statement: a condition that may be
/// switched off by its value would keep the planner from the indexes.
fn conditions(query: &mut QueryBuilder<Postgres>, scope: TenantScope, filter: &Filter) {
    query.push(" WHERE TRUE");
    if let Some(company) = scope.confine() {
        query.push(" AND u.company_id = ").push_bind(company);
    }
    if let Some(company) = filter.company {
        query.push(" AND u.company_id = ").push_bind(company.0);
    }
    if let Some(department) = filter.department {
        query
            .push(" AND u.department_id = ")
            .push_bind(department.0);
    }
    if let Some(role) = filter.role {
        query.push(" AND u.role = ").push_bind(role.number());
    }
    if let Some(active) = filter.active {
        query.push(" AND u.active = ").push_bind(active);
    }
    let contains = |query: &mut QueryBuilder<Postgres>, column: &'static str, text: &str| {
        query.push(" AND strpos(").push(column);
        query
            .push(", identity.plain(")
            .push_bind(text.to_owned())
            .push(")) > 0");
    };
    if !filter.name.is_empty() {
        contains(query, "u.plain_name", &filter.name);
    }
    if !filter.email.is_empty() {
        contains(query, "u.plain_email", &filter.email);
    }
    if !filter.phone.is_empty() {
        let digits: String = filter.phone.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() {
            query.push(" AND FALSE");
        } else {
            query.push(" AND strpos(u.phone_digits, ").push_bind(digits);
            query.push(") > 0");
        }
    }
    if !filter.company_name.is_empty() {
        query.push(" AND u.company_id IN (SELECT c.company_id FROM identity.company c WHERE TRUE");
        contains(query, "identity.plain(c.name)", &filter.company_name);
        query.push(")");
    }
}
