//! `MailboxService`: decode, call, encode.

use postgres::Page;
use proto::{
    common::v1::PageInfo,
    mail::v1::{
        self as pb, GetMailboxCredentialsRequest, GetMailboxCredentialsResponse,
        ListMailboxesRequest, ListMailboxesResponse, MailboxCredentials, MailboxState,
        mailbox_service_server::MailboxService,
    },
};
use tonic::{Request, Response, Status};

use super::{Credentials, Filter, MailAuth, Mailbox, Mailboxes, Server, Tls};

/// The most rows of an unpaged list.
const CAP: u32 = 10_000;

#[tonic::async_trait]
impl MailboxService for Mailboxes {
    async fn list_mailboxes(
        &self,
        request: Request<ListMailboxesRequest>,
    ) -> Result<Response<ListMailboxesResponse>, Status> {
        let scope = auth::caller(&request)?.scope();
        let request = request.into_inner();
        let asked = request.page.unwrap_or_default();
        let page = Page::new(asked.page, asked.per_page, asked.unpaged, CAP);
        let (mailboxes, total) = self.list(scope, &filter(request), page).await?;
        Ok(Response::new(ListMailboxesResponse {
            mailboxes: mailboxes.into_iter().map(encode).collect(),
            page: Some(PageInfo {
                page: page.number,
                per_page: page.rows,
                total,
            }),
        }))
    }

    async fn get_mailbox_credentials(
        &self,
        request: Request<GetMailboxCredentialsRequest>,
    ) -> Result<Response<GetMailboxCredentialsResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let ids = request.into_inner().mailbox_ids;
        let credentials = self.disclose(&caller, &ids).await?;
        Ok(Response::new(GetMailboxCredentialsResponse {
            credentials: credentials.iter().map(encode_credentials).collect(),
        }))
    }
}

fn filter(request: ListMailboxesRequest) -> Filter {
    let active = match request.state() {
        MailboxState::Unspecified => None,
        MailboxState::Active => Some(true),
        MailboxState::Inactive => Some(false),
    };
    Filter {
        id: request.mailbox_id,
        // PostgreSQL has no text with a NUL, so no user has one.
        user: request.user.map(|user| user.replace('\0', "\u{fffd}")),
        company: Some(request.company_id).filter(|company| *company != 0),
        department: request.department_id,
        active,
    }
}

fn encode(mailbox: Mailbox) -> pb::Mailbox {
    let state = if mailbox.active {
        MailboxState::Active
    } else {
        MailboxState::Inactive
    };
    pb::Mailbox {
        mailbox_id: mailbox.id,
        company_id: mailbox.company,
        department_id: mailbox.department,
        address: mailbox.address,
        imap: Some(encode_server(mailbox.imap)),
        smtp: mailbox.smtp.map(encode_server),
        folders: mailbox.folders,
        state: state.into(),
        fetching: mailbox.fetching,
        poll_seconds: mailbox.poll_seconds,
        time_zone: mailbox.time_zone,
    }
}

fn encode_server(server: Server) -> pb::MailServer {
    let tls = match server.tls {
        Tls::Implicit => pb::MailTls::Implicit,
        Tls::Starttls => pb::MailTls::Starttls,
    };
    pb::MailServer {
        host: server.host,
        port: server.port.into(),
        tls: tls.into(),
        user: server.user,
        auth: encode_auth(server.auth).into(),
    }
}

fn encode_credentials(credentials: &Credentials) -> MailboxCredentials {
    MailboxCredentials {
        mailbox_id: credentials.mailbox,
        password: credentials.password.expose().to_owned(),
        auth: encode_auth(credentials.auth).into(),
    }
}

fn encode_auth(auth: MailAuth) -> pb::MailAuth {
    match auth {
        MailAuth::Password => pb::MailAuth::Password,
        MailAuth::Xoauth2 => pb::MailAuth::Xoauth2,
    }
}
