//! `RevocationService`: decode, call, encode.

use std::{sync::Arc, time::Duration};

use auth::{Caller, ClientId, CompanyId, SessionId, UserId};
use chassis::{Clock, FieldViolation, Stop};
use proto::identity::v1::{
    self as pb, AcknowledgeRevocationsRequest, AcknowledgeRevocationsResponse, IntrospectRequest,
    IntrospectResponse, RevokeRequest, RevokeResponse, WatchRevocationsRequest,
    WatchRevocationsResponse, revocation_service_server::RevocationService,
    revocation_subject::Subject as PbSubject,
};
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, codegen::BoxStream};
use uuid::Uuid;

use super::{
    Entry, Head, LEASE, Sequence, Subject,
    following::{Batch, ON_THE_WAY, Watch},
    revoking::{self, Owner, Target},
    store,
};
use crate::{
    authentication,
    error::Error,
    sessions::{Admitted, Judge, Usage},
    wire::timestamp,
};

/// The longest name of a replica, in bytes.
const LONGEST_NAME: usize = 200;

/// The most sessions of one acknowledgement.
const MOST_USED: usize = 4096;

/// Answers replicas that check tokens by themselves, and those who void tokens.
pub struct RevocationDesk {
    pub pool: PgPool,
    pub head: Head,
    pub judge: Arc<Judge>,
    pub used: Usage,
    /// The lifetime of the longest session.
    pub longest: time::Duration,
    pub clock: Clock,
    pub stop: Stop,
}

#[tonic::async_trait]
impl RevocationService for RevocationDesk {
    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<BoxStream<WatchRevocationsResponse>>, Status> {
        only_services(&request)?;
        let WatchRevocationsRequest { replica, after } = request.into_inner();
        if !(1..=LONGEST_NAME).contains(&replica.len()) || replica.contains('\0') {
            return Err(invalid("replica", "must be 1 to 200 bytes").into());
        }
        let after = Sequence(after.max(0));
        let watch = Watch::open(self.pool.clone(), self.head.clone(), &replica, after)
            .await
            .map_err(Error::from)?;
        let lease_id = watch.lease.to_string();
        let (sender, batches) = mpsc::channel(ON_THE_WAY);
        tokio::spawn(watch.run(sender, self.stop.clone()));
        let encoded = ReceiverStream::new(batches).map(move |batch| match batch {
            Ok(batch) => Ok(encode_batch(lease_id.clone(), batch)),
            Err(error) => Err(error.into()),
        });
        Ok(Response::new(Box::pin(encoded)))
    }

    async fn acknowledge_revocations(
        &self,
        request: Request<AcknowledgeRevocationsRequest>,
    ) -> Result<Response<AcknowledgeRevocationsResponse>, Status> {
        only_services(&request)?;
        let request = request.into_inner();
        let lease: Uuid = request.lease_id.parse().map_err(|_| Error::LeaseExpired)?;
        let applied = Sequence(request.applied);
        let head = store::renew_lease(&self.pool, lease, applied, LEASE.as_secs_f64())
            .await
            .map_err(Error::from)?
            .ok_or(Error::LeaseExpired)?;
        let now = self.clock.now();
        for session in request.used_session_ids.iter().take(MOST_USED) {
            if let Ok(session) = session.parse() {
                self.used.note_unread(session, now);
            }
        }
        Ok(Response::new(AcknowledgeRevocationsResponse {
            lease_seconds: seconds(LEASE),
            head: head.0,
        }))
    }

    async fn introspect(
        &self,
        request: Request<IntrospectRequest>,
    ) -> Result<Response<IntrospectResponse>, Status> {
        let by = only_services(&request)?.clone();
        let token = request.into_inner().token;
        let judgement = self.judge.judge(&by, &token).await?;
        let head = judgement.head.0;
        let answer = match judgement.admitted {
            Some(admitted) => encode_admitted(admitted),
            None => IntrospectResponse::default(),
        };
        Ok(Response::new(IntrospectResponse { head, ..answer }))
    }

