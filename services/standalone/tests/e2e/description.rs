//! Schemathesis calls every operation of the served description, with invented and
//! with existing values, as everybody who may call, and holds each answer against
//! the description: none is a fault of ours, and all are described.
//!
//! `make fuzz-api` sets `FUZZ_EXAMPLES`, the values invented for each operation;
//! then everybody also tries the bounds of every field and follows objects from one
//! operation to the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use testing::graph;

use crate::{
    path::now,
    world::{Mode, World, binary},
};

const NUMBER: &str = "106540352242922";
const BOT: &str = "12345:ABC";

/// A picture of one pixel.
const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// How often one may try to sign in is tested elsewhere.
const SETTINGS: &str = "
    [edge.limits]
    sign_in = 0
    guessable = 0
";

/// What is held against the description.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// Operations that may end the session of whoever calls them, or take away what it
/// hangs on.
const ENDING: [&str; 7] = [
    "DELETE /api/auth/logout",
    "GET /api/auth/refreshUserToken",
    "GET /api/SSO/refreshUserToken",
    "PATCH /api/users/status",
    "PATCH /api/users/status/{id}",
    "PATCH /api/users/update/{id}",
    "DELETE /api/company/delete/{id}",
];

/// In whose name calls are made.
struct Caller {
    name: &'static str,
    consumo: &'static str,
    secret: String,
    /// The user who signs in through the client; empty for none.
    email: &'static str,
    phases: &'static str,
}

impl Caller {
    fn new(name: &'static str, consumo: &'static str, secret: &str, email: &'static str) -> Self {
        Self {
            name,
            consumo,
            secret: secret.to_owned(),
            email,
            phases: "examples,fuzzing",
        }
    }
}

/// What came of the calls of one caller.
#[derive(Default, Deserialize)]
struct Outcome {
    /// How often each status was answered, by operation.
    answers: BTreeMap<String, BTreeMap<u16, u64>>,
    /// Whether the user could go on afterwards.
    signed_in: bool,
}

impl Outcome {
    fn calls(&self) -> u64 {
        self.answers.values().flat_map(BTreeMap::values).sum()
    }

    /// How many operations did at least once what they are for.
    fn successes(&self) -> usize {
        let done = |answers: &&BTreeMap<u16, u64>| answers.keys().any(|status| *status < 300);
        self.answers.values().filter(done).count()
    }
}

/// A system in which there is something to find.
struct Described {
    world: World,
    /// By the name of a field, values that exist.
    known: Value,
    /// All operations, such as `POST /api/auth/login`.
    operations: BTreeSet<String>,
}

impl Described {
    async fn start() -> Self {
        let world = World::start_configured(Mode::Together, SETTINGS).await;
        let known = fill(&world).await;
        let url = format!("{}/openapi.json", world.url());
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let description: Value = serde_json::from_str(&text).unwrap();
        let mut operations = BTreeSet::new();
        for (path, verbs) in description["paths"].as_object().unwrap() {
            for verb in verbs.as_object().unwrap().keys() {
                operations.insert(format!("{} {path}", verb.to_uppercase()));
            }
        }
        Self {
            world,
            known,
            operations,
        }
    }

    /// Calls all operations in a name. What may end the session is called last, each
    /// time by a user who signed in anew: so nothing is called by somebody who no
    /// longer is.
    async fn call_as(&self, caller: &Caller) -> Outcome {
        let mut outcome = if caller.email.is_empty() {
            self.run(caller, "--exclude-name", &[]).await
        } else {
            let outcome = self.run(caller, "--exclude-name", &ENDING).await;
            assert!(outcome.signed_in, "{}: the session ended", caller.name);
            tokio::select! {
                ending = self.run(caller, "--include-name", &ENDING) => Outcome {
                    answers: outcome.answers.into_iter().chain(ending.answers).collect(),
                    ..ending
                },
                never = self.keep_going(caller.email) => never,
            }
        };
        let reached: BTreeSet<String> = outcome.answers.keys().cloned().collect();
        let missing: Vec<_> = self.operations.difference(&reached).collect();
        assert!(
            missing.is_empty(),
            "{}: not called: {missing:?}",
            caller.name
        );
        outcome.signed_in |= caller.email.is_empty();
        println!(
            "{}: {} calls, {} of {} operations succeeded",
            caller.name,
            outcome.calls(),
            outcome.successes(),
            reached.len()
        );
        outcome
    }

    /// Runs schemathesis over the operations that `choice` leaves of `names`.
    async fn run(&self, caller: &Caller, choice: &str, names: &[&str]) -> Outcome {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = self.world.settings_file();
        let counts = folder.with_file_name("counts.json");
        let more = examples();
        let phases = more
            .as_ref()
            .map_or(caller.phases, |_| "examples,coverage,fuzzing,stateful");
        let mut command = Command::new(tests.join("../../target/venv/bin/schemathesis"));
        command
            .arg("run")
            .arg(format!("{}/openapi.json", self.world.url()))
            .args(["--seed", "1", "--checks", CHECKS, "--phases", phases])
            .args(["--max-examples", more.as_deref().unwrap_or("3")])
            .args(["--continue-on-failure", "--generation-database", "none"])
            .args(["--warnings", "off", "--no-color"])
            .args(names.iter().flat_map(|name| [choice, *name]))
            .env(
                "SCHEMATHESIS_HOOKS",
                tests.join("tests/e2e/description/hooks.py"),
            )
            .env("FUZZ_CONSUMO", caller.consumo)
            .env("FUZZ_SECRET", &caller.secret)
            .env("FUZZ_EMAIL", caller.email)
            .env("FUZZ_KNOWN", self.known.to_string())
            .env("FUZZ_ENDING", json!(ENDING).to_string())
            .env("FUZZ_COUNTS", &counts)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(folder.parent().unwrap());
        let ran = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap();
        let output = ran.expect("target/venv is there; `make tools` makes it");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:\n{said}{errors}", caller.name);
        serde_json::from_slice(&fs::read(counts).unwrap()).unwrap()
    }

