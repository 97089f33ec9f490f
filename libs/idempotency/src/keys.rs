//! The keys of one schema.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use prost::Message;
use sealing::Sealer;
use sqlx::{AssertSqlSafe, PgConnection};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Asked, Error};

/// How long a key is remembered.
pub const KEPT: Duration = Duration::hours(48);

/// How often a row may vanish between being in the way and being read.
const TRIES: usize = 3;

/// The table `idempotency_key` of one schema. Cloning shares it.
#[derive(Clone)]
pub struct Keys {
    pub(crate) statements: Arc<Statements>,
    sealer: Sealer,
}

pub(crate) struct Statements {
    schema: &'static str,
    claim: String,
    forget: String,
    find: String,
    settle: String,
    release: String,
    pub(crate) remove: String,
}

/// What a request found under its key.
#[derive(Debug)]
pub enum Claim<A> {
    /// It was answered before, with this.
    Answered(A),
    /// It is the first one, or goes on with what a first one left.
    Taken(Slot),
}

/// The place where the answer of a request will be kept; nowhere without a key.
#[derive(Debug)]
pub struct Slot {
    asked: Option<Asked>,
    /// Names this request and its repetitions to others, as nothing else does.
    pub id: Uuid,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    request: Vec<u8>,
    answer: Option<Vec<u8>>,
}

impl Statements {
    fn new(schema: &'static str) -> Self {
        let table = format!("{schema}.idempotency_key");
        let named = "owner = $1 AND operation = $2 AND key = $3";
        Self {
            schema,
            // It waits for whoever inserts the same, and locks no row but its own.
            claim: format!(
                "INSERT INTO {table} (owner, operation, key, id, request, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
            ),
            forget: format!("DELETE FROM {table} WHERE {named} AND created_at <= $4"),
            find: format!(
                "SELECT id, request, answer FROM {table} WHERE {named} AND created_at > $4"
            ),
            settle: format!(
                "UPDATE {table} SET answer = $5 WHERE {named} AND id = $4 AND answer IS NULL"
            ),
            release: format!("DELETE FROM {table} WHERE {named} AND id = $4 AND answer IS NULL"),
            remove: format!(
                "DELETE FROM {table} WHERE (owner, operation, key) IN
                     (SELECT owner, operation, key FROM {table} WHERE created_at <= $1 LIMIT $2)"
            ),
        }
    }
}

impl Slot {
    fn without_key() -> Self {
        Self {
            asked: None,
            id: Uuid::new_v4(),
        }
    }

    /// Says whether the request came with a key, so that it may come again.
    pub fn is_keyed(&self) -> bool {
        self.asked.is_some()
    }
}

impl Keys {
    /// The table of `schema`; what it holds is sealed with `sealer`.
    pub fn new(schema: &'static str, sealer: Sealer) -> Self {
        Self {
            statements: Arc::new(Statements::new(schema)),
            sealer,
        }
    }

    /// The answer that a request got before, if it did. For those who have slow
    /// work to do before their transaction: it spares a repetition that work.
    pub async fn answered<A: Message + Default>(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
        asked: Option<&Asked>,
    ) -> Result<Option<A>, Error> {
        let Some(asked) = asked else {
            return Ok(None);
        };
        let row = self.find(db, now, asked).await?;
        row.map_or(Ok(None), |row| self.read(asked, &row))
    }

    /// Takes the key of a request. On the connection of an open transaction, which
    /// then must do the rest of the work, the key is taken if and only if that
    /// commits; on any other connection it is taken at once. A request under the same
    /// key that has not committed yet is waited for.
    pub async fn claim<A: Message + Default>(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
        asked: Option<Asked>,
    ) -> Result<Claim<A>, Error> {
        let Some(asked) = asked else {
            return Ok(Claim::Taken(Slot::without_key()));
        };
        for _ in 0..TRIES {
            if let Some(id) = self.insert(db, now, &asked).await? {
                let asked = Some(asked);
                return Ok(Claim::Taken(Slot { asked, id }));
            }
            let Some(row) = self.find(db, now, &asked).await? else {
                // What was in the way is over, or was removed since.
                self.forget(db, now, &asked).await?;
                continue;
            };
            return Ok(match self.read(&asked, &row)? {
                Some(answer) => Claim::Answered(answer),
                None => Claim::Taken(Slot {
                    asked: Some(asked),
                    id: row.id,
                }),
            });
        }
        Err(Error::Contended)
    }

