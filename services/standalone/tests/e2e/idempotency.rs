//! Every operation that creates or sends, repeated under its `Idempotency-Key`
//! against the whole system: one effect, one answer.
//!
//! Each operation that the table of the edge marks has a script; one without fails
//! the test. Two API clients use the same key all the time.

use std::collections::BTreeMap;

use edge::table::operations;
use reqwest::Method;
use serde_json::{Value, json};
use testing::graph;

use crate::{
    path::now,
    world::{Mode, World},
};

const KEY: &str = "clave-1";
const NUMBER: &str = "106540352242922";
const CUSTOMER: &str = "50688887777";
const BOT: &str = "12345:ABC";
const AGENT: &str = "agente1@atencion.test";
const ADMIN: &str = "admin@atencion.test";

const FRAMES: &str = "SELECT count(*) FROM realtime.frame";
const WHISPERS: &str = "SELECT count(*) FROM realtime.idempotency_key";
const SENT: &str = "SELECT count(*) FROM conversation.message WHERE direction = 'outbound'";
const RESETS: &str = "SELECT count(*) FROM identity.password_reset";

/// How an operation is called, and how what it did is counted.
struct Script {
    id: &'static str,
    /// The user, where one is needed.
    by: Option<&'static str>,
    body: Value,
    /// Fields that make another request of it.
    other: Value,
    /// Fields that make it one of the other client's own.
    theirs: Value,
    /// Counts the effects.
    count: &'static str,
}

fn script(id: &'static str, count: &'static str, body: Value, other: Value) -> Script {
    Script {
        id,
        by: None,
        body,
        other,
        theirs: json!({}),
        count,
    }
}

impl Script {
    fn by(mut self, email: &'static str) -> Self {
        self.by = Some(email);
        self
    }

    /// Two clients cannot both have the same of these.
    fn theirs(mut self, theirs: Value) -> Self {
        self.theirs = theirs;
        self
    }
}

/// An API client, and the bearer tokens of its users.
struct Client {
    consumo: &'static str,
    secret: &'static str,
    tokens: BTreeMap<&'static str, String>,
}

impl Client {
    async fn login(world: &World, consumo: &'static str, secret: &'static str) -> Self {
        let mut client = Self {
            consumo,
            secret,
            tokens: BTreeMap::new(),
        };
        for email in [AGENT, ADMIN] {
            let body = json!({"email": email, "password": "Secret123"});
            let (status, text) = client.send(world, "auth/login", None, "", &body).await;
            assert_eq!(status, 200, "{text}");
            let answer: Value = serde_json::from_str(&text).unwrap();
            let token = answer["data"]["token"].as_str().unwrap().to_owned();
            client.tokens.insert(email, token);
        }
        client
    }

