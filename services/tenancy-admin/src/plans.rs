//! Plans: what companies subscribe to. They belong to the platform.

mod rpc;
mod store;

use auth::Caller;
use chassis::Clock;
use idempotency::Keys;
use postgres::Page;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use crate::{
    error::Error,
    input::{Faults, Sign},
    rights::{Action, permit},
    security_events::{self, Kind, SecurityEvent},
};

/// A plan. Amounts and quantities are decimal numbers without superfluous digits.
#[derive(Clone, Debug)]
pub struct Plan {
    pub id: i64,
    pub name: String,
    pub total_dau: String,
    pub price_additional_dau: String,
    pub no_dau: String,
    /// The price of the plan itself.
    pub price: String,
    pub price_chatbot: String,
    pub price_api: String,
    pub price_messenger: String,
    pub price_telegram: String,
    pub price_whatsapp: String,
    pub price_agent: String,
    pub max_users: i64,
    pub active: bool,
}

/// Keeps the plans.
pub struct Plans {
    pub pool: PgPool,
    pub clock: Clock,
    pub keys: Keys,
}

impl Plans {
    async fn list(
        &self,
        caller: &Caller,
        name: &str,
        active: Option<bool>,
        page: Page,
    ) -> Result<(Vec<Plan>, i64), Error> {
        permit(caller, Action::ReadPlans)?;
        let mut faults = Faults::default();
        faults.searchable(&[("filters.name", name)]);
        faults.done()?;
        let total = store::count(&self.pool, name, active).await?;
        let plans = store::list(&self.pool, name, active, page).await?;
        Ok((plans, total))
    }

    /// Adds an active plan on the connection of an open transaction; its id is
    /// given here.
    async fn create(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        new: Plan,
    ) -> Result<Plan, Error> {
        permit(caller, Action::WritePlans)?;
        let mut plan = new.checked()?;
        let now = self.clock.now();
        plan.id = store::insert(&mut *db, now, &plan).await?;
        let event = SecurityEvent::of_plan(Kind::PlanCreated, plan.id);
        security_events::record(db, now, caller, event).await?;
        Ok(plan)
    }

    async fn set_active(
        &self,
        caller: &Caller,
        id: i64,
        active: bool,
    ) -> Result<(Plan, bool), Error> {
        permit(caller, Action::WritePlans)?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let mut plan = store::lock(&mut transaction, id)
            .await?
            .ok_or(Error::NoSuchPlan)?;
        if plan.active == active {
            return Ok((plan, false));
        }
        plan.active = active;
        store::set_active(&mut transaction, now, id, active).await?;
        let kind = if active {
            Kind::PlanEnabled
        } else {
            Kind::PlanDisabled
        };
        let event = SecurityEvent::of_plan(kind, id);
        security_events::record(&mut transaction, now, caller, event).await?;
        transaction.commit().await?;
        Ok((plan, true))
    }
}

impl Plan {
    fn checked(mut self) -> Result<Self, Error> {
        let mut faults = Faults::default();
        faults.text("name", &self.name, 3, 100);
        for (field, amount) in [
            ("total_dau", &mut self.total_dau),
            ("price_additional_dau", &mut self.price_additional_dau),
            ("no_dau", &mut self.no_dau),
            ("plan_price", &mut self.price),
            ("price_api", &mut self.price_api),
            ("price_messenger", &mut self.price_messenger),
            ("price_telegram", &mut self.price_telegram),
        ] {
            *amount = faults.amount(field, amount, Sign::NotNegative);
        }
        if self.max_users < 0 {
            faults.add("max_users", "NEGATIVE", "must not be negative");
        }
        for (field, amount) in [
            ("price_chatbot", &mut self.price_chatbot),
            ("price_whatsapp", &mut self.price_whatsapp),
            ("price_agent", &mut self.price_agent),
        ] {
            if amount.is_empty() {
                "0".clone_into(amount);
            }
            *amount = faults.amount(field, amount, Sign::NotNegative);
        }
        faults.done()?;
        Ok(self)
    }
}

/// Adds plans that are missing.
pub async fn add_missing(
    db: &mut PgConnection,
    now: OffsetDateTime,
    plans: &[Plan],
) -> Result<(), Error> {
    let mut added = false;
    for plan in plans {
        added |= store::insert_with_id(db, now, plan).await?;
    }
    if added {
        store::move_sequence(db).await?;
    }
    Ok(())
}