    async fn revoke(
        &self,
        request: Request<RevokeRequest>,
    ) -> Result<Response<RevokeResponse>, Status> {
        let by = only_services(&request)?.clone();
        let subject = request.into_inner().subject;
        let target = decode(subject.and_then(|subject| subject.subject))?;
        let now = self.clock.now();
        let sequence = revoking::revoke(&self.pool, &by, now, self.longest, target).await?;
        Ok(Response::new(RevokeResponse {
            sequence: sequence.0,
        }))
    }
}

/// A caller with nobody behind it.
fn only_services<T>(request: &Request<T>) -> Result<&Caller, Status> {
    let caller = auth::caller(request)?;
    if caller.client.is_none() && caller.user.is_none() {
        Ok(caller)
    } else {
        Err(Error::Forbidden.into())
    }
}

fn invalid(field: &'static str, description: &str) -> Error {
    Error::Invalid(vec![FieldViolation {
        field,
        reason: "FORMAT",
        description: description.to_owned(),
    }])
}

fn decode(subject: Option<PbSubject>) -> Result<Target, Error> {
    let uuid = |text: String| {
        text.parse::<Uuid>()
            .map_err(|_| invalid("subject", "is no id of a session or family"))
    };
    Ok(match subject {
        Some(PbSubject::SessionId(id)) => Target::Session(SessionId(uuid(id)?)),
        Some(PbSubject::FamilyId(id)) => Target::Family(uuid(id)?),
        Some(PbSubject::UserId(id)) => Target::Owner(Owner::User(UserId(id))),
        Some(PbSubject::ClientId(id)) => Target::Owner(Owner::Client(ClientId(id))),
        Some(PbSubject::CompanyId(id)) => Target::Owner(Owner::Company(CompanyId(id))),
        Some(
            PbSubject::Generation(_) | PbSubject::ChangedUserId(_) | PbSubject::ChangedClientId(_),
        )
        | None => {
            return Err(invalid(
                "subject",
                "must be a session, family, user, API client or company",
            ));
        }
    })
}

fn encode_batch(lease_id: String, batch: Batch) -> WatchRevocationsResponse {
    WatchRevocationsResponse {
        lease_id,
        lease_seconds: seconds(LEASE),
        reset: batch.reset,
        revocations: batch.entries.into_iter().map(encode_entry).collect(),
        head: batch.head.0,
    }
}

fn encode_entry(entry: Entry) -> pb::Revocation {
    let subject = match entry.subject {
        Subject::Session(session) => PbSubject::SessionId(session.to_string()),
        Subject::Generation {
            session,
            first_good,
            effective_at,
        } => PbSubject::Generation(pb::SessionGeneration {
            session_id: session.to_string(),
            generation: first_good.unsigned_abs(),
            effective_at: effective_at.map(timestamp),
        }),
        Subject::Family(family) => PbSubject::FamilyId(family.to_string()),
        Subject::User(user) => PbSubject::UserId(user.0),
        Subject::Client(client) => PbSubject::ClientId(client.0),
        Subject::Company(company) => PbSubject::CompanyId(company.0),
        Subject::ChangedUser(user) => PbSubject::ChangedUserId(user.0),
        Subject::ChangedClient(client) => PbSubject::ChangedClientId(client.0),
    };
    pb::Revocation {
        sequence: entry.sequence.0,
        subject: Some(pb::RevocationSubject {
            subject: Some(subject),
        }),
        forget_at: entry.forget_at.map(timestamp),
    }
}

fn encode_admitted(admitted: Admitted) -> IntrospectResponse {
    let session = admitted.session;
    IntrospectResponse {
        active: true,
        client_id: session.client.0,
        family_id: session.family.to_string(),
        generation: admitted.generation.unsigned_abs(),
        epoch: admitted.epoch,
        expires_at: Some(timestamp(session.expires_at)),
        head: 0,
        user: Some(authentication::encode_user(session.user)),
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(0)
}
