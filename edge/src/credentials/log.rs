//! The revocation log as far as it was applied: which tokens are void, and of what
//! the edge has to ask anew.

use std::{collections::HashMap, hash::Hash};

use proto::identity::v1::{Revocation, SessionGeneration, revocation_subject::Subject};
use uuid::Uuid;

/// How long entries are kept beyond their time, in milliseconds: the clock of this
/// machine may be ahead of the one that wrote the token.
const SLACK: i64 = 10 * 60 * 1000;

/// What a token says about itself, and when that was last confirmed.
#[derive(Clone, Copy, Debug)]
pub struct Stated {
    /// The session and the login it stems from.
    pub session: Uuid,
    pub family: Uuid,
    /// The generation of the token in the session.
    pub generation: u32,
    /// The head of the log when the token was made.
    pub epoch: i64,
    pub user: i64,
    pub company: i64,
    /// The API client through which the session was opened.
    pub client: i64,
    /// The head of the log when the rest was read from the database.
    pub as_of: i64,
}

/// What the log says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    Good,
    /// The user is not what the token says any more.
    Outdated,
    /// A later token of the session took its place.
    Replaced,
    /// It is void.
    Void,
}

/// The entries that may still matter.
#[derive(Default)]
pub struct Log {
    applied: i64,
    sessions: Marks<Uuid>,
    families: Marks<Uuid>,
    floors: HashMap<Uuid, Floor>,
    users: Marks<i64>,
    companies: Marks<i64>,
    clients: Marks<i64>,
    changed_users: Marks<i64>,
    changed_clients: Marks<i64>,
}

/// The newest entry about each subject, and when it may be forgotten in
/// milliseconds since the Unix epoch.
type Marks<K> = HashMap<K, Mark>;

#[derive(Clone, Copy)]
struct Mark {
    sequence: i64,
    forget_at: Option<i64>,
}

/// Which generations of a session are good.
#[derive(Clone, Copy, Default)]
struct Floor {
    first_good: u32,
    /// The floor that comes, and from when.
    next: Option<(u32, i64)>,
    forget_at: Option<i64>,
}

impl Floor {
    fn at(&self, now: i64) -> u32 {
        match self.next {
            Some((first_good, from)) if now >= from => first_good.max(self.first_good),
            _ => self.first_good,
        }
    }
}

impl Log {
    /// The last entry that was applied.
    pub fn applied(&self) -> i64 {
        self.applied
    }

    /// Notes that everything up to an entry was applied.
    pub fn reached(&mut self, sequence: i64) {
        self.applied = self.applied.max(sequence);
    }

