//! What requests are about: the same things in two companies, made through the API.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use testing::graph;

use super::callers::{Caller, Person};
use crate::{api::Api, path::now, world::World};

/// Whose thing it is, seen from company 3, where the users of the test are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Of company 3.
    Home,
    /// Of company 4.
    Abroad,
    /// The user who asks.
    Oneself,
}

impl Side {
    /// The company.
    pub fn company(self) -> i64 {
        match self {
            Self::Home | Self::Oneself => 3,
            Self::Abroad => 4,
        }
    }
}

/// The things of a company.
#[derive(Clone)]
pub struct Things {
    pub company: i64,
    pub department: i64,
    pub faq: i64,
    /// An agent, with the password of the demonstration.
    pub user: i64,
    pub user_email: String,
    /// More agents.
    pub others: [String; 2],
    /// Somebody who has logged in before.
    pub account: &'static str,
    /// A WhatsApp channel, and a customer who wrote to it.
    pub channel: i64,
    pub channel_name: String,
    pub customer: &'static str,
    pub chat: String,
    pub message: String,
    /// A Telegram bot, and a customer who wrote to it.
    pub bot: &'static str,
    pub bot_customer: i64,
    /// What the address of the bot's webhook ends in.
    pub bot_key: String,
    /// The number of a guest.
    pub phone: &'static str,
    pub mailbox: &'static str,
    /// The secret of the system that hands users over.
    pub system_token: String,
    /// A client of the company.
    pub keeper: Caller,
}

/// The password of every user here.
pub const PASSWORD: &str = "Secret123";

/// The system of the documents.
pub const SYSTEM: &str = "factura_profesional";

/// A picture of one pixel.
pub const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// What differs between the companies.
struct Given {
    company: i64,
    department: i64,
    faq: i64,
    account: &'static str,
    number: &'static str,
    customer: &'static str,
    bot: &'static str,
    bot_customer: i64,
    phone: &'static str,
    mailbox: &'static str,
}

const HOME: Given = Given {
    company: 3,
    department: 8,
    faq: 5,
    account: "agente1@atencion.test",
    number: "106540352242922",
    customer: "50688887777",
    bot: "12345:ABC",
    bot_customer: 123_456_789,
    phone: "50611110003",
    mailbox: "newtkt@cyberfuel.com",
};

const ABROAD: Given = Given {
    company: 4,
    department: 9,
    faq: 6,
    account: "admin@otra.test",
    number: "206540352242924",
    customer: "50688884444",
    bot: "67890:DEF",
    bot_customer: 987_654_321,
    phone: "50611110004",
    mailbox: "soporte@otra.test",
};

/// Makes the things of companies 3 and 4; `callers` has a client of each.
pub async fn of_both_companies(world: &World, callers: &[Caller]) -> [Things; 2] {
    let root = world.api().login("super@atencion.test").await;
    let system = json!({"sistema": SYSTEM, "estado": "activo", "update_token": "S"});
    let system = world.api().post("SSO/ADI/setToken", system).await.ok();
    let system_token = text(&system, "/data/token_generado");
    second_mailbox(&world.database).await;
    [
        of(world, &root, callers, HOME, &system_token).await,
        of(world, &root, callers, ABROAD, &system_token).await,
    ]
}

async fn of(
    world: &World,
    root: &Api,
    callers: &[Caller],
    given: Given,
    system_token: &str,
) -> Things {
    let company = given.company;
    let keeper = callers.iter().find(|caller| caller.keeps(company));
    let keeper = keeper.expect("a client of the company").clone();
    let (channel, channel_name) = whatsapp(world, root, &given).await;
    let hello = format!("Hola, empresa {company}");
    write(world, &given, &hello).await;
    let chat = root.chat_saying(&hello).await;
    let messages = root
        .post("chat/getChatMessages", json!({"id_chat": chat}))
        .await
        .ok();
    let bot_key = telegram(world, root, &given).await;
    let guest = json!({"name": "Invitado", "phone": given.phone});
    let stored = keeper.sign(world.api().nobody(Method::POST, "guest/store"));
    assert_eq!(stored.json(&guest).send().await.unwrap().status(), 200);
    enrol(world, given.account).await;
    let user_email = format!("colega{company}@atencion.test");
    let user = agent(world, &given, &user_email).await;
    let others = [1, 2].map(|number| format!("colega{company}-{number}@atencion.test"));
    for email in &others {
        agent(world, &given, email).await;
    }
    Things {
        company,
        department: given.department,
        faq: given.faq,
        user,
        user_email,
        others,
        account: given.account,
        channel,
        channel_name,
        customer: given.customer,
        chat,
        message: text(&messages, "/data/messages/0/id_message"),
        bot: given.bot,
        bot_customer: given.bot_customer,
        bot_key,
        phone: given.phone,
        mailbox: given.mailbox,
        system_token: system_token.to_owned(),
        keeper,
    }
}