    async fn send(
        &self,
        world: &World,
        path: &str,
        by: Option<&str>,
        key: &str,
        body: &Value,
    ) -> (u16, String) {
        let mut request = world
            .api()
            .nobody(Method::POST, path)
            .header("X-User-Consumo", self.consumo)
            .header("X-User-Secret", self.secret)
            .json(body);
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(email) = by {
            request = request.bearer_auth(&self.tokens[email]);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

/// An answer without the number of its request.
fn without_id(text: &str) -> String {
    let Some((before, after)) = text.split_once("\"id_bitacora_log\":") else {
        return text.to_owned();
    };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '"');
    format!("{before}{rest}")
}

fn changed(body: &Value, fields: &Value) -> Value {
    let mut body = body.clone();
    for (field, value) in fields.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

async fn count(world: &World, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement)
        .fetch_one(&world.database)
        .await
        .unwrap()
}

fn administration() -> Vec<Script> {
    let plan = json!({
        "name": "Plan de prueba", "total_dau": "1000", "price_additional_dau": "0.05",
        "no_dau": "500", "plan_price": "49.9", "price_api": 0, "price_messenger": 0,
        "price_telegram": 0, "max_users": 20,
    });
    let company = json!({
        "name": "Nueva", "email": "nueva@empresa.test", "id_plan": 2, "balance": "0",
        "pay_day": "2024-12-15", "user_name": "Admin", "user_email": "a@nueva.test",
        "password": "Secret123",
    });
    let user = json!({
        "name": "Eva", "email": "eva@empresa.test", "type": "3", "password": "Otra-clave-7",
        "password_confirmation": "Otra-clave-7", "company": 3, "department": 7,
    });
    let channel = json!({
        "id_company": 3, "name": "WhatsApp dos", "app": "2065403522", "type": "whatsappfb",
        "token": "graph-token",
    });
    let department = json!({"company": 3, "department_name": "Cobros"});
    let faq = json!({"company": 3, "replay": "Hola", "departament": ["0"]});
    vec![
        script(
            "POST /api/admin/plans/store",
            "SELECT count(*) FROM tenancy.plan",
            plan,
            json!({"name": "Otro plan"}),
        ),
        script(
            "POST /api/admin/clients/store",
            "SELECT count(*) FROM tenancy.company",
            company,
            json!({"password": "Secret124"}),
        )
        .theirs(json!({"email": "suya@empresa.test", "user_email": "a@suya.test"})),
        script(
            "POST /api/admin/departments/store",
            "SELECT count(*) FROM tenancy.department",
            department,
            json!({"department_name": "Compras"}),
        )
        .theirs(json!({"department_name": "Bodega"})),
        script(
            "POST /api/admin/faqs/store",
            "SELECT count(*) FROM tenancy.faq",
            faq,
            json!({"replay": "Buenas"}),
        ),
        script(
            "POST /api/users/store",
            "SELECT count(*) FROM identity.users",
            user,
            json!({"name": "Eva María"}),
        )
        .theirs(json!({"email": "iris@empresa.test"})),
        script(
            "POST /api/admin/channels/store",
            "SELECT count(*) FROM channel.channel",
            channel,
            json!({"token": "another-token"}),
        )
        .theirs(json!({"app": "3065403522"})),
    ]
}

fn access() -> Vec<Script> {
    let forgot = json!({"email": "juan@empresa.com"});
    let forgot_sso = json!({"product": "atencion", "email": ADMIN});
    let other = json!({"email": AGENT});
    let system = json!({"sistema": "erp", "estado": "activo", "update_token": "S"});
    let pin = json!({"device_id": 5, "pin": "482915", "name": "Tableta"});
    vec![
        script(
            "POST /api/auth/password/forgot",
            RESETS,
            forgot,
            other.clone(),
        ),
        script("POST /api/SSO/password/forgot", RESETS, forgot_sso, other),
        script(
            "POST /api/auth/pin/enrol",
            "SELECT count(*) FROM identity.security_event WHERE kind = 'pin.enrolled'",
            pin,
            json!({"pin": "482916"}),
        )
        .by(AGENT),
        script(
            "POST /api/SSO/ADI/setToken",
            "SELECT count(*) FROM identity.security_event WHERE kind = 'system.token_set'",
            system,
            json!({"estado": "inactivo"}),
        )
        .theirs(json!({"sistema": "crm"})),
    ]
}

fn broadcasts() -> Vec<Script> {
    let said = json!({"message": "Hola", "channel": "general"});
    let to_room = json!({"message": "Hola", "room_id": "room-1"});
    let notice = json!({"user_id": 7, "title": "Aviso", "message": "Hola", "type": "info"});
    let customer = json!({"customer": "cust-55", "message": "Hola", "channel": "public.customer"});
    let other = json!({"message": "Adiós"});
    let room = json!({"room_id": "room-2"});
    let frame = |id, body: Value| script(id, FRAMES, body, json!({"message": "Adiós"})).by(AGENT);
    vec![
        frame("POST /api/broadcast/public-message", said),
        frame("POST /api/broadcast/private-notification", notice.clone()),
        frame("POST /api/broadcast/publicCustomer-message", customer),
        frame(
            "POST /api/broadcast/privateCustomer-notification",
            changed(&notice, &json!({"customer_id": 9})),
        ),
        frame("POST /api/broadcast/sendPresenceChannel", to_room.clone()),
        frame(
            "POST /api/broadcast/sendCustomerPresenceChannel",
            changed(&to_room, &json!({"customerId": 9})),
        ),
        script(
            "POST /api/broadcast/sendPresenceWAPChannel",
            FRAMES,
            changed(&to_room, &json!({"message": "Hola por WhatsApp"})),
            other,
        )
        .by(AGENT),
        script(
            "POST /api/broadcast/userPresenceChannelTyping",
            WHISPERS,
            json!({"room_id": "room-1"}),
            room.clone(),
        )
        .by(AGENT),
        script(
            "POST /api/broadcast/userPresenceCustomerChannelTyping",
            WHISPERS,
            json!({"room_id": "room-1", "customerId": 9}),
            room,
        )
        .by(AGENT),
    ]
}

/// What needs a channel, a bot and a customer who has written.
async fn messages(world: &World) -> Vec<Script> {
    world.graph.register_number(NUMBER, "graph-token");
    world.telegram.register_bot(BOT);
    let api = world.api();
    let channel = api.whatsapp_channel(NUMBER).await;
    let webhook = graph::text_webhook(NUMBER, CUSTOMER, "wamid.first", "Hola", now());
    api.meta_until_accepted(&webhook).await;
    let chat = api.login(AGENT).await.chat_saying("Hola").await;
    let other = json!({"message": "Adiós"});
    let whatsapp = json!({"whatsapp_channel": channel, "to": CUSTOMER, "message": "Con gusto"});
    let bot = json!({"bot_token": BOT, "company": 3, "name": "Bot soporte"});
    let telegram = json!({
        "bot_token": BOT, "id_chat": "123456789", "message": "Hola", "id_user": 7,
        "name_user": "Agente 1",
    });
    let mail = json!({
        "sistema": "canal_lectura", "subject": "prueba", "from": "ana@cliente.test",
        "to": "newtkt@cyberfuel.com", "body": "Hola", "date": "2025-10-10 12:00:00",
        "headers": {"Message-ID": "<1@cliente.test>"},
    });
    let their_mail = json!({"headers": {"Message-ID": "<2@cliente.test>"}, "subject": "otra"});
    vec![
        script(
            "POST /api/chat/sendChatMessage",
            SENT,
            json!({"id_chat": chat, "message": "Buenas"}),
            other.clone(),
        )
        .by(AGENT),
        script(
            "POST /api/meta/sendMessagesWAP",
            SENT,
            whatsapp,
            other.clone(),
        )
        .by(AGENT),
        script(
            "POST /api/telegram/setWebhook",
            "SELECT count(*) FROM channel.idempotency_key WHERE operation = 'ConnectTelegram'",
            bot,
            json!({"name": "Otro bot"}),
        )
        .by(ADMIN),
        script(
            "POST /api/telegram/sendTelegramMessage",
            SENT,
            telegram,
            other,
        )
        .by(AGENT),
        script(
            "POST /api/guest/store",
            "SELECT count(*) FROM conversation.guest",
            json!({"name": "Ana", "phone": "50677776666"}),
            json!({"name": "Ana María"}),
        )
        .theirs(json!({"phone": "50677775555"})),
        script(
            "POST /api/correo/save",
            "SELECT count(*) FROM mail.ticket",
            mail,
            json!({"body": "Otra cosa"}),
        )
        .theirs(their_mail),
    ]
}

/// The script of the token that hands a user over, which needs the secret of a
/// system.
async fn handover(world: &World, ours: &Client) -> Script {
    let system = json!({"sistema": "facturas"});
    let (status, text) = ours
        .send(world, "SSO/ADI/setToken", None, "", &system)
        .await;
    assert_eq!(status, 200, "{text}");
    let made: Value = serde_json::from_str(&text).unwrap();
    let secret = &made["data"]["token_generado"];
    script(
        "POST /api/SSO/ADI/generateToken",
        "SELECT count(*) FROM identity.security_event WHERE kind = 'system.token_issued'",
        json!({"username": "dnunez", "email": AGENT, "sistema": "facturas", "token": secret}),
        json!({"username": "otro"}),
    )
}

/// Says what is wrong unless something holds.
fn hold(holds: bool, what: &str, answer: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("{what}: {answer}"))
    }
}

