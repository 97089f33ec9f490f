//! `IntakeService`: decode, call, encode.

use proto::mail::v1::{
    self as pb, MailOutcome, SaveMailRequest, SaveMailResponse,
    intake_service_server::IntakeService,
};
use tonic::{Request, Response, Status};

use super::{Answer, Intake, Outcome};
use crate::notices::Notice;

#[tonic::async_trait]
impl IntakeService for Intake {
    async fn save_mail(
        &self,
        request: Request<SaveMailRequest>,
    ) -> Result<Response<SaveMailResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.save(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }
}

/// What became of a mail, for the wire.
pub(super) fn encode(answer: Answer, repeated: bool) -> SaveMailResponse {
    let outcome = match answer.outcome {
        Outcome::Created => MailOutcome::Created,
        Outcome::Appended => MailOutcome::Appended,
        Outcome::Ignored => MailOutcome::Ignored,
    };
    SaveMailResponse {
        outcome: outcome.into(),
        repeated_mail: repeated,
        ticket_id: answer.ticket,
        detail_id: answer.detail,
        synology_notice: Some(encode_notice(answer.told.synology)),
        mail_notice: Some(encode_notice(answer.told.mail)),
        department_id: answer.department,
        user_id: answer.user,
    }
}

fn encode_notice(notice: Notice) -> pb::Notice {
    let (state, target) = match notice {
        Notice::NotIssued => (pb::NoticeState::NotIssued, String::new()),
        Notice::Queued(target) => (pb::NoticeState::Queued, target),
    };
    pb::Notice {
        state: state.into(),
        target,
    }
}
