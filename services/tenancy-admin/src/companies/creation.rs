//! Creating a company. Two databases have to agree without a common transaction:
//! the company, its department and its FAQ are stored invisibly, identity creates
//! the administrator under a key that makes repetitions harmless, and then the
//! company becomes visible. What is left half-way by a crash, [`super::finish`]
//! takes up.

use auth::{Caller, CompanyId};
use aws_lc_rs::digest::{SHA256, digest};
use chassis::{config::Secret, crash};
use idempotency::{Asked, Claim, Slot};
use proto::{identity::v1::User, tenancy::v1::CreateCompanyResponse};
use sqlx::{Connection, PgConnection};
use time::{Duration, OffsetDateTime};
use tracing::Instrument;
use uuid::Uuid;

use super::{Companies, Record, StoredToken, announce, check_zone, rpc, store};
use crate::{
    departments::{self, Department},
    error::Error,
    faqs::{self, ALL_DEPARTMENTS, Faq},
    identity::{Administrator, NotCreated},
    input::{Faults, LINE, Sign},
    rights::{Action, permit},
    security_events::{self, Kind, SecurityEvent},
};

/// The first department of every company.
const DEPARTMENT: &str = "GENERAL";

/// The first ready answer of every company.
const REPLY: &str = "Hola, ¿en qué podemos ayudarte?";

/// After this long an attempt that said nothing is over: longer than the calls
/// of one can take together.
const LONGEST_ATTEMPT: Duration = Duration::seconds(30);

/// A company to create.
#[derive(Clone)]
pub struct NewCompany {
    pub name: String,
    pub email: String,
    pub plan: i64,
    pub balance: String,
    pub pay_day: String,
    pub administrator: Administrator,
    /// Empty means that of the deployment.
    pub time_zone: String,
}

/// Everything that came to be.
pub struct Created {
    pub record: Record,
    pub token: Secret,
    pub department: Department,
    pub administrator: User,
    pub faq: Faq,
}

/// One try to bring a company to life.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pub id: CompanyId,
    pub uuid: Uuid,
    pub attempted_at: OffsetDateTime,
}

/// What a request found.
enum Reserved {
    /// The same request was answered before.
    Answered(Box<CreateCompanyResponse>),
    /// The company is invisible and waits for its administrator.
    Attempt(Attempt, Slot),
    /// The company is there, and nobody has been told.
    Finished(Attempt, Slot),
}

impl NewCompany {
    fn checked(mut self) -> Result<Self, Error> {
        let mut faults = Faults::default();
        faults.text("name", &self.name, 1, LINE);
        faults.email("email", &self.email);
        self.balance = faults.amount("balance", &self.balance, Sign::Any);
        faults.day("pay_day", &self.pay_day);
        faults.text("user_name", &self.administrator.name, 1, LINE);
        faults.email("user_email", &self.administrator.email);
        faults.text("password", self.administrator.password.expose(), 8, LINE);
        faults.done()?;
        self.email = self.email.to_lowercase();
        self.administrator.email = self.administrator.email.to_lowercase();
        Ok(self)
    }

    /// Tells one request from another. The password is not in it: a digest that
    /// can be computed fast must not tell anything about one.
    fn digest(&self) -> Vec<u8> {
        let values = serde_json::json!([
            self.name,
            self.email,
            self.plan,
            self.balance,
            self.pay_day,
            self.administrator.name,
            self.administrator.email,
            self.time_zone,
        ]);
        digest(&SHA256, values.to_string().as_bytes())
            .as_ref()
            .to_vec()
    }
}

impl Companies {
    /// Creates a company with its department, its FAQ and its administrator.
    pub(super) async fn create(
        &self,
        caller: &Caller,
        asked: Option<Asked>,
        new: NewCompany,
    ) -> Result<CreateCompanyResponse, Error> {
        permit(caller, Action::WriteCompanies)?;
        let mut new = new.checked()?;
        if new.time_zone.is_empty() {
            new.time_zone.clone_from(&self.time_zone);
        } else {
            check_zone(&mut *self.pool.acquire().await?, &new.time_zone).await?;
        }
        let (work, caller) = (self.clone(), caller.clone());
        // It goes on when the caller hangs up in the middle.
        let work = async move { work.provision(&caller, asked, &new).await }.in_current_span();
        tokio::spawn(work).await.map_err(Error::Lost)?
    }

    async fn provision(
        &self,
        caller: &Caller,
        asked: Option<Asked>,
        new: &NewCompany,
    ) -> Result<CreateCompanyResponse, Error> {
        let (attempt, slot) = match self.reserve(asked, new).await? {
            Reserved::Answered(answer) => return Ok(*answer),
            Reserved::Attempt(attempt, slot) => (attempt, slot),
            Reserved::Finished(company, slot) => {
                let user = self.identity.created_under(company.uuid).await?;
                let user = user.ok_or(Error::Contended)?;
                return self.complete(caller, company, user, &slot).await;
            }
        };
        crash::point("company.provisioned");
        let department = departments::first_of(&self.pool, attempt.id).await?;
        let created = self
            .identity
            .create_administrator(attempt.uuid, attempt.id, department.0, &new.administrator)
            .await;
        match created {
            Ok(user) => {
                crash::point("company.user_created");
                self.complete(caller, attempt, user, &slot).await
            }
            Err(NotCreated::Refused(error)) => {
                self.abandon(caller, attempt, Some(&slot)).await?;
                Err(error)
            }
            Err(NotCreated::Unknown(error)) => {
                store::give_up(&self.pool, attempt).await?;
                Err(error)
            }
        }
    }