async fn run(world: &World, ours: &Client, theirs: &Client, script: &Script) -> Result<(), String> {
    let path = script.id.trim_start_matches("POST /api/");
    let by = script.by;
    let before = count(world, script.count).await;
    let (status, first) = ours.send(world, path, by, KEY, &script.body).await;
    hold(matches!(status, 200 | 201), "it is refused", &first)?;
    let done = count(world, script.count).await;
    hold(done == before + 1, "it has not one effect", &first)?;

    let (again, second) = ours.send(world, path, by, KEY, &script.body).await;
    let same = again == status && without_id(&second) == without_id(&first);
    hold(same, "a repetition hears something else", &second)?;
    let now = count(world, script.count).await;
    hold(now == done, "a repetition has an effect", &second)?;

    let other = changed(&script.body, &script.other);
    let (refused, text) = ours.send(world, path, by, KEY, &other).await;
    let sentence = "La clave de idempotencia ya se uso con otro contenido.";
    let told = refused == 409 && text.contains(sentence);
    hold(told, "another content is no conflict", &text)?;
    let now = count(world, script.count).await;
    hold(now == done, "another content has an effect", &text)?;

    let body = changed(&script.body, &script.theirs);
    let (independent, text) = theirs.send(world, path, by, KEY, &body).await;
    hold(independent == status, "another client is refused", &text)?;
    let now = count(world, script.count).await;
    hold(now == done + 1, "another client has no effect", &text)
}

/// Gives a second client the rights that the first one has.
async fn second_client(world: &World) -> Client {
    for statement in [
        "UPDATE identity.api_client SET authority = 'platform' WHERE client_id = 2",
        "UPDATE identity.api_client SET scopes =
             (SELECT scopes FROM identity.api_client WHERE client_id = 1) WHERE client_id = 2",
    ] {
        sqlx::query(statement)
            .execute(&world.database)
            .await
            .unwrap();
    }
    Client::login(world, "EmpresaDemo", "empresa-demo-secret").await
}

#[tokio::test]
async fn a_key_makes_every_operation_that_creates_or_sends_happen_once() {
    let world = World::start(Mode::Together).await;
    let ours = Client::login(&world, "UsuarioPrueba", "strDasdakdmsadsakming").await;
    let theirs = second_client(&world).await;
    let mut scripts = administration();
    scripts.extend(access());
    scripts.push(handover(&world, &ours).await);
    scripts.extend(broadcasts());
    scripts.extend(messages(&world).await);

    for row in operations().filter(|row| row.repeatable) {
        let id = row.id();
        assert!(
            scripts.iter().any(|script| script.id == id),
            "{id} has no script"
        );
    }
    let mut failures = Vec::new();
    for script in &scripts {
        if let Err(failure) = run(&world, &ours, &theirs, script).await {
            failures.push(format!("{}: {failure}", script.id));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