async fn agent(world: &World, given: &Given, email: &str) -> i64 {
    let user = json!({
        "name": "Colega", "email": email, "type": "3", "password": PASSWORD,
        "password_confirmation": PASSWORD, "company": given.company,
        "department": given.department, "state": "1",
    });
    let user = world.api().post("users/store", user).await;
    assert_eq!(user.status, 201, "{}", user.json);
    user.json["data"]["id"].as_i64().expect("an id")
}

fn text(json: &Value, pointer: &str) -> String {
    let found = json.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{pointer}: {json}"))
        .to_owned()
}

async fn whatsapp(world: &World, root: &Api, given: &Given) -> (i64, String) {
    world.graph.register_number(given.number, "graph-token");
    let name = format!("Canal de {}", given.company);
    let channel = json!({
        "id_company": given.company, "name": name, "app": given.number,
        "type": "whatsappfb", "token": "graph-token",
    });
    let answer = root.post("admin/channels/store", channel).await.ok();
    let id = answer["data"]["id_channel"].as_i64().expect("an id");
    (id, name)
}

async fn write(world: &World, given: &Given, words: &str) {
    let wamid = format!("wamid.{}", given.company);
    let body = graph::text_webhook(given.number, given.customer, &wamid, words, now());
    world.api().meta_until_accepted(&body).await;
}

async fn telegram(world: &World, root: &Api, given: &Given) -> String {
    world.telegram.register_bot(given.bot);
    let bot = json!({"bot_token": given.bot, "company": given.company, "name": "Bot"});
    root.post("telegram/setWebhook", bot).await.ok();
    let hook = world.telegram.webhook(given.bot).expect("a webhook");
    let words = format!("Por Telegram, empresa {}", given.company);
    let update = json!({
        "update_id": 1,
        "message": {
            "message_id": 5, "date": now(), "text": words,
            "chat": {"id": given.bot_customer, "type": "private", "first_name": "Ana"},
            "from": {"id": given.bot_customer, "is_bot": false, "first_name": "Ana"},
        },
    });
    let secret = hook.secret_token.expect("a secret");
    let body = update.to_string();
    let api = world.api();
    let taken = api.telegram(&hook.url, &secret, body.as_bytes());
    assert_eq!(taken.await.unwrap(), 200);
    root.chat_saying(&words).await;
    hook.url.rsplit('/').next().expect("a key").to_owned()
}

/// Gives somebody a PIN on device 99.
async fn enrol(world: &World, email: &str) {
    let user = world.api().login(email).await;
    let device = json!({"device_id": 99, "pin": "482915", "name": "Prueba"});
    user.post("auth/pin/enrol", device).await.ok();
}

/// A mailbox of company 4, whose access is granted elsewhere.
async fn second_mailbox(database: &PgPool) {
    sqlx::query(
        "INSERT INTO mail.mailbox
         SELECT (m).* FROM (
             SELECT jsonb_populate_record(
                 m, '{\"mailbox_id\": 2, \"company_id\": 4, \"imap_auth\": \"xoauth2\",
                      \"address\": \"soporte@otra.test\", \"imap_user\": \"soporte@otra.test\"}'
             ) AS m
             FROM mail.mailbox m WHERE company_id = 3
         ) AS copies",
    )
    .execute(database)
    .await
    .unwrap();
}

/// What must stay as it is when requests are refused: the rows that people see.
pub async fn fingerprint(database: &PgPool) -> String {
    sqlx::query_scalar(
        "SELECT concat_ws(' ',
             (SELECT md5(string_agg(t::text, '' ORDER BY user_id)) FROM identity.users t),
             (SELECT md5(string_agg(t::text, '' ORDER BY user_id)) FROM identity.user_picture t),
             (SELECT md5(string_agg(t::text, '' ORDER BY company_id)) FROM tenancy.company t),
             (SELECT md5(string_agg(t::text, '' ORDER BY department_id))
              FROM tenancy.department t),
             (SELECT md5(string_agg(t::text, '' ORDER BY faq_id)) FROM tenancy.faq t),
             (SELECT md5(string_agg(t::text, '' ORDER BY plan_id)) FROM tenancy.plan t),
             (SELECT md5(string_agg(concat(id, name, app_public, active), '' ORDER BY id))
              FROM channel.channel t),
             (SELECT count(*) FROM conversation.guest),
             (SELECT count(*) FROM conversation.message),
             (SELECT count(*) FROM mail.ticket_detail),
             (SELECT count(*) FROM mail.synology_channel))",
    )
    .fetch_one(database)
    .await
    .unwrap()
}

impl Things {
    /// The same company, and the user who asks in place of the colleague.
    pub fn about(&self, person: Person) -> Self {
        Self {
            user: person.id,
            user_email: person.email.to_owned(),
            ..self.clone()
        }
    }
}
