//! Demo data: the mailbox and the bot that the examples of the documents name.

use chassis::{Clock, config::Secret};
use sealing::Sealer;
use sqlx::PgPool;

use crate::{
    Config,
    mailboxes::{self, MailAuth, Mailbox, Server, Tls},
    synology_bots,
};

/// Adds what is missing; what is there already stays as it is.
pub async fn seed(pool: &PgPool, config: &Config) -> anyhow::Result<()> {
    let sealer = Sealer::new("mail.encryption_keys", &config.encryption_keys)?;
    let now = Clock::system().now();
    let mut transaction = pool.begin().await?;
    let password = Secret::new("demo-mail-password");
    mailboxes::add_missing(&mut transaction, &sealer, now, &demo_mailbox(), &password).await?;
    let token = Secret::new("demo-synology-token");
    synology_bots::add_missing(&mut transaction, now, "BotAsistencia", &token).await?;
    transaction.commit().await?;
    Ok(())
}

fn demo_mailbox() -> Mailbox {
    let address = "newtkt@cyberfuel.com";
    Mailbox {
        id: 1,
        company: 3,
        department: 2,
        address: address.to_owned(),
        imap: Server {
            host: "mail.cyberfuel.com".to_owned(),
            port: 993,
            tls: Tls::Implicit,
            user: address.to_owned(),
            auth: MailAuth::Password,
        },
        smtp: None,
        folders: vec!["INBOX".to_owned()],
        active: true,
        // The account is an example; nobody here may read it.
        fetching: false,
        poll_seconds: 60,
        time_zone: String::new(),
    }
}
