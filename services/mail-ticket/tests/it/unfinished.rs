//! Mails that were stored by a process that died before it made tickets of them.

use prost::Message as _;
use proto::mail::v1::SaveMailRequest;
use sqlx::PgPool;

use crate::rig::{Rig, mail};

impl Rig {
    /// Leaves the database as a process that died after storing the mail.
    async fn forget(&self, ticket: i64) {
        sqlx::query("UPDATE mail.inbound SET state = 'stored', result = NULL")
            .execute(&self.pool)
            .await
            .unwrap();
        for table in [
            "DELETE FROM mail.ticket_participant WHERE ticket_id = $1",
            "DELETE FROM mail.message_reference WHERE ticket_id = $1",
            "DELETE FROM mail.ticket_detail WHERE ticket_id = $1",
            "DELETE FROM mail.ticket WHERE ticket_id = $1",
        ] {
            sqlx::query(table)
                .bind(ticket)
                .execute(&self.pool)
                .await
                .unwrap();
        }
    }
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn handing_it_in_again_finishes_it(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let ticket = rig.ticket(mail("1@c", "Prueba")).await;
    rig.forget(ticket).await;
    let again = rig.ticket(mail("1@c", "Prueba")).await;
    assert_eq!(again, ticket + 1, "numbers are not used twice");
    assert_eq!(rig.number("SELECT count(*) FROM mail.inbound").await, 1);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn a_worker_finishes_what_nobody_waits_for(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let ticket = rig.ticket(mail("1@c", "Prueba")).await;
    rig.forget(ticket).await;
    rig.clock.advance(time::Duration::minutes(1));
    rig.run_tasks();
    rig.until("SELECT count(*) FROM mail.ticket", 1).await;
    let answer = rig.save(mail("1@c", "Prueba")).await;
    assert!(answer.repeated_mail);
    assert_eq!(answer.ticket_id, ticket + 1);
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn a_mail_that_cannot_be_processed_holds_up_no_other(pool: PgPool) {
    let rig = Rig::with_mailbox(pool).await;
    let bad = rig.ticket(mail("1@c", "Mala")).await;
    rig.forget(bad).await;
    let nonsense = SaveMailRequest {
        date: "never".to_owned(),
        ..mail("1@c", "Mala")
    };
    sqlx::query("UPDATE mail.raw_mail SET content = $1")
        .bind(nonsense.encode_to_vec())
        .execute(&rig.pool)
        .await
        .unwrap();
    rig.run("UPDATE mail.inbound SET attempts = 4").await;
    let good = rig.ticket(mail("2@c", "Buena")).await;
    sqlx::query("UPDATE mail.inbound SET state = 'stored', result = NULL WHERE subject = 'Buena'")
        .execute(&rig.pool)
        .await
        .unwrap();
    rig.run(
        "DELETE FROM mail.message_reference; DELETE FROM mail.ticket_participant;
             DELETE FROM mail.ticket_detail; DELETE FROM mail.ticket",
    )
    .await;
    rig.clock.advance(time::Duration::minutes(1));
    rig.run_tasks();
    rig.until(
        "SELECT COALESCE(max(ticket_id), 0) FROM mail.ticket WHERE subject = 'Buena'",
        good + 1,
    )
    .await;
    assert_eq!(
        rig.texts("SELECT subject || ' ' || state FROM mail.inbound ORDER BY inbound_id")
            .await,
        ["Mala quarantined", "Buena done"]
    );
}
