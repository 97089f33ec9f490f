//! Bearer tokens of users: checked here while the lease stands, else by identity.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use auth::{
    AccessClaims, Cache, CompanyId, DepartmentId, LONGEST_TOKEN, Role, SessionId, UserCaller,
    UserId, opaque::OpaqueToken,
};
use aws_lc_rs::digest;
use chassis::{Clock, Upstream};
use proto::identity::v1::{
    self as wire, IntrospectRequest, IntrospectResponse, UserPrincipal,
    revocation_service_client::RevocationServiceClient,
};

use super::{
    keys::Keys,
    log::{Stated, Verdict},
    milliseconds_now, nonsense, refused,
    revocations::Revocations,
};
use crate::{errors::Failure, tokens::Tokens};

/// Half of the tokens that are kept, a few hundred bytes each.
const HALF: usize = 32_768;

/// How often the use of a session is noted, in milliseconds.
const NOTE_EVERY: i64 = 30_000;

/// The digest of a token.
type Digest = [u8; 32];

/// Checks tokens.
pub struct Bearers {
    identity: Upstream,
    tokens: Arc<Tokens>,
    revocations: Arc<Revocations>,
    keys: Arc<Keys>,
    /// Tokens that were good.
    good: Arc<Cache<Digest, Arc<Bearer>>>,
    /// What tokens do not say of their users.
    people: Arc<Cache<i64, Arc<Person>>>,
    clock: Clock,
}

/// A token that was good.
struct Bearer {
    stated: Stated,
    user: UserCaller,
    /// In milliseconds since the Unix epoch.
    expires_at: i64,
    noted_at: AtomicI64,
}

/// A user as identity described it.
struct Person {
    name: String,
    as_of: i64,
}

/// A kept token that is not simply good.
enum Again {
    /// Identity has to be asked.
    Ask,
    /// It is void.
    Refuse,
}

impl Bearers {
    /// Nothing kept yet.
    pub fn new(
        identity: Upstream,
        tokens: Arc<Tokens>,
        revocations: Arc<Revocations>,
        keys: Arc<Keys>,
        clock: Clock,
    ) -> Self {
        Self {
            identity,
            tokens,
            revocations,
            keys,
            good: Arc::new(Cache::new(HALF)),
            people: Arc::new(Cache::new(HALF)),
            clock,
        }
    }

    /// What has to be dropped when the log begins anew.
    pub fn learnt(&self) -> [Arc<dyn super::follower::Forgetful>; 2] {
        [self.good.clone(), self.people.clone()]
    }

    /// The user of a token that is good now.
    pub async fn check(&self, token: &str, timeout: Duration) -> Result<UserCaller, Failure> {
        if token.len() > LONGEST_TOKEN {
            return Err(Failure::Unauthenticated);
        }
        if !self.revocations.live() {
            if !is_plausible(token) {
                return Err(Failure::Unauthenticated);
            }
            // Only identity knows what was revoked.
            let (bearer, _) = Box::pin(self.introspect(token, timeout)).await?;
            return Ok(bearer.user);
        }
        let digest = digest_of(token);
        let now = milliseconds_now(&self.clock);
        let kept = self.good.get(&digest);
        let first_sight = kept.is_none();
        let bearer = match kept {
            Some(bearer) => bearer,
            None if !is_plausible(token) => return Err(Failure::Unauthenticated),
            None => match Box::pin(self.read(token, now)).await? {
                Some(bearer) => Arc::new(bearer),
                None => return Box::pin(self.ask(token, digest, timeout)).await,
            },
        };
        match self.judge(&bearer, now) {
            Ok(()) => {
                let user = bearer.user.clone();
                if first_sight {
                    self.good.put(digest, bearer);
                }
                Ok(user)
            }
            Err(Again::Ask) => Box::pin(self.ask(token, digest, timeout)).await,
            Err(Again::Refuse) => {
                self.good.remove(&digest);
                Err(Failure::Unauthenticated)
            }
        }
    }

    fn judge(&self, bearer: &Bearer, now: i64) -> Result<(), Again> {
        if now >= bearer.expires_at {
            return Err(Again::Refuse);
        }
        match self.revocations.judge(&bearer.stated, now) {
            Verdict::Good => {}
            Verdict::Void => return Err(Again::Refuse),
            // A token that was replaced may have been stolen: identity has to see it.
            Verdict::Replaced | Verdict::Outdated => return Err(Again::Ask),
        }
        let noted_at = bearer.noted_at.load(Ordering::Relaxed);
        if now - noted_at >= NOTE_EVERY {
            bearer.noted_at.store(now, Ordering::Relaxed);
            self.revocations.note_use(bearer.stated.session);
        }
        Ok(())
    }

    /// What a signed token says; nothing when identity has to be asked: about
    /// opaque ones, about users that are not known yet, and about successors, whose
    /// first use voids what they replace.
    async fn read(&self, token: &str, now: i64) -> Result<Option<Bearer>, Failure> {
        if OpaqueToken::parse(token).is_some() {
            return Ok(None);
        }
        let claims = self.keys.verify(token, now.div_euclid(1000)).await?;
        let person = claims.user().and_then(|user| self.people.get(&user));
        Ok(person
            .filter(|person| claims.generation == 1 && self.is_as_described(&claims, person))
            .and_then(|person| Bearer::stated_by(&claims, &person)))
    }

