//! Mailboxes and their secrets.

use auth::{Authority, Caller, Role};
use chassis::{ErrorCode, code::Refusal};
use mail_ticket::demo;
use proto::mail::v1::{
    GetMailboxCredentialsRequest, ListMailboxesRequest, ListMailboxesResponse, MailAuth, MailTls,
    MailboxCredentials, MailboxState, mailbox_service_client::MailboxServiceClient,
};
use sqlx::PgPool;

use crate::rig::{Rig, answer, config, edge_for, with_user};

const RIGHT: Option<&str> = Some("mail:credentials");

async fn seeded(pool: PgPool) -> Rig {
    demo::seed(&pool, &config()).await.unwrap();
    Rig::start(pool).await
}

async fn list(rig: &Rig, caller: &Caller, request: ListMailboxesRequest) -> ListMailboxesResponse {
    let mut mailboxes = MailboxServiceClient::new(rig.upstream.clone());
    let request = rig.call(caller).request(request);
    answer(mailboxes.list_mailboxes(request).await).unwrap()
}

async fn credentials(
    rig: &Rig,
    caller: &Caller,
    mailbox_ids: Vec<i64>,
) -> Result<Vec<MailboxCredentials>, Refusal> {
    let mut mailboxes = MailboxServiceClient::new(rig.upstream.clone());
    let request = rig
        .call(caller)
        .request(GetMailboxCredentialsRequest { mailbox_ids });
    answer(mailboxes.get_mailbox_credentials(request).await).map(|found| found.credentials)
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn mailboxes_are_listed_within_reach(pool: PgPool) {
    let rig = seeded(pool).await;
    let platform = edge_for(Authority::Platform, 3, None);
    let all = list(&rig, &platform, ListMailboxesRequest::default()).await;
    assert_eq!(all.page.unwrap().total, 1);
    let mailbox = &all.mailboxes[0];
    assert_eq!(
        (
            mailbox.mailbox_id,
            mailbox.company_id,
            mailbox.department_id
        ),
        (1, 3, 2)
    );
    assert_eq!(mailbox.state(), MailboxState::Active);
    assert!(!mailbox.fetching);
    assert_eq!(mailbox.folders, ["INBOX"]);
    let imap = mailbox.imap.as_ref().unwrap();
    assert_eq!((imap.host.as_str(), imap.port), ("mail.cyberfuel.com", 993));
    assert_eq!(imap.tls(), MailTls::Implicit);
    assert!(mailbox.smtp.is_none());

    let own = edge_for(Authority::Company, 3, None);
    let own = list(&rig, &own, ListMailboxesRequest::default()).await;
    assert_eq!(own.mailboxes.len(), 1);
    for stranger in [
        edge_for(Authority::Company, 4, None),
        Caller::service("edge"),
    ] {
        let seen = list(&rig, &stranger, ListMailboxesRequest::default()).await;
        assert_eq!((seen.mailboxes.len(), seen.page.unwrap().total), (0, 0));
    }
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn every_filter_narrows_the_list(pool: PgPool) {
    let rig = seeded(pool).await;
    let platform = edge_for(Authority::Platform, 3, None);
    let user = |user: &str| ListMailboxesRequest {
        user: Some(user.to_owned()),
        ..Default::default()
    };
    let id = |mailbox_id| ListMailboxesRequest {
        mailbox_id: Some(mailbox_id),
        ..Default::default()
    };
    let department = |department_id| ListMailboxesRequest {
        department_id: Some(department_id),
        ..Default::default()
    };
    let state = |state: MailboxState| ListMailboxesRequest {
        state: state.into(),
        ..Default::default()
    };
    let company = |company_id| ListMailboxesRequest {
        company_id,
        ..Default::default()
    };
    for (request, found) in [
        (user("NewTkt@Cyberfuel.com"), 1),
        (user("newtkt"), 0),
        (user("newtkt@cyberfuel.com\0"), 0),
        (id(1), 1),
        (id(0), 0),
        (department(2), 1),
        (department(7), 0),
        (state(MailboxState::Active), 1),
        (state(MailboxState::Inactive), 0),
        (company(3), 1),
        (company(4), 0),
    ] {
        let asked = format!("{request:?}");
        let answered = list(&rig, &platform, request).await;
        assert_eq!(answered.mailboxes.len(), found, "{asked}");
    }
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn secrets_are_disclosed_with_the_right_alone_and_recorded(pool: PgPool) {
    let rig = seeded(pool).await;
    let holder = edge_for(Authority::Platform, 3, RIGHT);
    let without = edge_for(Authority::Platform, 3, None);
    let refused = credentials(&rig, &without, vec![1]).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    for role in [Role::Admin, Role::Chat] {
        let refused = credentials(&rig, &with_user(&holder, role), vec![1]).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::PermissionDenied);
    }
    for ids in [vec![], vec![1; 101]] {
        let refused = credentials(&rig, &holder, ids).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
    }
    let foreign = edge_for(Authority::Company, 4, RIGHT);
    assert!(
        credentials(&rig, &foreign, vec![1])
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(records(&rig).await, []);

    let holder = with_user(&holder, Role::Super);
    let disclosed = credentials(&rig, &holder, vec![1, 2]).await.unwrap();
    assert_eq!(disclosed.len(), 1);
    assert_eq!(disclosed[0].password, "demo-mail-password");
    assert_eq!(disclosed[0].auth(), MailAuth::Password);
    assert_eq!(
        records(&rig).await,
        [(
            "mailbox.disclosed".to_owned(),
            "mailbox-1".to_owned(),
            Some(1),
            Some(736_014)
        )]
    );
}

/// Kind, subject, client and access log id of every audit record.
async fn records(rig: &Rig) -> Vec<(String, String, Option<i64>, Option<i64>)> {
    sqlx::query_as(
        "SELECT kind, subject, client_id, bitacora_id FROM mail.audit_event ORDER BY audit_id",
    )
    .fetch_all(&rig.pool)
    .await
    .unwrap()
}
