//! What is kept of a mail, whatever it holds.

use prost::Message as _;
use proto::mail::v1::{MailHeader, SaveMailRequest};
use sqlx::PgPool;

use crate::rig::{Rig, mail};

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn everything_is_kept_and_what_is_shown_is_safe(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let mut hostile = mail("1@c", "Prueba\0\u{1b}[31m\r\nBcc: x@y.test");
    hostile.from = "\"'; DROP TABLE mail.ticket; --\r\n\0\" <ana@cliente.test>".to_owned();
    hostile.text = String::new();
    hostile.html = "<p>Hola\0<script>alert(1)</script><img src=\"http://x.test/1.gif\"></p>".into();
    hostile.headers.push(MailHeader {
        name: "X-Nul\0".to_owned(),
        values: vec!["a\0b".to_owned()],
    });
    rig.ticket(hostile.clone()).await;
    let shown = rig
        .texts("SELECT html_safe FROM mail.ticket_detail")
        .await
        .remove(0);
    assert!(shown.contains("Hola"), "{shown}");
    for danger in ["script", "alert", "x.test"] {
        assert!(!shown.contains(danger), "{shown}");
    }
    let text = rig
        .texts("SELECT text FROM mail.ticket_detail")
        .await
        .remove(0);
    assert!(text.starts_with("Hola"), "{text}");
    assert_eq!(
        rig.texts("SELECT subject FROM mail.ticket").await,
        ["Prueba  [31m  Bcc: x@y.test"]
    );
    let name = rig
        .texts("SELECT customer_name FROM mail.ticket")
        .await
        .remove(0);
    assert!(
        name.starts_with("'; DROP TABLE") && !name.contains('\n'),
        "{name}"
    );
    let raw: Vec<u8> = sqlx::query_scalar("SELECT content FROM mail.raw_mail")
        .fetch_one(&rig.pool)
        .await
        .unwrap();
    assert_eq!(SaveMailRequest::decode(raw.as_slice()).unwrap(), hostile);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn large_and_twisted_mails_are_taken(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let four_mib = 4 * 1024 * 1024;
    let mut long = mail("1@c", &"á".repeat(100_000));
    long.text = "x".repeat(four_mib);
    rig.ticket(long).await;
    let mut deep = mail("2@c", "Hondo");
    deep.html = "<div>".repeat(four_mib / 5);
    rig.ticket(deep).await;
    let mut crowded = mail("3@c", "Lista");
    crowded.to = "x@y.test,".repeat(200_000) + "newtkt@cyberfuel.com";
    crowded.headers = vec![MailHeader {
        name: "References".to_owned(),
        values: vec!["<a@b>".repeat(100_000), "<".repeat(100_000)],
    }];
    rig.ticket(crowded).await;
    assert_eq!(
        rig.number("SELECT max(length(subject))::bigint FROM mail.ticket")
            .await,
        500
    );
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn dates_are_local_and_never_ahead(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let mut dated = mail("1@c", "Prueba");
    rig.ticket(dated.clone()).await;
    rig.run("INSERT INTO mail.company VALUES (3, 'Empresa Demo', true, 'Europe/Madrid')")
        .await;
    dated.headers[0].values = vec!["<2@c>".to_owned()];
    rig.ticket(dated.clone()).await;
    rig.run("UPDATE mail.mailbox SET time_zone = 'Asia/Tokyo'")
        .await;
    dated.headers[0].values = vec!["<3@c>".to_owned()];
    rig.ticket(dated.clone()).await;
    assert_eq!(
        rig.texts(
            "SELECT (written_at AT TIME ZONE 'UTC')::text FROM mail.ticket_detail
             ORDER BY detail_id"
        )
        .await,
        [
            "2025-10-10 18:00:00",
            "2025-10-10 10:00:00",
            "2025-10-10 03:00:00"
        ]
    );
    for (nth, odd) in ["9999-12-31 23:59:59", "0001-01-01 00:00:00"]
        .into_iter()
        .enumerate()
    {
        dated.headers[0].values = vec![format!("<odd{nth}@c>")];
        odd.clone_into(&mut dated.date);
        rig.ticket(dated.clone()).await;
    }
    assert_eq!(
        rig.number("SELECT count(*) FROM mail.ticket_detail WHERE written_at = created_at")
            .await,
        2
    );
}
