//! How long a page of 100 rows of a list takes that has a million: the first page
//! against the last one, of the chats of a company and of the messages of a chat.
//!
//! The whole service answers in this process, on a PostgreSQL of its own. The first
//! page and the last take turns, and the median counts. How long the total takes that
//! the documents demand on every page is printed as well.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, ContextGate, ContextKeys,
    ContextSigner, Role, ServiceTokens, SessionId, UserCaller, UserId,
};
use chassis::{Clock, Stop, Upstream, config::Secret, grpc};
use events::{Bus, MemoryBus};
use host::{Host, UpstreamUris, Upstreams};
use postgres::private::NAME;
use proto::{
    common::v1::PageRequest,
    conversation::v1::{
        GetChatMessagesRequest, ListChatsRequest, chat_service_client::ChatServiceClient,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    cluster,
    figure::{self, Target, median},
};

const ROWS: i64 = 1_000_000;
const PAGE: u32 = 100;
const TURNS: usize = 21;

/// Statements that write the rows; `$1` is how many.
const SEED: [&str; 3] = [
    "INSERT INTO conversation.guest (id, company_id, name, name_rank, name_at, created_at)
     SELECT n, 3, 'Cliente ' || n, 0, now(), now() FROM generate_series(1, $1 / 20) AS n",
    "INSERT INTO conversation.chat
         (id, company_id, channel_id, guest_id, channel_type, state, last_message_at,
          last_message_text, created_at)
     SELECT n, 3, 12, 1 + (n - 1) % ($1 / 20), 'whatsapp',
            CASE WHEN n <= $1 / 20 THEN 'open' ELSE 'closed' END,
            now() - n * interval '1 second', 'Mensaje ' || n, now()
     FROM generate_series(1, $1) AS n",
    "INSERT INTO conversation.message
         (id, company_id, chat_id, channel_id, seq, direction, kind, text, status, ordered_at,
          received_at, created_at)
     SELECT n, 3, 1, 12, n, 'inbound', 'text', 'Hola ' || n, 'received',
            now() - ($1 - n) * interval '1 second', now(), now()
     FROM generate_series(1, $1) AS n",
];

/// Starts PostgreSQL and the service, writes the rows, prints the ratios.
pub(crate) async fn measure() -> anyhow::Result<()> {
    cluster::with(false, async |cluster| compare(&cluster.url(NAME)).await).await
}

async fn compare(url: &str) -> anyhow::Result<()> {
    let pool = PgPool::connect(url).await?;
    postgres::migrate::apply(&pool, "conversation", &conversation::MIGRATOR).await?;
    for statement in SEED {
        sqlx::query(statement).bind(ROWS).execute(&pool).await?;
    }
    for table in ["guest", "chat", "message"] {
        let tidy = format!("VACUUM ANALYZE conversation.{table}");
        sqlx::query(sqlx::AssertSqlSafe(tidy))
            .execute(&pool)
            .await?;
    }
    let desk = Desk::start(pool.clone()).await?;
    let last = u32::try_from(ROWS)? / PAGE;
    let (mut first, mut middle, mut end) = (Vec::new(), Vec::new(), Vec::new());
    let mut totals = Vec::new();
    for _ in 0..TURNS {
        totals.push(total(&pool).await?);
        first.push(desk.chats(1).await?);
        middle.push(desk.chats(last / 2).await?);
        end.push(desk.chats(last).await?);
    }
    let (first, middle, end) = (median(first), median(middle), median(end));
    println!(
        "# of a page of chats, the total alone: {:.1}ms",
        median(totals)
    );
    let target = Target::AtMost(2.0);
    figure::print("list-chats-last-page", end, first, "ms", target);
    figure::print("list-chats-middle-page", middle, first, "ms", target);

    let (mut first, mut end) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        first.push(desk.messages(0).await?);
        end.push(desk.messages(i64::from(PAGE) + 1).await?);
    }
    let (first, end) = (median(first), median(end));
    figure::print("list-messages-oldest-page", end, first, "ms", target);
    Ok(())
}

