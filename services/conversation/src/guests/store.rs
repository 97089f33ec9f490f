//! All SQL on guests and their identities.

use auth::{CompanyId, GuestId, TenantScope};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Guest, Identity, IdentityKind, Name};

/// Makes everybody who mentions one of these names take turns until the
/// transaction ends. Locks are taken in one order, so nobody waits in a circle.
pub(super) async fn lock_names(
    db: &mut PgConnection,
    company: CompanyId,
    names: &[(i64, &Identity)],
) -> Result<(), sqlx::Error> {
    let mut keys: Vec<String> = names
        .iter()
        .map(|(scope, name)| format!("guest/{company}/{scope}/{:?}/{}", name.kind, name.value))
        .collect();
    keys.sort();
    keys.dedup();
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended(key, 0))
         FROM unnest($1::text[]) WITH ORDINALITY AS wanted (key, place) ORDER BY place",
        &keys
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

/// Scopes, kinds and values of names, as columns.
fn columns(names: &[(i64, &Identity)]) -> (Vec<i64>, Vec<IdentityKind>, Vec<String>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (scope, name) in names {
        columns.0.push(*scope);
        columns.1.push(name.kind);
        columns.2.push(name.value.clone());
    }
    columns
}

/// The guests who have any of these names, the oldest first.
pub(super) async fn holders(
    db: &mut PgConnection,
    company: CompanyId,
    names: &[(i64, &Identity)],
) -> Result<Vec<GuestId>, sqlx::Error> {
    let (scopes, kinds, values) = columns(names);
    sqlx::query_scalar!(
        r#"SELECT DISTINCT held.guest_id AS "guest_id: GuestId"
           FROM unnest($2::bigint[], $3::text[], $4::text[]) AS wanted (scope, kind, value)
           JOIN conversation.guest_identity AS held
             ON held.company_id = $1 AND held.scope_channel_id = wanted.scope
            AND held.kind = wanted.kind AND held.value = wanted.value
           ORDER BY 1"#,
        company.0,
        &scopes,
        &kinds as &[IdentityKind],
        &values
    )
    .fetch_all(db)
    .await
}

/// Takes the rows of guests, in the order of their ids.
pub(super) async fn lock(db: &mut PgConnection, guests: &[GuestId]) -> Result<(), sqlx::Error> {
    let ids: Vec<i64> = guests.iter().map(|guest| guest.0).collect();
    sqlx::query!(
        "SELECT id FROM conversation.guest WHERE id = ANY($1) ORDER BY id FOR UPDATE",
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

/// Adds a guest.
pub(super) async fn insert(
    db: &mut PgConnection,
    company: CompanyId,
    name: &Name,
    now: OffsetDateTime,
) -> Result<GuestId, sqlx::Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO conversation.guest (company_id, name, name_rank, name_at, created_at)
           VALUES ($1, $2, $3, $4, $5) RETURNING id AS "id: GuestId""#,
        company.0,
        name.text,
        name.rank.number(),
        name.at,
        now
    )
    .fetch_one(db)
    .await
}

