//! GuestService, and identities on the wire.

use auth::{Caller, CompanyId};
use chassis::FieldViolation;
use idempotency::{Asked, Begun};
use proto::conversation::v1::{
    self as wire, GetGuestByPhoneRequest, GetGuestByPhoneResponse, StoreGuestRequest,
    StoreGuestResponse, guest_service_server::GuestService,
};
use tonic::{Request, Response, Status};

use super::{Guest, Identity, IdentityKind, LONGEST_NAME, Registration, token::Claim};
use crate::{error::Error, guests, phone, wiring::Wiring};

/// Answers GuestService.
pub(crate) struct GuestDesk(pub(crate) Wiring);

#[tonic::async_trait]
impl GuestService for GuestDesk {
    async fn store_guest(
        &self,
        request: Request<StoreGuestRequest>,
    ) -> Result<Response<StoreGuestResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.store_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn get_guest_by_phone(
        &self,
        request: Request<GetGuestByPhoneRequest>,
    ) -> Result<Response<GetGuestByPhoneResponse>, Status> {
        let caller = auth::caller(&request)?;
        let company = reach(caller, request.get_ref().company_id)?;
        let scope = caller.scope();
        // Nobody has a number that is none.
        let number = phone::normalise(&request.get_ref().phone).ok_or(Error::GuestUnknown)?;
        let mut db = self.0.pool.acquire().await.map_err(Error::from)?;
        let guest = guests::by_phone(&mut db, scope, company, number).await?;
        Ok(Response::new(GetGuestByPhoneResponse {
            token: self.token(&guest),
            guest: Some(encode(guest)),
        }))
    }
}

impl GuestDesk {
    async fn store_once(
        &self,
        caller: &Caller,
        request: StoreGuestRequest,
    ) -> Result<StoreGuestResponse, Error> {
        let company = reach(caller, request.company_id)?;
        let scope = caller.scope_without_user();
        if !scope.contains(company) {
            return Err(Error::ForeignCompany);
        }
        let keyed = Asked::new(caller, "StoreGuest", &request.idempotency_key, &request)?;
        let registration = registration(company, &request)?;
        let Wiring { pool, keys, .. } = &self.0;
        let now = self.0.clock.now();
        let mut work = match keys.begin(pool, now, keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let guest = guests::register(work.db(), scope, &registration, now).await?;
        let answer = StoreGuestResponse {
            token: self.token(&guest),
            guest: Some(encode(guest)),
        };
        work.commit(&answer).await?;
        Ok(answer)
    }

    fn token(&self, guest: &Guest) -> String {
        let claim = Claim {
            guest: guest.id,
            company: guest.company,
            version: guest.token_version,
        };
        self.0.tokens.mint(claim).expose().to_owned()
    }
}

/// The company that is meant.
fn reach(caller: &Caller, company: i64) -> Result<CompanyId, Error> {
    CompanyId::present(company)
        .or_else(|| caller.home_company())
        .ok_or(Error::ForeignCompany)
}

fn registration(company: CompanyId, request: &StoreGuestRequest) -> Result<Registration, Error> {
    let mut wrong = Vec::new();
    let mut refuse = |field, reason, description: &str| {
        wrong.push(FieldViolation {
            field,
            reason,
            description: description.to_owned(),
        });
    };
    let name = guests::clean(&request.name);
    if name.is_empty() {
        refuse("name", "REQUIRED", "a name is needed");
    } else if name.chars().count() > LONGEST_NAME {
        refuse("name", "TOO_LONG", "a name has at most 191 characters");
    }
    let email = guests::clean(&request.email);
    if !email.is_empty() && !looks_like_email(&email) {
        refuse("email", "INVALID", "the mail address is not one");
    }
    let number = phone::normalise(&request.phone);
    if request.phone.trim().is_empty() {
        refuse("phone", "REQUIRED", "a phone number is needed");
    } else if number.is_none() {
        refuse("phone", "INVALID", "the phone number is not one");
    }
    match number {
        Some(phone) if wrong.is_empty() => Ok(Registration {
            company,
            name,
            email,
            phone,
        }),
        _ => Err(Error::Invalid(wrong)),
    }
}

/// Something before and after the last @, a point after it, no blanks.
fn looks_like_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let sane = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    text.chars().count() <= LONGEST_NAME
        && sane(local)
        && sane(domain)
        && !local.contains('@')
        && domain.split('.').count() > 1
        && domain.split('.').all(|label| !label.is_empty())
}

fn encode(guest: Guest) -> wire::Guest {
    wire::Guest {
        guest_id: guest.id.0,
        name: guest.name,
        email: guest.email,
        phone: guest.phone,
        company_id: guest.company.0,
    }
}

/// A kind of identity as the wire names it.
fn decode_kind(kind: wire::IdentityKind) -> Option<IdentityKind> {
    match kind {
        wire::IdentityKind::Unspecified => None,
        wire::IdentityKind::WaPhone => Some(IdentityKind::WaPhone),
        wire::IdentityKind::WaBsuid => Some(IdentityKind::WaBsuid),
        wire::IdentityKind::WaParentBsuid => Some(IdentityKind::WaParentBsuid),
        wire::IdentityKind::Psid => Some(IdentityKind::Psid),
        wire::IdentityKind::Igsid => Some(IdentityKind::Igsid),
        wire::IdentityKind::Telegram => Some(IdentityKind::Telegram),
        wire::IdentityKind::Webchat => Some(IdentityKind::Webchat),
        wire::IdentityKind::Email => Some(IdentityKind::Email),
    }
}

/// The kind and the value of an identity of the wire; `None` for kinds that do
/// not exist.
pub(crate) fn decode_identity(identity: &wire::GuestIdentity) -> Option<(IdentityKind, &str)> {
    Some((decode_kind(identity.kind())?, &identity.value))
}

/// An identity for the wire, in the form that the provider uses.
pub(crate) fn encode_identity(identity: &Identity) -> wire::GuestIdentity {
    let kind = match identity.kind {
        IdentityKind::WaPhone => wire::IdentityKind::WaPhone,
        IdentityKind::WaBsuid => wire::IdentityKind::WaBsuid,
        IdentityKind::WaParentBsuid => wire::IdentityKind::WaParentBsuid,
        IdentityKind::Psid => wire::IdentityKind::Psid,
        IdentityKind::Igsid => wire::IdentityKind::Igsid,
        IdentityKind::Telegram => wire::IdentityKind::Telegram,
        IdentityKind::Webchat => wire::IdentityKind::Webchat,
        IdentityKind::Email => wire::IdentityKind::Email,
    };
    wire::GuestIdentity {
        kind: kind.into(),
        value: identity.address.clone(),
    }
}
