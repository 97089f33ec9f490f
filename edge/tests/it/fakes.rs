//! Upstreams that know what the documents' examples talk about, and note what
//! they were asked.

mod administration;
mod channel;
mod conversation;
mod identity;
mod mail;
mod media;
mod passwords;
mod realtime;
mod sso;
mod tenancy;
mod users;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, AtomicUsize},
};

use auth::Caller;
use chassis::{ErrorCode, Failure, FieldViolation, code};
use proto::tenancy::v1::AccessRecord;
use tonic::{Request, Status};

pub use channel::routes as channel;
pub use conversation::routes as conversation;
pub use identity::routes as identity;
pub use mail::routes as mail;
pub use media::{CONTENT, PHOTO};
pub use realtime::routes as realtime;
pub use tenancy::routes as tenancy;
pub use users::PICTURE;

/// What the upstreams share.
#[derive(Default)]
pub struct World {
    /// Every call: who made it, which RPC, and its message in words.
    pub calls: Mutex<Vec<(Caller, &'static str, String)>>,
    /// Tenancy-admin does not answer.
    pub tenancy_away: AtomicBool,
    /// The next block of ids starts after this one.
    pub blocks: AtomicI64,
    /// The rows of the access log, in the order in which they were acknowledged.
    pub rows: Mutex<Vec<AccessRecord>>,
    /// Batches that were refused.
    pub refused_batches: AtomicUsize,
    /// Batches that are acknowledged until the stream breaks; 0 breaks none.
    pub batches_until_break: AtomicUsize,
    /// Stored files end after so many chunks, whatever they should hold.
    pub cut_off_after: Mutex<Option<usize>>,
    /// Every service but identity answers with this instead.
    pub failing: Mutex<Option<Status>>,
}

impl World {
    /// Notes a call, and fails it when everything fails.
    pub fn note<T: std::fmt::Debug>(
        &self,
        rpc: &'static str,
        request: &Request<T>,
    ) -> Result<(), Status> {
        let caller = auth::caller(request)?.clone();
        let words = format!("{:?}", request.get_ref());
        self.calls.lock().unwrap().push((caller, rpc, words));
        match &*self.failing.lock().unwrap() {
            Some(status) => Err(status.clone()),
            None => Ok(()),
        }
    }

    /// Fails everything from now on.
    pub fn fail(&self, status: Status) {
        *self.failing.lock().unwrap() = Some(status);
    }

    /// The last call of an RPC.
    pub fn last(&self, rpc: &str) -> (Caller, String) {
        let calls = self.calls.lock().unwrap();
        let call = calls.iter().rev().find(|(_, name, _)| *name == rpc);
        let (caller, _, words) = call.unwrap_or_else(|| panic!("{rpc} was not called"));
        (caller.clone(), words.clone())
    }

    /// How often an RPC was called.
    pub fn count(&self, rpc: &str) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(_, name, _)| *name == rpc).count()
    }
}

pub type Shared = Arc<World>;

#[derive(Debug, thiserror::Error)]
#[error("refused by a fake")]
struct Refused {
    code: ErrorCode,
    reason: &'static str,
    field: Option<(&'static str, &'static str)>,
}

impl Failure for Refused {
    fn code(&self) -> ErrorCode {
        self.code
    }

    fn reason(&self) -> &'static str {
        self.reason
    }

    fn violations(&self) -> Vec<FieldViolation> {
        let violation = |(field, reason)| FieldViolation {
            field,
            reason,
            description: "wrong".into(),
        };
        self.field.map(violation).into_iter().collect()
    }
}

/// A refusal as services make it.
pub fn refusal(code: ErrorCode, reason: &'static str) -> Status {
    code::status(&Refused {
        code,
        reason,
        field: None,
    })
}

/// A refusal of a field.
pub fn wrong(field: &'static str, reason: &'static str) -> Status {
    code::status(&Refused {
        code: ErrorCode::InvalidInput,
        reason: "INVALID",
        field: Some((field, reason)),
    })
}