    /// Keeps the answer, unless another try of the same request has kept its own.
    pub async fn settle(
        &self,
        db: &mut PgConnection,
        slot: &Slot,
        answer: &impl Message,
    ) -> Result<(), Error> {
        let Some(asked) = &slot.asked else {
            return Ok(());
        };
        let sealed = self.seal(asked, slot.id, "answer", &answer.encode_to_vec())?;
        sqlx::query(AssertSqlSafe(&*self.statements.settle))
            .bind(&asked.owner)
            .bind(asked.operation)
            .bind(&asked.key)
            .bind(slot.id)
            .bind(sealed)
            .execute(db)
            .await?;
        Ok(())
    }

    /// Gives back a key whose request was refused after the claim was committed.
    pub async fn release(&self, db: &mut PgConnection, slot: &Slot) -> Result<(), Error> {
        let Some(asked) = &slot.asked else {
            return Ok(());
        };
        sqlx::query(AssertSqlSafe(&*self.statements.release))
            .bind(&asked.owner)
            .bind(asked.operation)
            .bind(&asked.key)
            .bind(slot.id)
            .execute(db)
            .await?;
        Ok(())
    }

    /// Adds the row of a key; none when there is one.
    async fn insert(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
        asked: &Asked,
    ) -> Result<Option<Uuid>, Error> {
        let id = Uuid::new_v4();
        let done = sqlx::query(AssertSqlSafe(&*self.statements.claim))
            .bind(&asked.owner)
            .bind(asked.operation)
            .bind(&asked.key)
            .bind(id)
            .bind(self.seal(asked, id, "request", &asked.digest)?)
            .bind(now)
            .execute(db)
            .await?;
        Ok((done.rows_affected() == 1).then_some(id))
    }

    /// Removes the row of a key that is over.
    async fn forget(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
        asked: &Asked,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(AssertSqlSafe(&*self.statements.forget))
            .bind(&asked.owner)
            .bind(asked.operation)
            .bind(&asked.key)
            .bind(now - KEPT)
            .execute(db)
            .await?;
        Ok(())
    }

    async fn find(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
        asked: &Asked,
    ) -> Result<Option<Row>, sqlx::Error> {
        sqlx::query_as(AssertSqlSafe(&*self.statements.find))
            .bind(&asked.owner)
            .bind(asked.operation)
            .bind(&asked.key)
            .bind(now - KEPT)
            .fetch_optional(db)
            .await
    }

    /// The answer of a row, when it is there and the row is of the same request.
    fn read<A: Message + Default>(&self, asked: &Asked, row: &Row) -> Result<Option<A>, Error> {
        let request = self.open(asked, row.id, "request", &row.request)?;
        if verify_slices_are_equal(&request, &asked.digest).is_err() {
            return Err(Error::Reused);
        }
        let Some(sealed) = &row.answer else {
            return Ok(None);
        };
        let answer = self.open(asked, row.id, "answer", sealed)?;
        A::decode(&*answer)
            .map(Some)
            .map_err(|_| Error::Broken("an answer cannot be decoded"))
    }

    fn seal(&self, asked: &Asked, id: Uuid, column: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.sealer
            .seal(&self.place(asked, id, column), plain)
            .map_err(|_| Error::Broken("nothing can be sealed"))
    }

    fn open(&self, asked: &Asked, id: Uuid, column: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        self.sealer
            .open(&self.place(asked, id, column), sealed)
            .map_err(|_| Error::Broken("what is sealed does not open"))
    }

    /// Where a value is sealed; nothing but the key may hold the character between.
    fn place(&self, asked: &Asked, id: Uuid, column: &str) -> String {
        format!(
            "{}|idempotency_key|{id}|{column}|{}|{}|{}",
            self.statements.schema, asked.owner, asked.operation, asked.key
        )
    }
}