    /// Applies an entry. One that this version does not know is an error: it may
    /// void anything.
    pub fn apply(&mut self, entry: &Revocation) -> Result<(), &'static str> {
        let subject = entry
            .subject
            .as_ref()
            .and_then(|held| held.subject.as_ref());
        let mark = Mark {
            sequence: entry.sequence,
            forget_at: entry.forget_at.as_ref().map(milliseconds),
        };
        match subject.ok_or("an entry without a subject that is known here")? {
            Subject::SessionId(id) => note(&mut self.sessions, uuid(id)?, mark),
            Subject::FamilyId(id) => note(&mut self.families, uuid(id)?, mark),
            Subject::UserId(id) => note(&mut self.users, *id, mark),
            Subject::CompanyId(id) => note(&mut self.companies, *id, mark),
            Subject::ClientId(id) => note(&mut self.clients, *id, mark),
            Subject::ChangedUserId(id) => note(&mut self.changed_users, *id, mark),
            Subject::ChangedClientId(id) => note(&mut self.changed_clients, *id, mark),
            Subject::Generation(generation) => self.raise(generation, mark)?,
        }
        self.reached(entry.sequence);
        Ok(())
    }

    fn raise(&mut self, entry: &SessionGeneration, mark: Mark) -> Result<(), &'static str> {
        let floor = self.floors.entry(uuid(&entry.session_id)?).or_default();
        floor.forget_at = mark.forget_at;
        match entry.effective_at.as_ref().map(milliseconds) {
            None => {
                floor.first_good = floor.first_good.max(entry.generation);
                floor.next = floor.next.filter(|(next, _)| *next > entry.generation);
            }
            Some(from) => {
                // Only the last generation before it stays good for a while.
                let before = entry.generation.saturating_sub(1);
                floor.first_good = floor.first_good.max(before);
                floor.next = Some((entry.generation, from));
            }
        }
        Ok(())
    }

    /// Judges a token at `now`, in milliseconds since the Unix epoch.
    pub fn judge(&self, token: &Stated, now: i64) -> Verdict {
        let later = |marks: &Marks<i64>, id: i64, than: i64| {
            marks.get(&id).is_some_and(|mark| mark.sequence > than)
        };
        let floor = self.floors.get(&token.session);
        if self.sessions.contains_key(&token.session)
            || self.families.contains_key(&token.family)
            || later(&self.users, token.user, token.epoch)
            || later(&self.companies, token.company, token.epoch)
            || later(&self.clients, token.client, token.epoch)
        {
            Verdict::Void
        } else if floor.is_some_and(|floor| token.generation < floor.at(now)) {
            Verdict::Replaced
        } else if self.user_changed(token.user, token.as_of) {
            Verdict::Outdated
        } else {
            Verdict::Good
        }
    }

    /// Says whether a user is another since an entry.
    pub fn user_changed(&self, user: i64, since: i64) -> bool {
        let changed = self.changed_users.get(&user);
        changed.is_some_and(|mark| mark.sequence > since)
    }

    /// Says whether an API client was revoked or changed since an entry.
    pub fn client_changed(&self, client: i64, since: i64) -> bool {
        let marks = [&self.clients, &self.changed_clients];
        marks
            .iter()
            .filter_map(|marks| marks.get(&client))
            .any(|mark| mark.sequence > since)
    }

    /// Drops what can concern no token any more.
    pub fn forget(&mut self, now: i64) {
        let kept = |forget_at: Option<i64>| forget_at.is_none_or(|at| now < at + SLACK);
        self.sessions.retain(|_, mark| kept(mark.forget_at));
        self.families.retain(|_, mark| kept(mark.forget_at));
        self.floors.retain(|_, floor| kept(floor.forget_at));
        for marks in [
            &mut self.users,
            &mut self.companies,
            &mut self.clients,
            &mut self.changed_users,
            &mut self.changed_clients,
        ] {
            marks.retain(|_, mark| kept(mark.forget_at));
        }
    }
}

/// The later entry about a subject wins, and what must be kept longer is.
fn note<K: Eq + Hash>(marks: &mut Marks<K>, subject: K, new: Mark) {
    let mark = marks.entry(subject).or_insert(new);
    mark.sequence = mark.sequence.max(new.sequence);
    mark.forget_at = mark
        .forget_at
        .zip(new.forget_at)
        .map(|(one, other)| one.max(other));
}

fn uuid(text: &str) -> Result<Uuid, &'static str> {
    text.parse().map_err(|_| "an entry with a malformed id")
}

