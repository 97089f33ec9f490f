//! Has the documented mailbox and one more, makes ticket 132 of mails, and is the
//! bot of the documents.

use chassis::ErrorCode;
use proto::mail::v1::{
    GetMailboxCredentialsRequest, GetMailboxCredentialsResponse, HandleBotMessageRequest,
    HandleBotMessageResponse, ListMailboxesRequest, ListMailboxesResponse, MailAuth, MailOutcome,
    MailServer, Mailbox, MailboxCredentials, MailboxState, Notice, NoticeState, SaveMailRequest,
    SaveMailResponse,
    intake_service_server::{IntakeService, IntakeServiceServer},
    mailbox_service_server::{MailboxService, MailboxServiceServer},
    synology_bot_service_server::{SynologyBotService, SynologyBotServiceServer},
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Shared, refusal, wrong};

struct Fake(Shared);

pub fn routes(world: &Shared) -> Routes {
    Routes::new(MailboxServiceServer::new(Fake(world.clone())))
        .add_service(
            IntakeServiceServer::new(Fake(world.clone()))
                .max_decoding_message_size(chassis::grpc::LARGEST_MESSAGE),
        )
        .add_service(SynologyBotServiceServer::new(Fake(world.clone())))
}

fn mailbox(id: i64, auth: MailAuth) -> Mailbox {
    Mailbox {
        mailbox_id: id,
        company_id: 3,
        department_id: 2,
        imap: Some(MailServer {
            host: "mail.cyberfuel.com".into(),
            port: 993,
            user: "newtkt@cyberfuel.com".into(),
            auth: auth.into(),
            ..MailServer::default()
        }),
        folders: vec!["INBOX".into()],
        state: MailboxState::Active.into(),
        ..Mailbox::default()
    }
}

#[tonic::async_trait]
impl MailboxService for Fake {
    async fn list_mailboxes(
        &self,
        request: Request<ListMailboxesRequest>,
    ) -> Result<Response<ListMailboxesResponse>, Status> {
        self.0.note("ListMailboxes", &request)?;
        let mailboxes = match request.into_inner().mailbox_id {
            Some(1) => vec![mailbox(1, MailAuth::Password)],
            Some(_) => vec![],
            None => vec![
                mailbox(1, MailAuth::Password),
                mailbox(2, MailAuth::Xoauth2),
            ],
        };
        Ok(Response::new(ListMailboxesResponse {
            mailboxes,
            page: None,
        }))
    }

    async fn get_mailbox_credentials(
        &self,
        request: Request<GetMailboxCredentialsRequest>,
    ) -> Result<Response<GetMailboxCredentialsResponse>, Status> {
        self.0.note("GetMailboxCredentials", &request)?;
        if !auth::caller(&request)?.has_scope("mail:credentials") {
            return Err(refusal(ErrorCode::PermissionDenied, "FORBIDDEN"));
        }
        let ids = request.into_inner().mailbox_ids.into_iter();
        let credentials = ids.map(|mailbox_id| MailboxCredentials {
            mailbox_id,
            password: "<Password del email>".into(),
            auth: MailAuth::Password.into(),
        });
        Ok(Response::new(GetMailboxCredentialsResponse {
            credentials: credentials.collect(),
        }))
    }
}

#[tonic::async_trait]
impl IntakeService for Fake {
    async fn save_mail(
        &self,
        request: Request<SaveMailRequest>,
    ) -> Result<Response<SaveMailResponse>, Status> {
        self.0.note("SaveMail", &request)?;
        let asked = request.into_inner();
        if !asked.from.contains('@') {
            return Err(wrong("from", "INVALID"));
        }
        if asked.text.is_empty() && asked.html.is_empty() && asked.attachments.is_empty() {
            return Err(wrong("body", "REQUIRED"));
        }
        let notice = |state: NoticeState, target: &str| {
            Some(Notice {
                state: state.into(),
                target: target.into(),
            })
        };
        let created = SaveMailResponse {
            outcome: MailOutcome::Created.into(),
            ticket_id: 132,
            detail_id: 1234,
            synology_notice: notice(NoticeState::Sent, "xxxx"),
            mail_notice: notice(NoticeState::NotIssued, ""),
            department_id: 1,
            user_id: 1,
            ..SaveMailResponse::default()
        };
        Ok(Response::new(match asked.subject.as_str() {
            "automatico" => SaveMailResponse {
                outcome: MailOutcome::Ignored.into(),
                ..SaveMailResponse::default()
            },
            "respuesta" => SaveMailResponse {
                outcome: MailOutcome::Appended.into(),
                synology_notice: notice(NoticeState::Queued, "soporte"),
                mail_notice: notice(NoticeState::Queued, "a@b.test"),
                user_id: 0,
                ..created
            },
            _ if asked.idempotency_key.ends_with(" used") => {
                let code = ErrorCode::AlreadyExists;
                return Err(refusal(code, "IDEMPOTENCY_KEY_REUSED"));
            }
            _ => created,
        }))
    }
}

#[tonic::async_trait]
impl SynologyBotService for Fake {
    async fn handle_bot_message(
        &self,
        request: Request<HandleBotMessageRequest>,
    ) -> Result<Response<HandleBotMessageResponse>, Status> {
        self.0.note("HandleBotMessage", &request)?;
        let asked = request.into_inner();
        if asked.token != "<string del token>" {
            return Err(refusal(ErrorCode::Unauthenticated, "BOT_TOKEN"));
        }
        if asked.synology_user_id < 1 {
            return Err(wrong("user_id", "INVALID"));
        }
        match asked.username.as_str() {
            "dnunez" => {}
            "" => return Err(wrong("username", "REQUIRED")),
            "otro" => return Err(refusal(ErrorCode::AlreadyExists, "SYNOLOGY_ID_TAKEN")),
            _ => return Err(refusal(ErrorCode::NotFound, "LOGIN_UNKNOWN")),
        }
        Ok(Response::new(HandleBotMessageResponse {
            login: asked.username,
            changed: true,
            synology_response_json: r#"{"data":{"fail":null,"succ":{"user_id_post_map":{"120":23059679412324}}},"success":true}"#.into(),
        }))
    }
}
