//! Creating a company. Two databases have to agree without a common transaction:
//! the company, its department and its FAQ are stored invisibly, identity creates
//! the administrator under a key that makes repetitions harmless, and then the
//! company becomes visible. What is left half-way by a crash, [`super::finish`]
//! takes up.

use auth::{Caller, CompanyId};
use aws_lc_rs::digest::{SHA256, digest};
use chassis::{config::Secret, crash};
use proto::identity::v1::User;
use time::{Duration, OffsetDateTime};
use tracing::Instrument;
use uuid::Uuid;

use super::{Companies, Record, StoredToken, announce, check_zone, store};
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

/// The states that a company passes through.
const STATES: usize = 3;

/// The longest idempotency key in characters.
const LONGEST_KEY: usize = 255;

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
    /// Empty when the caller has none.
    pub key: String,
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
    /// The company is invisible and waits for its administrator.
    Attempt(Attempt),
    /// The same request was answered before.
    Finished(Attempt),
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
        faults.text("idempotency_key", &self.key, 0, LONGEST_KEY);
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

    /// The key as it is stored: nobody meets the keys of somebody else.
    fn key_of(&self, caller: &Caller) -> Option<String> {
        let client = caller.client.as_ref().map_or(0, |client| client.id.0);
        let user = caller.user.as_ref().map_or(0, |user| user.id.0);
        (!self.key.is_empty()).then(|| format!("{client}|{user}|{}", self.key))
    }
}

impl Companies {
    /// Creates a company with its department, its FAQ and its administrator.
    pub(super) async fn create(&self, caller: &Caller, new: NewCompany) -> Result<Created, Error> {
        permit(caller, Action::WriteCompanies)?;
        let mut new = new.checked()?;
        if new.time_zone.is_empty() {
            new.time_zone.clone_from(&self.time_zone);
        } else {
            check_zone(&mut *self.pool.acquire().await?, &new.time_zone).await?;
        }
        let (work, caller) = (self.clone(), caller.clone());
        // It goes on when the caller hangs up in the middle.
        let work = async move { work.provision(&caller, &new).await }.in_current_span();
        tokio::spawn(work).await.map_err(Error::Lost)?
    }

    async fn provision(&self, caller: &Caller, new: &NewCompany) -> Result<Created, Error> {
        let attempt = match self.reserve(caller, new).await? {
            Reserved::Attempt(attempt) => attempt,
            Reserved::Finished(company) => {
                let user = self.identity.created_under(company.uuid).await?;
                return self
                    .result(caller, company, user.ok_or(Error::KeyReused)?)
                    .await;
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
                self.activate(caller, attempt).await?;
                self.result(caller, attempt, user).await
            }
            Err(NotCreated::Refused(error)) => {
                self.abandon(caller, attempt).await?;
                Err(error)
            }
            Err(NotCreated::Unknown(error)) => {
                store::give_up(&self.pool, attempt).await?;
                Err(error)
            }
        }
    }

    /// Stores the company invisibly, or finds what an earlier try left.
    async fn reserve(&self, caller: &Caller, new: &NewCompany) -> Result<Reserved, Error> {
        let key = new.key_of(caller);
        let digest = new.digest();
        if let Some(reserved) = self.repeated(key.as_deref(), &digest).await? {
            return Ok(reserved);
        }
        let refused = match self.insert(new, key.as_deref(), &digest).await {
            Ok(attempt) => return Ok(Reserved::Attempt(attempt)),
            Err(error @ (Error::CompanyEmailTaken | Error::KeyReused)) => error,
            Err(error) => return Err(error),
        };
        // The same request may have come in twice at once.
        if let Some(reserved) = self.repeated(key.as_deref(), &digest).await? {
            return Ok(reserved);
        }
        let now = self.clock.now();
        let silent = now - LONGEST_ATTEMPT;
        store::take_over(&self.pool, now, silent, &new.email, &digest)
            .await?
            .map(Reserved::Attempt)
            .ok_or(refused)
    }

    /// What came of the request that bore the same key before.
    async fn repeated(&self, key: Option<&str>, digest: &[u8]) -> Result<Option<Reserved>, Error> {
        let Some(key) = key else {
            return Ok(None);
        };
        // What it finds may change before it can take it up, but only forwards.
        for _ in 0..STATES {
            let Some(found) = store::by_key(&self.pool, key).await? else {
                return Ok(None);
            };
            if found.digest.as_deref() != Some(digest) || found.state == "deleted" {
                return Err(Error::KeyReused);
            }
            let attempt = Attempt {
                id: found.id,
                uuid: found.uuid,
                attempted_at: self.clock.now(),
            };
            if found.state == "active" {
                return Ok(Some(Reserved::Finished(attempt)));
            }
            if store::try_again(&self.pool, attempt).await? {
                return Ok(Some(Reserved::Attempt(attempt)));
            }
        }
        Err(Error::Contended)
    }

    async fn insert(
        &self,
        new: &NewCompany,
        key: Option<&str>,
        digest: &[u8],
    ) -> Result<Attempt, Error> {
        let now = self.clock.now();
        let uuid = Uuid::new_v4();
        let token = StoredToken::new(&self.sealer, uuid, &Uuid::new_v4().to_string())?;
        let mut transaction = self.pool.begin().await?;
        let row = store::NewRow {
            uuid,
            key,
            digest,
            token: &token,
        };
        let id = store::insert(&mut transaction, now, new, &row)
            .await?
            .ok_or_else(|| Error::field("id_plan", "NOT_REGISTERED", "no such active plan"))?;
        departments::add_first(&mut transaction, now, id, DEPARTMENT).await?;
        faqs::add_first(&mut transaction, now, id, REPLY, &[ALL_DEPARTMENTS]).await?;
        transaction.commit().await?;
        Ok(Attempt {
            id,
            uuid,
            attempted_at: now,
        })
    }

    /// Makes a company visible and tells everybody, once.
    pub(super) async fn activate(&self, caller: &Caller, attempt: Attempt) -> Result<(), Error> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        if store::activate(&mut transaction, now, attempt.id).await? {
            announce(&mut transaction, now, attempt.id).await?;
            departments::announce_all(&mut transaction, now, attempt.id).await?;
            let event = SecurityEvent::of_company(Kind::CompanyCreated, attempt.id);
            security_events::record(&mut transaction, now, caller, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Removes a company that never became visible, unless another attempt has
    /// begun.
    pub(super) async fn abandon(&self, caller: &Caller, attempt: Attempt) -> Result<(), Error> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        if store::remove(&mut transaction, attempt).await? {
            let event = SecurityEvent::of_company(Kind::CompanyAbandoned, attempt.id);
            security_events::record(&mut transaction, now, caller, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn result(
        &self,
        caller: &Caller,
        company: Attempt,
        administrator: User,
    ) -> Result<Created, Error> {
        let scope = caller.scope();
        let record = store::find(&self.pool, scope, company.id)
            .await?
            .ok_or(Error::Contended)?;
        let token = self.token(&record)?;
        let department = departments::first_of(&self.pool, company.id).await?;
        Ok(Created {
            department: departments::load(&self.pool, scope, department).await?,
            faq: faqs::first_of(&self.pool, company.id).await?,
            record,
            token,
            administrator,
        })
    }
}
