//! Opening a session, the last step of every way to log in.

use std::sync::Arc;

use auth::Caller;
use chassis::Clock;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Candidate, NewSession, store};
use crate::{
    config::Lifetimes,
    error::Error,
    security_events::{Kind, SecurityEvent},
    tokens::{Shape, Tokens},
};

/// Opens sessions.
pub struct Opener {
    pub pool: PgPool,
    pub tokens: Arc<Tokens>,
    pub lifetimes: Lifetimes,
    pub clock: Clock,
}

impl Opener {
    /// Opens a session of `user` through the API client of `caller`, bound to a
    /// device when there is one; answers its first token. The user has proved who
    /// it is: nothing is opened when meanwhile it was switched off, got another
    /// password, or the client was switched off.
    pub async fn open(
        &self,
        caller: &Caller,
        user: &Candidate,
        device: Option<i64>,
        shape: Shape,
    ) -> Result<String, Error> {
        let client = caller.client.as_ref().ok_or(Error::Forbidden)?;
        let now = self.clock.now();
        let lifetime = match device {
            Some(_) => self.lifetimes.device,
            None => self.lifetimes.web,
        };
        let session = NewSession {
            sid: Uuid::now_v7(),
            client: client.id,
            device,
            shape,
            token_id: Uuid::new_v4(),
            created_at: now,
            expires_at: now + lifetime.total,
            idle_seconds: i32::try_from(lifetime.idle.whole_seconds()).unwrap_or(i32::MAX),
        };
        let event = SecurityEvent::of_user(Kind::LoggedIn, user.company, user.id)
            .with(json!({"session": session.sid, "shape": shape.text(), "device": device}));
        let facts = store::open(&self.pool, user, &session, caller, &event)
            .await?
            .ok_or(Error::Login)?;
        self.tokens.make(&facts)
    }
}
