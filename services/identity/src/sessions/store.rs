//! SQL on `identity.session`.

use auth::{Caller, ClientId, CompanyId, DepartmentId, Role, SessionId, UserId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Candidate, Ended, NewSession, SessionState};
use crate::{
    authentication::SignedIn,
    guessing::{Known, Place},
    revocations::Sequence,
    security_events::SecurityEvent,
    tokens::{Facts, Shape},
};

/// The user with a login address, case aside, and whether it has logged in from a
/// place.
pub async fn candidate(
    db: &PgPool,
    email: &str,
    place: &Place,
) -> Result<Option<(Candidate, Known)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT u.user_id AS "id: UserId", u.company_id AS "company: CompanyId",
                  u.role, u.name, u.email, u.phone,
                  (u.active AND c.active IS NOT FALSE) AS "active!", u.password_phc,
                  EXISTS (SELECT FROM identity.pin_device p
                          WHERE p.user_id = u.user_id AND p.failures > 0) AS "pins_failed!",
                  known.network AS "network!", known.device AS "device!", known.today AS "today!"
           FROM identity.users u LEFT JOIN identity.company c USING (company_id)
           CROSS JOIN LATERAL (
               SELECT coalesce(bool_or(o.origin = $2), false) AS network,
                      coalesce(bool_or(o.origin = $3), false) AS device,
                      count(*) FILTER (WHERE o.last_at > $5) AS today
               FROM identity.login_origin o
               WHERE o.user_id = u.user_id AND o.origin IN ($2, $3) AND o.last_at > $4
           ) known
           WHERE lower(u.email) = lower($1)"#,
        email,
        place.network,
        place.device_digest,
        place.since,
        place.today
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| {
        let user = Candidate {
            id: row.id,
            company: row.company,
            role: Role::of(row.role)?,
            name: row.name,
            email: row.email,
            phone: row.phone,
            active: row.active,
            password_phc: row.password_phc,
            pins_failed: row.pins_failed,
        };
        let known = Known {
            network: row.network,
            device: row.device,
            today: row.today,
        };
        Some((user, known))
    }))
}

/// What a token says, with words and numbers as the database has them.
struct FactsRow {
    shape: String,
    number: i64,
    sid: Uuid,
    family: Uuid,
    generation: i32,
    epoch: i64,
    token_id: Uuid,
    made_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    client: ClientId,
    user: UserId,
    company: CompanyId,
    department: Option<DepartmentId>,
    role: i16,
}

impl FactsRow {
    fn read(self) -> Option<Facts> {
        Some(Facts {
            shape: Shape::of(&self.shape),
            number: self.number,
            sid: self.sid,
            family: self.family,
            generation: self.generation,
            epoch: self.epoch,
            token_id: self.token_id,
            made_at: self.made_at,
            expires_at: self.expires_at,
            client: self.client,
            user: self.user,
            company: self.company,
            department: self.department,
            role: Role::of(self.role)?,
        })
    }
}

/// Opens a session for a user who is still active and has still the password
/// that was verified, through a client that is still active. What the token says
/// of the user and the head of the revocation log are from one moment, so that a
/// revocation at the same time is not missed. The security event goes along in the
/// same statement, because round trips are most of what a login costs besides its
/// hash.
pub async fn open(
    db: &PgPool,
    user: &Candidate,
    session: &NewSession,
    by: &Caller,
    event: &SecurityEvent,
) -> Result<Option<Facts>, sqlx::Error> {
    let row = sqlx::query_as!(
        FactsRow,
        r#"WITH checked AS (
               SELECT u.user_id, u.company_id, u.department_id, u.role, h.sequence
               FROM identity.users u
               JOIN identity.api_client a ON a.client_id = $3 AND a.active
               LEFT JOIN identity.company c ON c.company_id = u.company_id
               CROSS JOIN identity.revocation_head h
               WHERE u.user_id = $2 AND u.active AND c.active IS NOT FALSE
                 AND u.password_phc = $8
           ), opened AS (
               INSERT INTO identity.session
                   (sid, user_id, client_id, device_id, family, epoch, created_at, expires_at,
                    idle_seconds, last_used_at, shape, token_id, token_made_at)
               SELECT $1, user_id, $3, $4, $1, sequence, $5, $6, $7, $5, $9, $10, $5
               FROM checked
               RETURNING *
           ), told AS (
               INSERT INTO identity.security_event
                   (at, kind, company_id, user_id, client_id, by_user_id, by_client_id,
                    by_service, bitacora_id, details)
               SELECT $5, $11, $12, $13, $14, $15, $16, $17, $18, $19
               FROM opened
           )
           SELECT opened.shape, opened.number, opened.sid, opened.family, opened.generation,
                  opened.epoch, opened.token_id, opened.token_made_at AS made_at,
                  opened.expires_at, opened.client_id AS "client: ClientId",
                  checked.user_id AS "user: UserId", checked.company_id AS "company: CompanyId",
                  checked.department_id AS "department: DepartmentId", checked.role
           FROM opened CROSS JOIN checked"#,
        session.sid,
        user.id.0,
        session.client.0,
        session.device,
        session.created_at,
        session.expires_at,
        session.idle_seconds,
        user.password_phc,
        session.shape.text(),
        session.token_id,
        event.kind.name(),
        event.company.map(|company| company.0),
        event.user.map(|user| user.0),
        event.client.map(|client| client.0),
        by.user.as_ref().map(|user| user.id.0),
        by.client.as_ref().map(|client| client.id.0),
        &*by.service,
        by.bitacora.map(|bitacora| bitacora.0),
        event.details,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(FactsRow::read))
}

