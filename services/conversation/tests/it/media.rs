//! The file of a message of a guest, which arrives after the message.

use auth::Role;
use chassis::{ErrorCode, code::Refusal};
use proto::{
    conversation::v1::{AttachMediaRequest, AttachMediaResponse},
    events::v1::{MessageCreated, MessageMediaAttached},
};
use sqlx::PgPool;

use crate::rig::{CHANNEL, COMPANY, Rig, admin, answer, connector, message, user, with};

fn attached(key: &str, filename: &str) -> AttachMediaRequest {
    AttachMediaRequest {
        company_id: COMPANY,
        channel_id: CHANNEL,
        external_key: key.into(),
        media_filename: filename.into(),
    }
}

impl Rig {
    async fn attach(
        &self,
        caller: &auth::Caller,
        request: AttachMediaRequest,
    ) -> Result<AttachMediaResponse, Refusal> {
        let call = self.call(caller);
        answer(
            self.ingest_service()
                .attach_media(call.request(request))
                .await,
        )
    }
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_message_gets_its_file_once_and_that_is_announced(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let event = with(
        message("m:wamid.1", "50688888888", "[Imagen]", rig.clock.now()),
        |message| message.kind = "image".into(),
    );
    let taken = rig.take(event).await;
    for filename in ["photo_1.jpg", "photo_1.jpg", "photo_2.jpg"] {
        let told = attached("m:wamid.1", filename);
        let answer = rig.attach(&connector(), told).await.unwrap();
        assert_eq!(answer.message_id, taken.message_id);
    }
    let stored = rig.messages(&admin(), taken.chat_id).await.remove(0);
    assert_eq!(stored.media_filename, "photo_1.jpg");
    assert_eq!(&*stored.text, "[Imagen]");
    let told: Vec<MessageMediaAttached> = rig.announced("message.media_attached").await;
    let wanted = MessageMediaAttached {
        message_id: taken.message_id,
        chat_id: taken.chat_id,
        media_filename: "photo_1.jpg".into(),
        assigned_user_id: 70,
    };
    assert_eq!(told, [wanted]);
    let created: Vec<MessageCreated> = rig.announced("message.created").await;
    assert_eq!(created.len(), 1);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_file_finds_no_message_of_anybody_else(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let event = message("m:wamid.1", "50688888888", "[Imagen]", rig.clock.now());
    let taken = rig.take(event).await;
    let right = attached("m:wamid.1", "photo_1.jpg");
    let other_company = AttachMediaRequest {
        company_id: COMPANY + 1,
        ..right.clone()
    };
    let other_channel = AttachMediaRequest {
        channel_id: CHANNEL + 1,
        ..right.clone()
    };
    for unknown in [
        other_company,
        other_channel,
        attached("m:wamid.2", "photo_1.jpg"),
    ] {
        let refused = rig.attach(&connector(), unknown).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
    }
    for name in [String::new(), "\0".into(), "a".repeat(192)] {
        let told = attached("m:wamid.1", &name);
        let refused = rig.attach(&connector(), told).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
    }
    let agent = user(Role::Super, 1, COMPANY, None);
    let refused = rig.attach(&agent, right).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    let stored = rig.messages(&admin(), taken.chat_id).await.remove(0);
    assert_eq!(stored.media_filename, "");
}