/// Milliseconds since the Unix epoch.
pub fn milliseconds(at: &prost_types::Timestamp) -> i64 {
    at.seconds
        .saturating_mul(1000)
        .saturating_add(i64::from(at.nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use proto::identity::v1::RevocationSubject;

    use super::*;

    const SESSION: Uuid = Uuid::from_u128(1);

    fn token() -> Stated {
        Stated {
            session: SESSION,
            family: Uuid::from_u128(2),
            generation: 1,
            epoch: 5,
            user: 7,
            company: 3,
            client: 1,
            as_of: 6,
        }
    }

    fn entry(sequence: i64, subject: Subject) -> Revocation {
        Revocation {
            sequence,
            subject: Some(RevocationSubject {
                subject: Some(subject),
            }),
            forget_at: Some(prost_types::Timestamp {
                seconds: 1000,
                nanos: 0,
            }),
        }
    }

    fn verdict(entries: &[Revocation], token: &Stated, now: i64) -> Verdict {
        let mut log = Log::default();
        for entry in entries {
            log.apply(entry).unwrap();
        }
        log.judge(token, now)
    }

    #[test]
    fn a_token_is_void_by_what_was_revoked_after_it_was_made() {
        let all: [fn() -> Subject; 3] = [
            || Subject::UserId(7),
            || Subject::CompanyId(3),
            || Subject::ClientId(1),
        ];
        for subject in all {
            let judge = |sequence| verdict(&[entry(sequence, subject())], &token(), 0);
            assert_eq!(judge(5), Verdict::Good);
            assert_eq!(judge(6), Verdict::Void);
        }
        for subject in [
            Subject::SessionId(SESSION.to_string()),
            Subject::FamilyId(Uuid::from_u128(2).to_string()),
        ] {
            assert_eq!(verdict(&[entry(1, subject)], &token(), 0), Verdict::Void);
        }
        for subject in [
            Subject::UserId(8),
            Subject::CompanyId(4),
            Subject::ClientId(2),
            Subject::SessionId(Uuid::nil().to_string()),
            Subject::ChangedUserId(8),
            Subject::ChangedClientId(1),
        ] {
            assert_eq!(verdict(&[entry(9, subject)], &token(), 0), Verdict::Good);
        }
    }

    #[test]
    fn a_changed_user_is_asked_for_once() {
        let changed = [entry(7, Subject::ChangedUserId(7))];
        assert_eq!(verdict(&changed, &token(), 0), Verdict::Outdated);
        let asked = Stated {
            as_of: 7,
            ..token()
        };
        assert_eq!(verdict(&changed, &asked, 0), Verdict::Good);
    }

    #[test]
    fn generations_end_at_their_time_or_with_the_use_of_the_next() {
        let raised = |sequence, generation, effective: Option<i64>| {
            let generation = SessionGeneration {
                session_id: SESSION.to_string(),
                generation,
                effective_at: effective.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
            };
            entry(sequence, Subject::Generation(generation))
        };
        let of = |generation| Stated {
            generation,
            ..token()
        };
        let soon = [raised(7, 2, Some(60))];
        assert_eq!(verdict(&soon, &of(1), 59_999), Verdict::Good);
        assert_eq!(verdict(&soon, &of(1), 60_000), Verdict::Replaced);
        assert_eq!(verdict(&soon, &of(2), 60_000), Verdict::Good);
        let used = [raised(7, 2, Some(60)), raised(8, 2, None)];
        assert_eq!(verdict(&used, &of(1), 0), Verdict::Replaced);
        assert_eq!(verdict(&used, &of(2), 0), Verdict::Good);
        let twice = [raised(7, 2, Some(60)), raised(8, 3, Some(70))];
        assert_eq!(verdict(&twice, &of(1), 0), Verdict::Replaced);
        assert_eq!(verdict(&twice, &of(2), 0), Verdict::Good);
        assert_eq!(verdict(&twice, &of(2), 70_000), Verdict::Replaced);
    }

    #[test]
    fn an_entry_of_an_unknown_kind_is_not_passed_over() {
        let mut log = Log::default();
        let unknown = Revocation {
            sequence: 1,
            ..Revocation::default()
        };
        assert!(log.apply(&unknown).is_err());
        assert_eq!(log.applied(), 0);
    }

    #[test]
    fn entries_are_forgotten_when_no_token_is_left() {
        let mut log = Log::default();
        log.apply(&entry(9, Subject::UserId(7))).unwrap();
        let forever = Revocation {
            forget_at: None,
            ..entry(10, Subject::ClientId(1))
        };
        log.apply(&forever).unwrap();
        log.forget(1_000_000 + SLACK - 1);
        assert_eq!(log.users.len(), 1);
        log.forget(1_000_000 + SLACK);
        assert_eq!(log.users.len(), 0);
        assert_eq!(log.clients.len(), 1);
        assert_eq!(log.applied(), 10);
    }
}