    /// Says whether nothing has changed about a user since it was described.
    fn is_as_described(&self, claims: &AccessClaims, person: &Person) -> bool {
        let changed = |user| {
            self.revocations
                .read(|log| log.user_changed(user, person.as_of))
        };
        claims.user().is_some_and(|user| !changed(user))
    }

    /// Asks identity, and keeps what it says when that is good.
    async fn ask(
        &self,
        token: &str,
        digest: Digest,
        timeout: Duration,
    ) -> Result<UserCaller, Failure> {
        let (bearer, person) = self.introspect(token, timeout).await?;
        let now = milliseconds_now(&self.clock);
        let user = bearer.user.clone();
        match self.judge(&bearer, now) {
            Ok(()) => {
                self.people.put(user.id.0, Arc::new(person));
                self.good.put(digest, Arc::new(bearer));
                Ok(user)
            }
            // It changed while identity answered; the next use asks again.
            Err(Again::Ask) => {
                self.good.remove(&digest);
                Ok(user)
            }
            Err(Again::Refuse) => Err(Failure::Unauthenticated),
        }
    }

    /// The user of a token as identity knows it now.
    pub async fn principal(
        &self,
        token: &str,
        timeout: Duration,
    ) -> Result<UserPrincipal, Failure> {
        let answer = self.describe(token, timeout).await?;
        answer.user.ok_or_else(|| nonsense("no user"))
    }

    async fn introspect(
        &self,
        token: &str,
        timeout: Duration,
    ) -> Result<(Bearer, Person), Failure> {
        Bearer::described_by(self.describe(token, timeout).await?)
    }

    async fn describe(
        &self,
        token: &str,
        timeout: Duration,
    ) -> Result<IntrospectResponse, Failure> {
        let call = self.tokens.own_call(timeout)?;
        let asked = IntrospectRequest {
            token: token.to_owned(),
        };
        let answer = RevocationServiceClient::new(self.identity.clone())
            .introspect(call.request(asked))
            .await
            .map_err(|status| refused(&status))?
            .into_inner();
        if answer.active {
            Ok(answer)
        } else {
            Err(Failure::Unauthenticated)
        }
    }
}

impl Bearer {
    fn stated_by(claims: &AccessClaims, person: &Person) -> Option<Self> {
        let id = claims.user()?;
        let user = UserCaller {
            id: UserId(id),
            name: person.name.clone(),
            role: Role::of(claims.role)?,
            company: CompanyId(claims.company),
            department: claims.department.map(DepartmentId),
            session: SessionId(claims.sid),
        };
        let stated = Stated {
            session: claims.sid,
            family: claims.family.unwrap_or(claims.sid),
            generation: claims.generation.unsigned_abs(),
            epoch: claims.epoch,
            user: id,
            company: claims.company,
            client: claims.client,
            as_of: claims.epoch,
        };
        Some(Self {
            stated,
            user,
            expires_at: claims.exp.saturating_mul(1000),
            noted_at: AtomicI64::new(0),
        })
    }

    fn described_by(answer: IntrospectResponse) -> Result<(Self, Person), Failure> {
        let principal = answer.user.ok_or_else(|| nonsense("no user"))?;
        let person = Person {
            name: principal.name.clone(),
            as_of: answer.head,
        };
        let user = user(principal)?;
        let family = answer.family_id.parse();
        let expires_at = answer.expires_at.as_ref().map(super::log::milliseconds);
        let stated = Stated {
            session: user.session.0,
            family: family.map_err(|_| nonsense("no family"))?,
            generation: answer.generation,
            epoch: answer.epoch,
            user: user.id.0,
            company: user.company.0,
            client: answer.client_id,
            as_of: answer.head,
        };
        let bearer = Self {
            stated,
            user,
            expires_at: expires_at.ok_or_else(|| nonsense("no end"))?,
            noted_at: AtomicI64::new(0),
        };
        Ok((bearer, person))
    }
}

/// Says whether a text can be a token at all; the checksum of an opaque one is
/// part of that.
fn is_plausible(token: &str) -> bool {
    let signed = |token: &str| {
        let mut parts = token.split('.');
        let base64url = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        (0..3).all(|_| parts.next().is_some_and(base64url)) && parts.next().is_none()
    };
    OpaqueToken::parse(token).is_some() || signed(token)
}

fn digest_of(token: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    bytes
}

fn user(user: UserPrincipal) -> Result<UserCaller, Failure> {
    let role = match user.role() {
        wire::Role::Super => Role::Super,
        wire::Role::Admin => Role::Admin,
        wire::Role::Chat => Role::Chat,
        wire::Role::Unspecified => return Err(nonsense("no role")),
    };
    let session = user
        .session_id
        .parse()
        .map_err(|_| nonsense("no session"))?;
    Ok(UserCaller {
        id: UserId(user.user_id),
        name: user.name,
        role,
        company: CompanyId(user.company_id),
        department: DepartmentId::present(user.department_id),
        session: SessionId(session),
    })
}
