//! What this service listens to: companies come and go, conversations go on.

mod conversation;

use async_trait::async_trait;
use auth::CompanyId;
use events::{Event, Handler};
use prost::Message;
use proto::events::v1::CompanyChanged;
use sqlx::PgConnection;

use crate::{apps::Apps, frames::Publisher};

/// Gives every company its app, and takes it away with the company.
pub struct Companies {
    /// The apps.
    pub apps: Apps,
    /// Tells the sockets of an app that was switched off.
    pub publisher: Publisher,
}

#[async_trait]
impl Handler for Companies {
    async fn handle(&self, db: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        if event.r#type != "company.changed" {
            return Ok(());
        }
        let changed = CompanyChanged::decode(event.data.clone())?;
        let company = CompanyId(changed.company_id);
        let app = self.apps.ensure(db, company).await?;
        let switched = self.apps.switch(db, app, changed.active).await?;
        if switched && !changed.active {
            self.publisher.record_disabled(db, app, company).await?;
        }
        Ok(())
    }
}

/// Turns what happens in conversations into frames.
pub struct Conversations {
    /// The apps.
    pub apps: Apps,
    /// Where frames go.
    pub publisher: Publisher,
}

#[async_trait]
impl Handler for Conversations {
    async fn handle(&self, db: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let frames = conversation::frames(event)?;
        if frames.is_empty() {
            return Ok(());
        }
        let company = CompanyId(event.company_id);
        // The company may be so new that its own event was not heard yet.
        let app = self.apps.ensure(db, company).await?;
        self.publisher.record(db, app, company, frames).await?;
        Ok(())
    }
}