    /// Puts the user and the companies right whenever a call has switched them off,
    /// so that the next call finds a user again.
    async fn keep_going<T>(&self, email: &str) -> T {
        let database = &self.world.database;
        let kept = "SELECT user_id, company_id, role, password_phc FROM identity.users \
                    WHERE email = $1";
        let kept = sqlx::query_as(kept).bind(email).fetch_one(database).await;
        let (user, company, role, password): (i64, i64, i16, String) = kept.unwrap();
        let again = "UPDATE identity.users SET active = true, email = $2, company_id = $3, \
                     role = $4, password_phc = $5 WHERE user_id = $1";
        loop {
            for sql in [
                "UPDATE tenancy.company SET state = 'active' WHERE state = 'deleted'",
                "UPDATE identity.company SET active = true WHERE NOT active",
            ] {
                sqlx::query(sql).execute(database).await.unwrap();
            }
            sqlx::query(again)
                .bind(user)
                .bind(email)
                .bind(company)
                .bind(role)
                .bind(&password)
                .execute(database)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes the API client of a front end, which does nothing without a user.
    fn front_end(&self) -> String {
        let output = Command::new(binary("standalone"))
            .args(["client", "create", "Frontal"])
            .env_clear()
            .env("ATENCION_CONFIG", self.world.settings_file())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        let (_, secret) = said.split_once("X-User-Secret: ").expect("a secret");
        secret.lines().next().expect("a secret").to_owned()
    }
}

/// How many values are invented for each operation, when many are asked for.
#[expect(
    clippy::disallowed_methods,
    reason = "`make fuzz-api` asks for them this way"
)]
fn examples() -> Option<String> {
    env::var("FUZZ_EXAMPLES").ok()
}

/// Connects a channel of each kind and lets a customer write; answers values of
/// fields that exist now.
async fn fill(world: &World) -> Value {
    let admin = world.api().login("admin@atencion.test").await;
    world.graph.register_number(NUMBER, "graph-token");
    world.telegram.register_bot(BOT);
    let channel = admin.whatsapp_channel(NUMBER).await;
    let bot = json!({"bot_token": BOT, "company": 3, "name": "Bot soporte"});
    admin.post("telegram/setWebhook", bot).await.ok();
    let hello = graph::text_webhook(NUMBER, "50688887777", "wamid.1", "Hola", now());
    admin.meta_until_accepted(&hello).await;
    let chat = admin.chat_saying("Hola").await;
    json!({
        "paginate": ["S", "N"],
        "email": ["juan@empresa.com"],
        "user": ["juan@empresa.com"],
        "usuario": ["juan@empresa.com"],
        "modo": ["normal"],
        "password": ["Secret123"],
        "password_confirmation": ["Secret123"],
        "pic": [PICTURE],
        "product": ["atencion"],
        "sistema": ["factura_profesional"],
        "phone": ["50688887777"],
        "to": ["50688887777"],
        "bot_token": [BOT],
        "id_chat": [chat],
        "id_channel": [channel],
        "whatsapp_channel": [channel.to_string()],
        "id_company": [3, 4],
        "company": [3, 4],
        "id": [3, 7, 15],
        "id_department": [7, 8, 9],
        "department": [7, 8],
        "id_user": [7, 15, 16],
        "id_faq": [6, 7, 8],
        "id_plan": [1, 2, 3],
        "id_cuenta_correo": [1],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_super_user_gets_what_is_described() {
    let described = Described::start().await;
    let caller = Caller {
        phases: "examples,coverage,fuzzing",
        ..Caller::new(
            "super",
            "UsuarioPrueba",
            "strDasdakdmsadsakming",
            "super@atencion.test",
        )
    };
    let outcome = described.call_as(&caller).await;
    // If hardly anything succeeds, hardly anything was tried.
    assert!(outcome.successes() >= 75, "{:?}", outcome.answers);
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_and_agents_get_what_is_described() {
    let described = Described::start().await;
    let admin = "admin@atencion.test";
    let platform = "strDasdakdmsadsakming";
    let front_end = described.front_end();
    for caller in [
        Caller::new("admin", "UsuarioPrueba", platform, admin),
        Caller::new(
            "agent of a front end",
            "Frontal",
            &front_end,
            "agente1@atencion.test",
        ),
    ] {
        described.call_as(&caller).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn api_clients_and_strangers_get_what_is_described() {
    let described = Described::start().await;
    let front_end = described.front_end();
    for caller in [
        Caller::new("nobody", "", "", ""),
        Caller::new("front end", "Frontal", &front_end, ""),
        Caller::new("company", "EmpresaDemo", "empresa-demo-secret", ""),
        Caller::new("platform", "UsuarioPrueba", "strDasdakdmsadsakming", ""),
    ] {
        described.call_as(&caller).await;
    }
}
