//! Who is in a presence room, on all replicas.
//!
//! Each socket in a room is a row; the row of the channel is locked while one
//! comes or goes. So the first socket of a user on any replica is the coming, the
//! last one is the going, and each is told once, in order, with a version that
//! tells a newcomer which of them its list already holds. The cost is one short
//! transaction for each joining and leaving socket, one after the other per room.

mod leaver;
mod nodes;
mod store;

use auth::CompanyId;
use proto::events::v1::FramePublished;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};

use crate::{Error, apps::App, frames::Publisher, hub::Socket, names::Wire, protocol::Member};

pub use leaver::Leaver;
pub use nodes::Nodes;

const MEMBER_ADDED: &str = "pusher_internal:member_added";
const MEMBER_REMOVED: &str = "pusher_internal:member_removed";

/// The place of one socket in one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The app.
    pub app: i64,
    /// Its company.
    pub company: CompanyId,
    /// The room.
    pub wire: Wire,
    /// The replica.
    pub node: i64,
    /// The socket.
    pub socket: String,
}

impl Seat {
    /// The seat of a socket in a room.
    pub fn of(app: &App, wire: &Wire, socket: &Socket) -> Self {
        Self {
            app: app.id,
            company: app.company,
            wire: wire.clone(),
            node: socket.node,
            socket: socket.id.clone(),
        }
    }
}

/// Everybody in a room at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// Each user once, in order of id.
    pub members: Vec<Member>,
    /// The version of the list.
    pub version: i64,
}

/// Why somebody cannot enter a room.
#[derive(Debug, thiserror::Error)]
pub enum NoEntry {
    /// The room has as many users as it may.
    #[error("the room is full")]
    Full,
    /// The other replicas hold this one for dead.
    #[error("this replica lost its lease")]
    LostLease,
    /// The database does not answer.
    #[error("the database does not answer at the moment")]
    Database(#[from] sqlx::Error),
}

/// The rooms of all apps. Cloning shares the connections.
#[derive(Clone)]
pub struct Presence {
    pool: PgPool,
    publisher: Publisher,
}

impl Presence {
    /// Rooms whose coming and going goes out through `publisher`.
    pub fn new(pool: PgPool, publisher: Publisher) -> Self {
        Self { pool, publisher }
    }

    /// Takes a seat and answers who is there, the newcomer included.
    pub async fn join(&self, seat: &Seat, member: &Member, most: i64) -> Result<Present, NoEntry> {
        let mut transaction = self.pool.begin().await?;
        let room = (seat.app, seat.wire.as_str());
        let mut version = store::lock(&mut transaction, room).await?;
        if !store::is_present(&mut transaction, room, &member.user_id).await? {
            if store::count_users(&mut transaction, room).await? >= most {
                return Err(NoEntry::Full);
            }
            version = store::next_version(&mut transaction, room).await?;
            let info: Value = serde_json::from_str(&member.info_json).unwrap_or_default();
            let data = json!({"user_id": member.user_id, "user_info": info});
            self.tell(&mut transaction, seat, MEMBER_ADDED, &data, version)
                .await?;
        }
        store::insert(&mut transaction, seat, member)
            .await
            .map_err(|error| match postgres::constraint::violated(&error) {
                Some("presence_member_node") => NoEntry::LostLease,
                _ => NoEntry::Database(error),
            })?;
        let members = store::members(&mut *transaction, room).await?;
        transaction.commit().await?;
        Ok(Present { members, version })
    }

    /// Gives a seat up. A seat that was never taken, or was given up before, is no
    /// error.
    pub async fn leave(&self, seat: &Seat) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        store::lock(&mut transaction, (seat.app, seat.wire.as_str())).await?;
        let left = store::remove(&mut transaction, seat).await?;
        self.tell_of_absent(&mut transaction, seat, left).await?;
        transaction.commit().await
    }

    /// Everybody in a room.
    pub async fn members(&self, app: i64, wire: &Wire) -> Result<Vec<Member>, Error> {
        Ok(store::members(&self.pool, (app, wire.as_str())).await?)
    }

    /// Gives up the seats of a dead replica. Safe to run on several replicas at
    /// once: whoever removes a row tells of it.
    async fn clear_node(&self, node: i64) -> Result<(), sqlx::Error> {
        for (app, company, wire) in store::rooms_of_node(&self.pool, node).await? {
            let seat = Seat {
                app,
                company: CompanyId(company),
                wire: Wire::recorded(&wire),
                node,
                socket: String::new(),
            };
            let mut transaction = self.pool.begin().await?;
            store::lock(&mut transaction, (app, &wire)).await?;
            let left = store::remove_all_of_node(&mut transaction, (app, &wire), node).await?;
            self.tell_of_absent(&mut transaction, &seat, left).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Tells the room of those who have no seat left.
    async fn tell_of_absent(
        &self,
        db: &mut PgConnection,
        seat: &Seat,
        mut left: Vec<String>,
    ) -> Result<(), sqlx::Error> {
        left.sort_unstable();
        left.dedup();
        let room = (seat.app, seat.wire.as_str());
        for user in left {
            if !store::is_present(db, room, &user).await? {
                let version = store::next_version(db, room).await?;
                let data = json!({"user_id": user});
                self.tell(db, seat, MEMBER_REMOVED, &data, version).await?;
            }
        }
        Ok(())
    }

    async fn tell(
        &self,
        db: &mut PgConnection,
        seat: &Seat,
        event: &str,
        data: &Value,
        version: i64,
    ) -> Result<(), sqlx::Error> {
        let frame = FramePublished {
            app_id: seat.app,
            wire_name: seat.wire.to_string(),
            event: event.to_owned(),
            data_json: data.to_string(),
            except_socket_id: String::new(),
            offset: version,
            user_id: String::new(),
        };
        self.publisher
            .record_member_event(db, seat.company, &frame)
            .await
    }
}