/// Exchanges the present token of a session for its successor, if `generation` is
/// still the present one and nothing has ended the session or voided that token.
/// The one before stays good until `until`.
pub async fn rotate(
    db: &mut PgConnection,
    sid: Uuid,
    generation: i32,
    token_id: Uuid,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Option<Facts>, sqlx::Error> {
    let row = sqlx::query_as!(
        FactsRow,
        r#"UPDATE identity.session s
           SET generation = s.generation + 1, previous_epoch = s.epoch, previous_until = $5,
               epoch = h.sequence, token_id = $3, token_made_at = $4,
               last_used_at = greatest(s.last_used_at, $4)
           FROM identity.revocation_head h, identity.api_client a,
                identity.users u LEFT JOIN identity.company co ON co.company_id = u.company_id
           WHERE s.sid = $1 AND s.generation = $2 AND s.revoked_at IS NULL
             AND u.user_id = s.user_id AND u.active AND co.active IS NOT FALSE
             AND a.client_id = s.client_id AND a.active
             AND s.epoch >= greatest(u.epoch, co.epoch, a.epoch)
           RETURNING s.shape, s.number, s.sid, s.family, s.generation, s.epoch, s.token_id,
                     s.token_made_at AS made_at, s.expires_at,
                     s.client_id AS "client: ClientId", u.user_id AS "user: UserId",
                     u.company_id AS "company: CompanyId",
                     u.department_id AS "department: DepartmentId", u.role"#,
        sid,
        generation,
        token_id,
        now,
        until
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(FactsRow::read))
}

/// What the present token of a session says.
pub async fn present(db: &PgPool, sid: Uuid) -> Result<Option<Facts>, sqlx::Error> {
    let row = sqlx::query_as!(
        FactsRow,
        r#"SELECT s.shape, s.number, s.sid, s.family, s.generation, s.epoch, s.token_id,
                  s.token_made_at AS made_at, s.expires_at,
                  s.client_id AS "client: ClientId", u.user_id AS "user: UserId",
                  u.company_id AS "company: CompanyId",
                  u.department_id AS "department: DepartmentId", u.role
           FROM identity.session s JOIN identity.users u USING (user_id)
           WHERE s.sid = $1"#,
        sid
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(FactsRow::read))
}

/// A session by its id or its number, and the head of the revocation log, both
/// from one moment.
pub async fn state(
    db: &PgPool,
    sid: Option<Uuid>,
    number: Option<i64>,
) -> Result<(Sequence, Option<SessionState>), sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT h.sequence,
                  s.sid AS "sid?", s.family AS "family?", s.generation AS "generation?",
                  s.epoch AS "epoch?", s.previous_epoch AS "previous_epoch?",
                  s.previous_until AS "previous_until?",
                  s.client_id AS "client_id?: ClientId", s.expires_at AS "expires_at?",
                  s.idle_seconds AS "idle_seconds?", s.last_used_at AS "last_used_at?",
                  s.revoked_at AS "revoked_at?",
                  u.user_id AS "user_id?: UserId", u.name AS "name?", u.email AS "email?",
                  u.phone AS "phone?", u.role AS "role?", u.company_id AS "company_id?: CompanyId",
                  u.department_id AS "department_id?: DepartmentId",
                  (u.active AND co.active IS NOT FALSE AND a.active) AS "active?",
                  greatest(u.epoch, co.epoch, a.epoch) AS "void_before?"
           FROM identity.revocation_head h
           LEFT JOIN identity.session s
             ON s.sid = coalesce($1, (SELECT sid FROM identity.session WHERE number = $2))
           LEFT JOIN identity.users u ON u.user_id = s.user_id
           LEFT JOIN identity.company co ON co.company_id = u.company_id
           LEFT JOIN identity.api_client a ON a.client_id = s.client_id"#,
        sid,
        number
    )
    .fetch_one(db)
    .await?;
    let state = || {
        Some(SessionState {
            family: row.family?,
            generation: row.generation?,
            epoch: row.epoch?,
            previous_epoch: row.previous_epoch,
            previous_until: row.previous_until,
            client: row.client_id?,
            expires_at: row.expires_at?,
            idle_seconds: row.idle_seconds?,
            last_used_at: row.last_used_at?,
            revoked_at: row.revoked_at,
            owners_active: row.active?,
            void_before: row.void_before?,
            phone: row.phone?,
            user: SignedIn {
                id: row.user_id?,
                name: row.name?,
                email: row.email?,
                role: Role::of(row.role?)?,
                company: row.company_id?,
                department: row.department_id,
                session: row.sid?,
            },
        })
    };
    Ok((Sequence(row.sequence), state()))
}

