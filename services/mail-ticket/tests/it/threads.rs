//! Which mails belong together, and who may say so.

use proto::mail::v1::MailOutcome;
use sqlx::PgPool;
use time::Duration;

use crate::rig::{Rig, mail, reply};

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn answers_of_those_who_take_part_join_the_ticket(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let mut first = mail("1@c", "Prueba");
    first.cc = "Luis <luis@cliente.test>".to_owned();
    let ticket = rig.ticket(first).await;
    assert_eq!(
        rig.appended(reply("2@c", "Re: Prueba", "1@c")).await,
        ticket
    );
    let mut of_luis = reply("3@c", "RV: Prueba", "2@c");
    of_luis.from = "LUIS@cliente.test".to_owned();
    assert_eq!(rig.appended(of_luis).await, ticket);
    // To a mail that never came here, but that another one answered.
    let mut sibling = reply("4@c", "Re: Prueba", "1@c");
    sibling.headers[2].values = vec!["<1@c> <perdida@c>".to_owned()];
    assert_eq!(rig.appended(sibling).await, ticket);
    let of_lost = reply("5@c", "Re: Prueba", "perdida@c");
    assert_eq!(rig.appended(of_lost).await, ticket);
    let numbered = format!("Una pregunta [#{ticket}]");
    assert_eq!(rig.appended(mail("6@c", &numbered)).await, ticket);
    assert_eq!(rig.number("SELECT count(*) FROM mail.ticket").await, 1);
    assert_eq!(rig.ticket(mail("7@c", "Prueba")).await, 2);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn a_stranger_gets_a_ticket_that_names_the_one_that_was_meant(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let ticket = rig.ticket(mail("1@c", "Prueba")).await;
    let strange = |mut mail: proto::mail::v1::SaveMailRequest| {
        mail.from = "\"ana@cliente.test\" <ladron@malo.test>".to_owned();
        mail
    };
    let by_number = format!("Re: [#{ticket}] Prueba");
    for (nth, mail) in [
        strange(mail("2@c", &by_number)),
        strange(reply("3@c", "Re: Prueba", "1@c")),
        strange(reply(
            "4@c",
            "Re: x",
            &format!("t.{ticket}.aaaaaaaaaaaaaaaa.x@y"),
        )),
    ]
    .into_iter()
    .enumerate()
    {
        let mut mail = mail;
        // Each of them is somebody else.
        mail.from = mail.from.replace("ladron", &format!("ladron{nth}"));
        assert_ne!(rig.ticket(mail).await, ticket);
    }
    assert_eq!(
        rig.texts(
            "SELECT COALESCE(related_ticket_id::text, '-') FROM mail.ticket ORDER BY ticket_id"
        )
        .await,
        ["-", "1", "1", "-"]
    );
    assert_eq!(
        rig.number("SELECT count(*) FROM mail.ticket_detail WHERE ticket_id = 1")
            .await,
        1
    );
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn the_token_of_a_ticket_is_proof(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let ticket = rig.ticket(mail("1@c", "Prueba")).await;
    let token = rig.texts("SELECT token FROM mail.ticket").await.remove(0);
    let mut by_id = reply(
        "2@c",
        "Re: Prueba",
        &format!("t.{ticket}.{token}.abc@cyberfuel.com"),
    );
    by_id.from = "secretaria@cliente.test".to_owned();
    assert_eq!(rig.appended(by_id).await, ticket);
    let mut by_address = mail("3@c", "Re: Prueba");
    by_address.from = "otra@cliente.test".to_owned();
    by_address.to = format!("newtkt+t{ticket}.{token}@cyberfuel.com");
    assert_eq!(rig.appended(by_address.clone()).await, ticket);
    // The same tag at an address that is not ours proves nothing.
    by_address.headers.clear();
    by_address.from = "tercera@cliente.test".to_owned();
    by_address.to = format!("newtkt@cyberfuel.com, x+t{ticket}.{token}@y.test");
    assert_ne!(rig.ticket(by_address).await, ticket);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn an_answer_wakes_its_ticket_and_another_matter_does_not(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let ticket = rig.ticket(mail("1@c", "Prueba")).await;
    let close = "UPDATE mail.ticket SET state = 'closed', closed_at = updated_at";
    rig.run(close).await;
    assert_eq!(rig.appended(reply("2@c", "Otra cosa", "1@c")).await, ticket);
    assert_eq!(rig.texts("SELECT state FROM mail.ticket").await, ["open"]);
    rig.run(close).await;
    rig.clock.advance(Duration::days(8));
    let other = rig.ticket(reply("3@c", "Otra cosa", "1@c")).await;
    assert_eq!(
        rig.number("SELECT related_ticket_id FROM mail.ticket WHERE ticket_id = 2")
            .await,
        ticket
    );
    assert_eq!(other, 2);
    assert_eq!(
        rig.appended(reply("4@c", "RE: prueba", "1@c")).await,
        ticket
    );
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn a_bounce_is_believed_only_with_the_token(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let ticket = rig.ticket(mail("1@c", "Prueba")).await;
    let token = rig.texts("SELECT token FROM mail.ticket").await.remove(0);
    let bounce = |id: &str, to: &str| {
        let mut bounce = reply(id, "Undelivered Mail", to);
        bounce.from = "MAILER-DAEMON@malo.test".to_owned();
        bounce
    };
    let forged = rig.save(bounce("2@c", "1@c")).await;
    assert_eq!(forged.outcome(), MailOutcome::Ignored);
    let ours = format!("t.{ticket}.{token}.abc@cyberfuel.com");
    assert_eq!(rig.appended(bounce("3@c", &ours)).await, ticket);
    assert_eq!(
        rig.texts("SELECT kind FROM mail.ticket_detail ORDER BY detail_id")
            .await,
        ["customer", "bounce"]
    );
}
