//! The table of operations: one row for each, and everything that depends on the
//! row alone. It drives the router, the credentials, the limits and the tests.

mod additions;
mod atencion;
mod sso;

use axum::routing::MethodFilter;

/// The HTTP methods that the contract uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Verb {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    pub(crate) fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Everybody; what is sent proves itself otherwise, or needs no proof.
    Public,
    /// An API client; a delegated one only together with a user.
    Client,
    /// An API client, even a delegated one alone: the ways in for users.
    SignIn,
    /// An API client and a user.
    ClientAndUser,
    /// An API client, on a route that pretends not to exist when no credentials
    /// are sent at all.
    Legacy,
    /// A user alone: routes that browsers call, which hold no client secret.
    Bearer,
}

/// The shape of a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// `data, status "ok", message, code, id_bitacora_log`.
    Ok,
    /// The same with `status "success"`.
    Success,
    /// `status "success", message, data`, without code and id.
    Broadcast,
    /// `status "ok", message, data, code, id_bitacora_log`.
    Telegram,
    /// What the handler answers, as it is.
    Bare,
}

/// How an operation says that its input is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// All errors by field, under "Validacion fallida."
    Failed,
    /// All errors by field, under "Errores de validacion."
    Errors,
    /// All errors by field, under "Parametros invalidos."
    Parameters,
    /// The first error in English, as the framework of the documents says it.
    Native,
}

/// Which `id_bitacora_log` a body carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// The one the caller sent, as a number; the own one when none was sent.
    Sent,
    /// The own one, as text.
    OwnText,
}

/// How often an operation may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// As often as an interface needs it.
    Ordinary,
    /// Checks a password or a PIN.
    SignIn,
    /// Sends or uses a recovery link, or tells who has a telephone number.
    Guessable,
    /// Called by providers, in bursts.
    Webhook,
    /// Called by probes.
    Unlimited,
}

/// What the access log keeps of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// A read.
    Read,
    /// A change.
    Write,
    /// Something about credentials or personal data.
    Security,
    /// Nothing.
    Nothing,
}

/// The largest body where the row says nothing else.
pub const SMALL_BODY: usize = 64 * 1024;

/// The largest webhook body.
pub const WEBHOOK_BODY: usize = 4 * 1024 * 1024;

/// A body that may hold a picture in base64.
pub const PICTURE_BODY: usize = 3 * 1024 * 1024;

/// A body that may hold a file in base64.
pub const FILE_BODY: usize = 6 * 1024 * 1024;

/// The longest `Idempotency-Key`, in bytes; services get it behind the path.
pub const LONGEST_KEY: usize = 180;

/// One operation of the REST API.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The method.
    pub verb: Verb,
    /// The path; parameters in braces, `{id?}` when it may be left out.
    pub path: &'static str,
    /// Who may call it.
    pub credentials: Credentials,
    /// The shape of its successes.
    pub envelope: Envelope,
    /// How it says that input is wrong.
    pub family: Family,
    /// Which access log id its bodies carry.
    pub echo: Echo,
    /// The largest body in bytes.
    pub body_limit: usize,
    /// Whether the body is handed on as it is instead of being read as fields.
    pub raw_body: bool,
    /// How often it may be called.
    pub rate: Rate,
    /// What the access log keeps of it.
    pub audit: Audit,
    /// Whether it creates or sends something, so that a repetition under the same
    /// `Idempotency-Key` must do nothing and answer what the first call answered.
    pub repeatable: bool,
    /// Whether it is ours and not of the documents.
    pub addition: bool,
}

impl Operation {
    const fn new(verb: Verb, path: &'static str, who: Credentials, family: Family) -> Self {
        Self {
            verb,
            path,
            credentials: who,
            envelope: Envelope::Ok,
            family,
            echo: Echo::Sent,
            body_limit: SMALL_BODY,
            raw_body: false,
            rate: Rate::Ordinary,
            audit: match verb {
                Verb::Get => Audit::Read,
                Verb::Post | Verb::Patch | Verb::Delete => Audit::Write,
            },
            repeatable: false,
            addition: false,
        }
    }

    const fn answers(mut self, envelope: Envelope) -> Self {
        self.envelope = envelope;
        self
    }

    const fn own_id_as_text(mut self) -> Self {
        self.echo = Echo::OwnText;
        self
    }

    const fn body(mut self, limit: usize) -> Self {
        self.body_limit = limit;
        self
    }

    const fn raw(mut self) -> Self {
        self.raw_body = true;
        self
    }

    const fn rate(mut self, rate: Rate) -> Self {
        self.rate = rate;
        self
    }

    const fn audit(mut self, audit: Audit) -> Self {
        self.audit = audit;
        self
    }

    const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    const fn addition(mut self) -> Self {
        self.addition = true;
        self
    }

    /// The name of the row, such as `POST /api/auth/login`.
    pub fn id(&self) -> String {
        format!("{} {}", self.verb.name(), self.path)
    }

    /// The paths to register: two when a parameter may be left out.
    pub(crate) fn paths(&self) -> Vec<String> {
        match self.path.split_once("/{id?}") {
            Some((short, _)) => vec![short.to_owned(), format!("{short}/{{id}}")],
            None => vec![self.path.to_owned()],
        }
    }
}

/// Every operation, documented ones first.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    atencion::OPERATIONS
        .iter()
        .chain(sso::OPERATIONS)
        .chain(additions::OPERATIONS)
}