/// Voids the token before the present one; false when that was done.
pub async fn end_previous(
    db: &mut PgConnection,
    sid: Uuid,
    generation: i32,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE identity.session SET previous_until = NULL
         WHERE sid = $1 AND generation = $2 AND previous_until IS NOT NULL",
        sid,
        generation
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a session for good, if it had not ended.
pub async fn revoke(
    db: &mut PgConnection,
    session: SessionId,
    now: OffsetDateTime,
) -> Result<Option<Ended>, sqlx::Error> {
    sqlx::query_as!(
        Ended,
        r#"UPDATE identity.session s SET revoked_at = $2
           FROM identity.users u
           WHERE s.sid = $1 AND s.revoked_at IS NULL AND u.user_id = s.user_id
           RETURNING s.sid, s.expires_at, u.user_id AS "user: UserId",
                     u.company_id AS "company: CompanyId""#,
        session.0,
        now
    )
    .fetch_optional(db)
    .await
}

/// Ends the sessions of a login for good; answers those that had not ended.
pub async fn revoke_family(
    db: &mut PgConnection,
    family: Uuid,
    now: OffsetDateTime,
) -> Result<Vec<Ended>, sqlx::Error> {
    sqlx::query_as!(
        Ended,
        r#"UPDATE identity.session s SET revoked_at = $2
           FROM identity.users u
           WHERE s.family = $1 AND s.revoked_at IS NULL AND u.user_id = s.user_id
           RETURNING s.sid, s.expires_at, u.user_id AS "user: UserId",
                     u.company_id AS "company: CompanyId""#,
        family,
        now
    )
    .fetch_all(db)
    .await
}

/// Ends sessions that were not used for too long, some at once; those that are
/// being changed are left for the next time.
pub async fn end_unused(
    db: &mut PgConnection,
    now: OffsetDateTime,
    at_once: i64,
) -> Result<Vec<Ended>, sqlx::Error> {
    sqlx::query_as!(
        Ended,
        r#"UPDATE identity.session s SET revoked_at = $1
           FROM identity.users u
           WHERE u.user_id = s.user_id AND s.sid IN (
               SELECT sid FROM identity.session
               WHERE revoked_at IS NULL AND expires_at > $1
                 AND last_used_at < $1 - make_interval(secs => idle_seconds)
               ORDER BY last_used_at LIMIT $2
               FOR UPDATE SKIP LOCKED
           )
           RETURNING s.sid, s.expires_at, u.user_id AS "user: UserId",
                     u.company_id AS "company: CompanyId""#,
        now,
        at_once
    )
    .fetch_all(db)
    .await
}

/// Notes when sessions were last used, unless a note of the last while is there.
pub async fn used(
    db: &PgPool,
    sids: &[Uuid],
    at: &[OffsetDateTime],
    exact_to: time::Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.session SET last_used_at = used.at
         FROM unnest($1::uuid[], $2::timestamptz[]) AS used (sid, at)
         WHERE session.sid = used.sid AND session.revoked_at IS NULL
           AND session.last_used_at < used.at - make_interval(secs => $3)",
        sids,
        at,
        exact_to.as_seconds_f64()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes sessions that ended before a time, some at once; answers how many.
pub async fn remove_ended(db: &PgPool, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "DELETE FROM identity.session WHERE sid IN (
             SELECT sid FROM identity.session WHERE expires_at < $1 LIMIT 1000
         )",
        before
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
