//! Whatever the order and however often events are delivered, the outcome is the
//! same.

use proto::conversation::v1::{DeliveryStatus, IdentityKind, InboundEvent};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::rig::{Rig, identity, message_of, news, user, with};

/// One delivery of something.
#[derive(Clone)]
enum Delivery {
    Event(Box<InboundEvent>),
    /// The connector learns the provider's id of our message.
    Report,
}

/// A small generator of numbers (Knuth's MMIX), so that a failure names its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Names of one person that turn up in different company, another person, and
/// news of one message of ours.
fn deliveries(company: i64, start: OffsetDateTime) -> Vec<Delivery> {
    let phone = || identity(IdentityKind::WaPhone, "50688888888");
    let bsuid = || identity(IdentityKind::WaBsuid, "CR.1");
    let parent = || identity(IdentityKind::WaParentBsuid, "CR.ENT.1");
    let other = || identity(IdentityKind::WaPhone, "50677777777");
    let sightings = [
        (vec![phone()], ""),
        (vec![bsuid()], "Ana"),
        (vec![bsuid(), phone()], ""),
        (vec![parent()], ""),
        (vec![bsuid(), parent()], "Ana María"),
        (vec![phone()], "Ana"),
        (vec![other()], "Luis"),
        (vec![other()], ""),
    ];
    let mut all = vec![Delivery::Report];
    for (n, (identities, name)) in (0_i64..).zip(sightings) {
        let at = start + Duration::seconds(n);
        let event = message_of(&format!("m:{n}"), identities, &n.to_string(), at);
        all.push(event_of(
            company,
            with(event, |m| m.profile_name = name.into()),
        ));
    }
    for status in [
        DeliveryStatus::Sent,
        DeliveryStatus::Delivered,
        DeliveryStatus::Read,
        DeliveryStatus::Failed,
    ] {
        all.push(event_of(company, news("wamid.ours", status, start)));
    }
    all
}

fn event_of(company: i64, mut event: InboundEvent) -> Delivery {
    event.company_id = company;
    event.channel_id = company * 10;
    Delivery::Event(Box::new(event))
}

async fn deliver(rig: &Rig, message: i64, batch: &[Delivery]) {
    let mut events = Vec::new();
    for delivery in batch {
        match delivery {
            Delivery::Event(event) => events.push((**event).clone()),
            Delivery::Report => {
                rig.ingest(std::mem::take(&mut events)).await;
                rig.report(message, DeliveryStatus::Sent, "wamid.ours")
                    .await;
            }
        }
    }
    rig.ingest(events).await;
}

/// Everything a user could tell apart, without ids.
async fn picture(rig: &Rig, company: i64) -> Vec<String> {
    let admin = user(auth::Role::Admin, 2, company, None);
    let mut picture = Vec::new();
    for chat in rig.list(&admin, "").await {
        let messages = rig.messages(&admin, chat.chat_id).await;
        let shown: Vec<_> = messages
            .iter()
            .map(|message| format!("{}:{:?}", message.text, message.status()))
            .collect();
        let mut places: Vec<i64> = messages.iter().map(|message| message.seq).collect();
        places.sort_unstable();
        picture.push(format!(
            "{} last {} unread {} places {places:?} {shown:?}",
            chat.name, chat.last_message, chat.unread
        ));
    }
    let identities: Vec<String> = sqlx::query_scalar(
        "SELECT kind || ' ' || address || ' ' || guest.name
         FROM conversation.guest_identity JOIN conversation.guest ON guest.id = guest_id
         WHERE guest.company_id = $1 ORDER BY 1",
    )
    .bind(company)
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    picture.extend(identities);
    let news: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM conversation.message_status_event WHERE channel_id = $1",
    )
    .bind(company * 10)
    .fetch_one(&rig.pool)
    .await
    .unwrap();
    picture.push(format!("{news} pieces of news"));
    picture
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn any_order_and_any_repetition_have_the_same_outcome(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let start = rig.clock.now() - Duration::minutes(5);
    let mut expected = None;
    for seed in 0..40_u32 {
        let company = 100 + i64::from(seed);
        let admin = user(auth::Role::Admin, 2, company, None);
        let first = event_of(
            company,
            message_of(
                "m:first",
                vec![identity(IdentityKind::WaPhone, "50688888888")],
                "primero",
                start - Duration::seconds(1),
            ),
        );
        deliver(&rig, 0, &[first]).await;
        let chat = rig.list(&admin, "").await[0].chat_id;
        let ours = rig.send(&admin, chat, "nuestro", "").await.unwrap();

        let mut dice = Dice(u64::from(seed) + 1);
        let mut all = deliveries(company, start);
        if seed > 0 {
            let repeated: Vec<_> = (0..6).map(|_| all[dice.below(all.len())].clone()).collect();
            all.extend(repeated);
            dice.shuffle(&mut all);
        }
        // Batches of any size.
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (batch, others) = rest.split_at(1 + dice.below(rest.len()));
            deliver(&rig, ours.message_id, batch).await;
            rest = others;
        }

        let picture = picture(&rig, company).await;
        let expected = expected.get_or_insert_with(|| picture.clone());
        assert_eq!(&picture, expected, "seed {seed}");
    }
    let expected = expected.unwrap();
    assert!(
        expected[0].starts_with("Ana last nuestro unread 7 "),
        "{expected:#?}"
    );
    assert!(expected[0].contains("nuestro:Read"), "{expected:#?}");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn parallel_deliveries_have_the_same_outcome(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::start(pool).await);
    let start = rig.clock.now() - Duration::minutes(5);
    let mut expected = None;
    for seed in 0..6_u32 {
        let company = 100 + i64::from(seed);
        let mut all = deliveries(company, start);
        all.retain(|delivery| matches!(delivery, Delivery::Event(_)));
        Dice(u64::from(seed) + 1).shuffle(&mut all);
        let mut calls = tokio::task::JoinSet::new();
        for delivery in all {
            let rig = std::sync::Arc::clone(&rig);
            calls.spawn(async move { deliver(&rig, 0, &[delivery]).await });
        }
        calls.join_all().await;
        let picture = picture(&rig, company).await;
        let expected = expected.get_or_insert_with(|| picture.clone());
        assert_eq!(&picture, expected, "seed {seed}");
    }
}
