//! Handing mails in: what becomes of them, once.

use auth::{Authority, Role};
use chassis::ErrorCode;
use proto::mail::v1::{MailAttachment, MailHeader, MailOutcome, NoticeState};
use sqlx::PgPool;

use crate::rig::{COMPANY, Rig, edge_for, mail, reply, with_user};

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn a_mail_becomes_a_ticket_of_the_least_loaded_agent(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let first = rig.save(mail("1@c", "Prueba")).await;
    assert_eq!(first.outcome(), MailOutcome::Created);
    assert!(!first.repeated_mail);
    assert_eq!(
        (first.ticket_id, first.department_id, first.user_id),
        (1, 2, 7)
    );
    assert!(first.detail_id > 0);
    for notice in [first.synology_notice.unwrap(), first.mail_notice.unwrap()] {
        assert_eq!(notice.state(), NoticeState::NotIssued);
    }
    assert_eq!(rig.save(mail("2@c", "Otra")).await.user_id, 8);
    assert_eq!(rig.save(mail("3@c", "Tercera")).await.user_id, 7);
    rig.run("UPDATE mail.ticket SET state = 'closed', closed_at = now() WHERE user_id = 7")
        .await;
    assert_eq!(rig.save(mail("4@c", "Cuarta")).await.user_id, 7);
    rig.run("UPDATE mail.agent SET active = false").await;
    assert_eq!(rig.save(mail("5@c", "Quinta")).await.user_id, 0);
    assert_eq!(
        rig.texts("SELECT customer || ' ' || customer_name || ' ' || state FROM mail.ticket WHERE ticket_id = 2")
            .await,
        ["ana@cliente.test Ana new"]
    );
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn the_same_mail_is_answered_the_same(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let first = rig.save(mail("1@c", "Prueba")).await;
    let mut elsewhere = mail("1@c", "Prueba");
    elsewhere.system = "otro_lector".to_owned();
    elsewhere.text = "Hola\r\n".to_owned();
    for again in [mail("1@c", "Prueba"), elsewhere] {
        let mut answer = rig.save(again).await;
        assert!(answer.repeated_mail);
        answer.repeated_mail = false;
        assert_eq!(answer, first);
    }
    // An id that is used again for another mail loses neither.
    let mut reused = mail("1@c", "Factura 2");
    reused.date = "2025-10-11 08:30:07".to_owned();
    assert_ne!(rig.ticket(reused).await, first.ticket_id);

    let mut anonymous = mail("x", "Sin id");
    anonymous.headers.clear();
    let ticket = rig.ticket(anonymous.clone()).await;
    assert_eq!(rig.save(anonymous.clone()).await.ticket_id, ticket);
    anonymous.text = "Hola de nuevo".to_owned();
    assert_ne!(rig.ticket(anonymous).await, ticket);
    assert_eq!(rig.number("SELECT count(*) FROM mail.ticket").await, 4);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn twins_at_the_same_moment_make_one_ticket(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::with_mailbox(pool).await);
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let rig = rig.clone();
            tokio::spawn(async move { rig.save(mail("1@c", "Prueba")).await })
        })
        .collect();
    let mut firsts = 0;
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!(answer.ticket_id, 1);
        firsts += i32::from(!answer.repeated_mail);
    }
    assert_eq!(firsts, 1);
    assert_eq!(
        rig.number("SELECT count(*) FROM mail.ticket_detail").await,
        1
    );

    // Neither do two answers to a mail that never came.
    let calls: Vec<_> = (0..8)
        .map(|nth| {
            let rig = rig.clone();
            let reply = reply(&format!("r{nth}@c"), "Re: perdida", "perdida@c");
            tokio::spawn(async move { rig.save(reply).await.ticket_id })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 2);
    }
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn a_key_belongs_to_one_mail(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let keyed = |id: &str, key: &str| {
        let mut mail = mail(id, "Prueba");
        mail.idempotency_key = key.to_owned();
        mail
    };
    let first = rig.save(keyed("1@c", "k1")).await;
    assert_eq!(rig.save(keyed("1@c", "k1")).await, first);
    assert_eq!(
        rig.save(keyed("1@c", "k2")).await.ticket_id,
        first.ticket_id
    );
    let caller = edge_for(Authority::Platform, COMPANY, None);
    for key in ["k1", "k2"] {
        let refused = rig.save_as(&caller, keyed("2@c", key)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::AlreadyExists);
        assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(rig.number("SELECT count(*) FROM mail.inbound").await, 1);
    // The key is for the mail as it was, whatever makes it the same mail.
    let mut touched = keyed("1@c", "k1");
    touched.text.push_str(" Otra cosa.");
    let refused = rig.save_as(&caller, touched).await.unwrap_err();
    assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
    let mut stranger = caller.clone();
    stranger.client.as_mut().unwrap().id = auth::ClientId(77);
    rig.save_as(&stranger, keyed("2@c", "k1")).await.unwrap();

    rig.clock.advance(time::Duration::hours(48));
    rig.save_as(&caller, keyed("3@c", "k1")).await.unwrap();
    assert_eq!(rig.number("SELECT count(*) FROM mail.inbound").await, 3);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn programs_and_our_own_mails_make_no_ticket(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let ticket = rig.ticket(mail("1@c", "Prueba")).await;
    let with = |id: &str, name: &str, value: &str| {
        let mut mail = mail(id, "Prueba");
        mail.headers.push(MailHeader {
            name: name.to_owned(),
            values: vec![value.to_owned()],
        });
        mail
    };
    let mut own = mail("2@c", "Prueba");
    own.from = "Soporte <NewTkt@Cyberfuel.com>".to_owned();
    let mut looping = reply("3@c", "Re: Prueba", "1@c");
    looping
        .headers
        .extend(with("", "X-Loop", "newtkt@cyberfuel.com").headers.pop());
    for ignored in [
        own,
        looping,
        with("4@c", "Auto-Submitted", "auto-generated"),
        with("5@c", "Precedence", "bulk"),
        with("6@c", "Return-Path", "<>"),
    ] {
        let answer = rig.save(ignored.clone()).await;
        assert_eq!(answer.outcome(), MailOutcome::Ignored, "{ignored:?}");
        assert_eq!((answer.ticket_id, answer.detail_id), (0, 0));
        assert!(rig.save(ignored).await.repeated_mail);
    }
    // One that answers us is kept, and wakes nobody.
    rig.run("UPDATE mail.ticket SET state = 'pending'").await;
    let mut absence = reply("7@c", "Fuera de la oficina", "1@c");
    absence
        .headers
        .extend(with("", "Auto-Submitted", "auto-replied").headers.pop());
    assert_eq!(rig.appended(absence).await, ticket);
    assert_eq!(
        rig.texts("SELECT kind FROM mail.ticket_detail ORDER BY detail_id")
            .await,
        ["customer", "automatic"]
    );
    assert_eq!(
        rig.texts("SELECT state FROM mail.ticket").await,
        ["pending"]
    );
    assert_eq!(rig.number("SELECT count(*) FROM mail.inbound").await, 7);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn mail_that_came_to_no_mailbox_has_a_department_too(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let elsewhere = |id: &str, system: &str| {
        let mut mail = mail(id, "Prueba");
        mail.to = "test0@cyberfuel.com".to_owned();
        mail.system = system.to_owned();
        mail
    };
    assert_eq!(rig.save(elsewhere("1@c", "lector")).await.department_id, 9);
    assert_eq!(rig.save(elsewhere("2@c", "otro")).await.department_id, 0);
    rig.run(
        "INSERT INTO mail.department VALUES (8, 3, 'Ventas', true, ''), (7, 3, 'Soporte', true, ''),
             (1, 3, 'Cerrado', false, ''), (2, 4, 'Ajeno', true, '')",
    )
    .await;
    assert_eq!(rig.save(elsewhere("3@c", "otro")).await.department_id, 7);
    // In copy, and with a tag.
    let mut copied = elsewhere("4@c", "otro");
    copied.cc = "x@y.test, NewTkt+algo@cyberfuel.com".to_owned();
    assert_eq!(rig.save(copied).await.department_id, 2);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn nobody_writes_into_another_company(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let ticket = rig.ticket(mail("1@c", "Prueba")).await;
    let stranger = edge_for(Authority::Company, 4, None);
    let same = rig.save_as(&stranger, mail("1@c", "Prueba")).await.unwrap();
    assert_eq!(same.outcome(), MailOutcome::Created);
    assert_ne!(same.ticket_id, ticket);
    let subject = format!("Re: [#{ticket}] Prueba");
    let answer = rig.save_as(&stranger, reply("2@c", &subject, "1@c")).await;
    assert_eq!(answer.unwrap().ticket_id, same.ticket_id);
    let owner = edge_for(Authority::Platform, COMPANY, None);
    let foreign_admin = with_user(&edge_for(Authority::Company, 4, None), Role::Admin);
    let refused = rig
        .save_as(&foreign_admin, mail("3@c", "x"))
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    assert_eq!(
        refused.fields,
        [("to".to_owned(), "NOT_REGISTERED".to_owned())]
    );
    assert!(
        rig.save_as(&owner, mail("1@c", "Prueba"))
            .await
            .unwrap()
            .repeated_mail
    );
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn files_are_kept_as_references_that_stay_inside(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let with = |route: &str, name: &str| {
        let mut mail = mail("1@c", "Prueba");
        mail.text.clear();
        mail.attachments = vec![
            MailAttachment::default(),
            MailAttachment {
                name: name.to_owned(),
                route: route.to_owned(),
                r#type: "text/plain".to_owned(),
            },
        ];
        mail.attachments[0].route = "logs/otro.txt".to_owned();
        mail
    };
    let caller = edge_for(Authority::Platform, COMPANY, None);
    for outside in [
        "../secreto",
        "/etc/passwd",
        "a\0b",
        "a\\..\\b",
        "file:///x",
        "a/../../b",
        "",
    ] {
        let refused = rig.save_as(&caller, with(outside, "x")).await.unwrap_err();
        let field = ("attachments.1.route".to_owned(), "INVALID".to_owned());
        assert_eq!(refused.fields, [field], "{outside}");
    }
    assert_eq!(rig.number("SELECT count(*) FROM mail.inbound").await, 0);
    rig.ticket(with("logs/error_log.txt", "../../error_log.txt"))
        .await;
    assert_eq!(
        rig.texts(
            "SELECT concat_ws('|', system, route, name, media_type, state) FROM mail.attachment
             ORDER BY attachment_id"
        )
        .await,
        [
            "canal_lectura|logs/otro.txt|archivo||pending",
            "canal_lectura|logs/error_log.txt|error_log.txt|text/plain|pending"
        ]
    );
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn a_department_is_told_of_new_tickets(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    rig.run(
        "INSERT INTO mail.synology_channel (company_id, department_id, name, incoming_url_sealed)
         VALUES (3, 2, 'soporte', '\\x00'), (4, 2, 'ajeno', '\\x00');
         INSERT INTO mail.notice_address VALUES (3, 2, 'jefe@empresa.com')",
    )
    .await;
    let first = rig.save(mail("1@c", "Prueba")).await;
    let synology = first.synology_notice.unwrap();
    assert_eq!(
        (synology.state(), synology.target.as_str()),
        (NoticeState::Queued, "soporte")
    );
    // The mailbox cannot send yet.
    assert_eq!(first.mail_notice.unwrap().state(), NoticeState::NotIssued);
    rig.run(
        "UPDATE mail.mailbox SET smtp_host = 'mail.cyberfuel.com', smtp_port = 465,
             smtp_tls = 'implicit', smtp_user = 'x', smtp_auth = 'password'",
    )
    .await;
    let second = rig.save(mail("2@c", "Asunto\r\nBcc: x@y.test")).await;
    let told = second.mail_notice.clone().unwrap();
    assert_eq!(
        (told.state(), told.target.as_str()),
        (NoticeState::Queued, "jefe@empresa.com")
    );
    let again = rig.save(mail("2@c", "Asunto\r\nBcc: x@y.test")).await;
    assert_eq!(again.mail_notice, second.mail_notice);
    assert_eq!(
        rig.texts("SELECT text FROM mail.outbox_synology ORDER BY outbox_id")
            .await,
        [
            "Nuevo ticket 1: Prueba (ana@cliente.test)",
            "Nuevo ticket 2: Asunto  Bcc: x@y.test (ana@cliente.test)"
        ]
    );
    assert_eq!(
        rig.texts("SELECT subject FROM mail.outbox_mail").await,
        ["[#2] Asunto  Bcc: x@y.test"]
    );
    // An answer to the notice finds the ticket, whoever writes it.
    let notice = rig
        .texts("SELECT message_id FROM mail.outbox_mail")
        .await
        .remove(0);
    let mut answer = reply("3@c", "Re: otra cosa", &notice);
    answer.from = "jefe@empresa.com".to_owned();
    assert_eq!(rig.appended(answer).await, 2);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn what_is_no_mail_is_refused_and_leaves_no_trace(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let caller = edge_for(Authority::Platform, COMPANY, None);
    for (field, value) in [
        ("from", "nadie"),
        ("to", "sin-arroba"),
        ("date", "2025-13-40 99:00:00"),
        ("body", " "),
        ("sistema", ""),
    ] {
        let mut wrong = mail("1@c", "Prueba");
        let place = match field {
            "from" => &mut wrong.from,
            "to" => &mut wrong.to,
            "date" => &mut wrong.date,
            "body" => &mut wrong.text,
            _ => &mut wrong.system,
        };
        value.clone_into(place);
        let refused = rig.save_as(&caller, wrong).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{field}");
        assert_eq!(refused.fields[0].0, field);
    }
    assert_eq!(rig.number("SELECT count(*) FROM mail.raw_mail").await, 0);
}
