//! Mails that tests hand in.

use auth::{Authority, Caller};
use chassis::code::Refusal;
use mail_ticket::demo;
use proto::mail::v1::{
    MailHeader, MailOutcome, SaveMailRequest, SaveMailResponse,
    intake_service_client::IntakeServiceClient,
};
use sqlx::PgPool;

use super::{COMPANY, Rig, answer, config, edge_for};

/// A mail of a customer to the demo mailbox, with a Message-ID.
pub fn mail(id: &str, subject: &str) -> SaveMailRequest {
    SaveMailRequest {
        system: "canal_lectura".to_owned(),
        subject: subject.to_owned(),
        from: "Ana <ana@cliente.test>".to_owned(),
        to: "newtkt@cyberfuel.com".to_owned(),
        text: "Hola".to_owned(),
        date: "2025-10-10 12:00:00".to_owned(),
        headers: vec![header("Message-ID", &format!("<{id}>"))],
        ..SaveMailRequest::default()
    }
}

/// A mail that answers another one.
pub fn reply(id: &str, subject: &str, to: &str) -> SaveMailRequest {
    let mut reply = mail(id, subject);
    reply
        .headers
        .push(header("In-Reply-To", &format!("<{to}>")));
    reply.headers.push(header("References", &format!("<{to}>")));
    reply
}

fn header(name: &str, value: &str) -> MailHeader {
    MailHeader {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    }
}

impl Rig {
    /// With the demo mailbox, whose department has two agents.
    pub async fn with_mailbox(pool: PgPool) -> Self {
        demo::seed(&pool, &config()).await.unwrap();
        let rig = Self::start(pool).await;
        rig.run(
            "INSERT INTO mail.agent VALUES
                 (7, 3, 2, 3, 'Agente 1', 'agente1@atencion.test', true),
                 (8, 3, 2, 3, 'Agente 2', 'agente2@atencion.test', true),
                 (15, 3, 2, 2, 'Juan Perez', 'juan@empresa.com', true),
                 (30, 4, 2, 3, 'Ajeno', 'ajeno@otra.test', true)",
        )
        .await;
        rig
    }

    /// Hands a mail in as the platform client.
    pub async fn save(&self, mail: SaveMailRequest) -> SaveMailResponse {
        let caller = edge_for(Authority::Platform, COMPANY, None);
        self.save_as(&caller, mail).await.unwrap()
    }

    pub async fn save_as(
        &self,
        caller: &Caller,
        mail: SaveMailRequest,
    ) -> Result<SaveMailResponse, Refusal> {
        let mut intake = IntakeServiceClient::new(self.upstream.clone());
        answer(intake.save_mail(self.call(caller).request(mail)).await)
    }

    /// Hands a mail in; it must make a ticket. Answers its number.
    pub async fn ticket(&self, mail: SaveMailRequest) -> i64 {
        let saved = self.save(mail).await;
        assert_eq!(saved.outcome(), MailOutcome::Created, "{saved:?}");
        saved.ticket_id
    }

    /// Hands a mail in; it must be added to a ticket. Answers its number.
    pub async fn appended(&self, mail: SaveMailRequest) -> i64 {
        let saved = self.save(mail).await;
        assert_eq!(saved.outcome(), MailOutcome::Appended, "{saved:?}");
        saved.ticket_id
    }
}