    /// Stores the company invisibly, or finds what an earlier try left.
    async fn reserve(&self, asked: Option<Asked>, new: &NewCompany) -> Result<Reserved, Error> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let slot = match self.keys.claim(&mut transaction, now, asked).await? {
            Claim::Answered(answer) => return Ok(Reserved::Answered(Box::new(answer))),
            Claim::Taken(slot) => slot,
        };
        let left = if slot.is_keyed() {
            store::left_by(&mut transaction, slot.id).await?
        } else {
            None
        };
        let reserved = if let Some(left) = left {
            let attempt = Attempt {
                id: left.id,
                uuid: slot.id,
                attempted_at: now,
            };
            match left.state.as_str() {
                "active" => Reserved::Finished(attempt, slot),
                "provisioning" => {
                    store::try_again(&mut transaction, attempt).await?;
                    Reserved::Attempt(attempt, slot)
                }
                _ => return Err(idempotency::Error::Reused.into()),
            }
        } else {
            let attempt = self.attempt(&mut transaction, now, new, slot.id).await?;
            Reserved::Attempt(attempt, slot)
        };
        transaction.commit().await?;
        Ok(reserved)
    }

    /// A new company, or one that the same request left without a key.
    async fn attempt(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
        new: &NewCompany,
        uuid: Uuid,
    ) -> Result<Attempt, Error> {
        let digest = new.digest();
        let mut inner = db.begin().await?;
        let refused = match self.insert(&mut inner, now, new, uuid, &digest).await {
            Ok(attempt) => {
                inner.commit().await?;
                return Ok(attempt);
            }
            Err(error @ Error::CompanyEmailTaken) => error,
            Err(error) => return Err(error),
        };
        inner.rollback().await?;
        let silent = now - LONGEST_ATTEMPT;
        store::take_over(db, now, silent, &new.email, &digest)
            .await?
            .ok_or(refused)
    }

    async fn insert(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
        new: &NewCompany,
        uuid: Uuid,
        digest: &[u8],
    ) -> Result<Attempt, Error> {
        let token = StoredToken::new(&self.sealer, uuid, &Uuid::new_v4().to_string())?;
        let row = store::NewRow {
            uuid,
            digest,
            token: &token,
        };
        let id = store::insert(&mut *db, now, new, &row)
            .await?
            .ok_or_else(|| Error::field("id_plan", "NOT_REGISTERED", "no such active plan"))?;
        departments::add_first(&mut *db, now, id, DEPARTMENT).await?;
        faqs::add_first(db, now, id, REPLY, &[ALL_DEPARTMENTS]).await?;
        Ok(Attempt {
            id,
            uuid,
            attempted_at: now,
        })
    }

    /// Makes a company visible and keeps the answer that tells about it.
    async fn complete(
        &self,
        caller: &Caller,
        attempt: Attempt,
        administrator: User,
        slot: &Slot,
    ) -> Result<CreateCompanyResponse, Error> {
        let mut transaction = self.pool.begin().await?;
        self.show(&mut transaction, caller, attempt).await?;
        let created = self
            .result(&mut transaction, caller, attempt, administrator)
            .await?;
        let answer = rpc::answer(created);
        self.keys.settle(&mut transaction, slot, &answer).await?;
        transaction.commit().await?;
        Ok(answer)
    }

    /// Makes a company visible whose administrator is known.
    pub(super) async fn activate(&self, caller: &Caller, attempt: Attempt) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        self.show(&mut transaction, caller, attempt).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Makes a company visible and tells everybody, once.
    async fn show(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        attempt: Attempt,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        if store::activate(&mut *db, now, attempt.id).await? {
            announce(&mut *db, now, attempt.id).await?;
            departments::announce_all(&mut *db, now, attempt.id).await?;
            let event = SecurityEvent::of_company(Kind::CompanyCreated, attempt.id);
            security_events::record(db, now, caller, event).await?;
        }
        Ok(())
    }

    /// Removes a company that never became visible, unless another attempt has
    /// begun, and gives back the key it was asked for with.
    pub(super) async fn abandon(
        &self,
        caller: &Caller,
        attempt: Attempt,
        slot: Option<&Slot>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        if store::remove(&mut transaction, attempt).await? {
            if let Some(slot) = slot {
                self.keys.release(&mut transaction, slot).await?;
            }
            let event = SecurityEvent::of_company(Kind::CompanyAbandoned, attempt.id);
            security_events::record(&mut transaction, now, caller, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn result(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        company: Attempt,
        administrator: User,
    ) -> Result<Created, Error> {
        let scope = caller.scope();
        let record = store::find(&mut *db, scope, company.id)
            .await?
            .ok_or(Error::Contended)?;
        let token = self.token(&record)?;
        let department = departments::first_of(&mut *db, company.id).await?;
        Ok(Created {
            department: departments::load(&mut *db, scope, department).await?,
            faq: faqs::first_of(db, company.id).await?,
            record,
            token,
            administrator,
        })
    }
}