/// Gives a guest names that nobody else has, or notes that the guest was seen
/// under them.
pub(super) async fn put_names(
    db: &mut PgConnection,
    guest: GuestId,
    company: CompanyId,
    names: &[(i64, &Identity)],
    seen_at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let (scopes, kinds, values) = columns(names);
    let addresses: Vec<String> = names.iter().map(|(_, name)| name.address.clone()).collect();
    sqlx::query!(
        "INSERT INTO conversation.guest_identity
             (company_id, scope_channel_id, kind, value, address, guest_id, seen_at)
         SELECT $1, said.scope, said.kind, said.value, said.address, $6, $7
         FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[])
              WITH ORDINALITY AS said (scope, kind, value, address, place)
         ORDER BY said.place
         ON CONFLICT ON CONSTRAINT guest_identity_once
         DO UPDATE SET address = excluded.address, seen_at = excluded.seen_at
         WHERE (excluded.seen_at, excluded.address)
             > (guest_identity.seen_at, guest_identity.address)",
        company.0,
        &scopes,
        &kinds as &[IdentityKind],
        &values,
        &addresses,
        guest.0,
        seen_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Calls a guest by a name unless a better or later one is known.
pub(super) async fn rename(
    db: &mut PgConnection,
    guest: GuestId,
    name: &Name,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.guest SET name = $2, name_rank = $3, name_at = $4
         WHERE id = $1 AND ($3, $4, $2) > (name_rank, name_at, name)",
        guest.0,
        name.text,
        name.rank.number(),
        name.at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stores a mail address.
pub(super) async fn set_email(
    db: &mut PgConnection,
    guest: GuestId,
    email: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.guest SET email = $2 WHERE id = $1",
        guest.0,
        email
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A guest within reach; one that went into another is that other.
pub(super) async fn find(
    db: &mut PgConnection,
    scope: TenantScope,
    guest: GuestId,
) -> Result<Option<Guest>, sqlx::Error> {
    sqlx::query_as!(
        Guest,
        r#"SELECT guest.id AS "id: GuestId", guest.company_id AS "company: CompanyId",
               guest.name, guest.email, guest.token_version,
               COALESCE((
                   SELECT value FROM conversation.guest_identity
                   WHERE guest_id = guest.id AND kind = 'wa_phone'
                   ORDER BY seen_at DESC, id DESC LIMIT 1
               ), '') AS "phone!"
           FROM conversation.guest
           WHERE guest.id = (
                   SELECT COALESCE(merged_into_id, id) FROM conversation.guest WHERE id = $1
               )
             AND ($2::bigint IS NULL OR guest.company_id = $2)"#,
        guest.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await
}

/// The version of tokens of a guest, by the id the guest was given first.
pub(super) async fn token_version(
    db: &mut PgConnection,
    company: CompanyId,
    guest: GuestId,
) -> Result<Option<(i32, GuestId)>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT token_version, COALESCE(merged_into_id, id) AS "now_id!: GuestId"
           FROM conversation.guest WHERE id = $1 AND company_id = $2"#,
        guest.0,
        company.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|row| (row.token_version, row.now_id)))
}

/// The names of a guest that are good on a channel, the one seen last first.
pub(super) async fn names_on(
    db: &mut PgConnection,
    guest: GuestId,
    channel: i64,
) -> Result<Vec<Identity>, sqlx::Error> {
    sqlx::query_as!(
        Identity,
        r#"SELECT kind AS "kind: IdentityKind", value, address
           FROM conversation.guest_identity
           WHERE guest_id = $1 AND scope_channel_id IN (0, $2)
           ORDER BY seen_at DESC, id DESC"#,
        guest.0,
        channel
    )
    .fetch_all(db)
    .await
}

/// Makes one guest of two: everything of `gone` but its chats goes to `kept`.
pub(super) async fn join(
    db: &mut PgConnection,
    kept: GuestId,
    gone: GuestId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.guest_identity SET guest_id = $1 WHERE guest_id = $2",
        kept.0,
        gone.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE conversation.guest AS kept SET
             name = better.name, name_rank = better.name_rank, name_at = better.name_at
         FROM conversation.guest AS better
         WHERE kept.id = $1 AND better.id = $2
           AND (better.name_rank, better.name_at, better.name)
             > (kept.name_rank, kept.name_at, kept.name)",
        kept.0,
        gone.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE conversation.guest AS kept SET email = other.email
         FROM conversation.guest AS other
         WHERE kept.id = $1 AND other.id = $2 AND kept.email = ''",
        kept.0,
        gone.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE conversation.guest SET merged_into_id = $1 WHERE id = $2 OR merged_into_id = $2",
        kept.0,
        gone.0
    )
    .execute(db)
    .await?;
    Ok(())
}