/// Milliseconds of counting the chats of the company.
async fn total(pool: &PgPool) -> anyhow::Result<f64> {
    let began = Instant::now();
    let count = "SELECT count(*) FROM conversation.visible_chats(3, 2, 2::smallint, NULL)";
    sqlx::query(count).execute(pool).await?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// Asks for pages as the edge does, on behalf of an administrator.
struct Desk {
    chats: ChatServiceClient<Upstream>,
    signer: ContextSigner,
}

impl Desk {
    async fn start(pool: PgPool) -> anyhow::Result<Self> {
        let (signing_key, public) = auth::generate("bench")?;
        let context = ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        };
        let clock = Clock::system();
        let upstreams = Upstreams::remote(&UpstreamUris::default())?;
        let identity = upstreams.identity.clone();
        let host = Host {
            name: "conversation",
            schema: "conversation",
            tokens: ServiceTokens::new("conversation", Secret::default(), identity, clock.clone()),
            clock: clock.clone(),
            pool,
            bus: Bus::Memory(MemoryBus::default()),
            upstreams,
            context: Arc::new(context.clone()),
            stop: Stop::default(),
        };
        let config = conversation::Config {
            guest_token_key: Secret::new("a key of at least 32 bytes for a bench"),
        };
        let service = (conversation::spec().build)(config, host).await?;
        let (upstream, slot) = Upstream::local();
        let gate = ContextGate::new(&context, clock.clone())?;
        slot.fill(grpc::stack(service.routes, gate));
        Ok(Self {
            chats: ChatServiceClient::new(upstream),
            signer: ContextSigner::new(&context, clock)?,
        })
    }

    fn call(&self) -> anyhow::Result<Call> {
        let caller = Caller {
            client: Some(ClientCaller {
                id: ClientId(1),
                authority: Authority::Platform,
                company: Some(CompanyId(3)),
                scopes: Vec::new(),
            }),
            user: Some(UserCaller {
                id: UserId(2),
                name: "Administradora".to_owned(),
                role: Role::Admin,
                company: CompanyId(3),
                department: None,
                session: SessionId(Uuid::nil()),
            }),
            ..Caller::service("edge")
        };
        Ok(Call::new(
            &self.signer.mint(&caller)?,
            Duration::from_mins(1),
        )?)
    }

    /// Milliseconds of a page of chats.
    async fn chats(&self, page: u32) -> anyhow::Result<f64> {
        let asked = ListChatsRequest {
            page: Some(PageRequest {
                page,
                per_page: PAGE,
                unpaged: false,
            }),
            name: String::new(),
        };
        let asked = self.call()?.request(asked);
        let began = Instant::now();
        let answer = self.chats.clone().list_chats(asked).await?.into_inner();
        let took = began.elapsed().as_secs_f64() * 1e3;
        let total = answer.page.map_or(0, |page| page.total);
        anyhow::ensure!(total == ROWS.unsigned_abs(), "{total} chats");
        anyhow::ensure!(answer.chats.len() == PAGE as usize, "a page is not full");
        let first = i64::from(page - 1) * i64::from(PAGE) + 1;
        let ids = answer.chats.iter().map(|chat| chat.chat_id);
        anyhow::ensure!(ids.eq(first..first + i64::from(PAGE)), "another page");
        Ok(took)
    }

    /// Milliseconds of a page of messages that ends before one; 0 is the newest.
    async fn messages(&self, before_message_id: i64) -> anyhow::Result<f64> {
        let asked = GetChatMessagesRequest {
            chat_id: 1,
            before_message_id,
            limit: PAGE,
        };
        let asked = self.call()?.request(asked);
        let began = Instant::now();
        let answer = self.chats.clone().get_chat_messages(asked).await?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        let found = answer.into_inner().messages.len();
        anyhow::ensure!(found == PAGE as usize, "{found} messages");
        Ok(took)
    }
}
