//! Systems that hand their users over to one another.

use auth::{Authority, Caller, ClientCaller, CompanyId, Role, SessionId, UserCaller, UserId};
use chassis::{ErrorCode, Upstream, code::Refusal};
use proto::identity::v1::{
    GenerateTokenRequest, RedeemTokenRequest, RedeemTokenResponse, SetSystemTokenRequest,
    SetSystemTokenResponse, adi_service_client::AdiServiceClient,
};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{Rig, answer, bound_client, platform_client};

fn service(rig: &Rig) -> AdiServiceClient<Upstream> {
    AdiServiceClient::new(rig.upstream.clone())
}

fn through(client: ClientCaller) -> Caller {
    Caller {
        client: Some(client),
        ..Caller::service("edge")
    }
}

fn with_scopes(mut client: ClientCaller, scopes: &[&str]) -> ClientCaller {
    client.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    client
}

fn admin() -> Caller {
    through(with_scopes(platform_client(), &["adi:admin"]))
}

fn platform() -> Caller {
    through(platform_client())
}

fn behind(caller: Caller, id: i64, role: Role) -> Caller {
    Caller {
        user: Some(UserCaller {
            id: UserId(id),
            name: String::new(),
            role,
            company: CompanyId(3),
            department: None,
            session: SessionId(uuid::Uuid::nil()),
        }),
        ..caller
    }
}

async fn set(
    rig: &Rig,
    by: &Caller,
    system: &str,
    active: Option<bool>,
    rotate: bool,
) -> Result<SetSystemTokenResponse, Refusal> {
    let request = SetSystemTokenRequest {
        system: system.into(),
        active,
        rotate,
        idempotency_key: String::new(),
    };
    let call = rig.call(by);
    answer(service(rig).set_system_token(call.request(request)).await)
}

/// The secret of a new system.
async fn system(rig: &Rig, alias: &str) -> String {
    set(rig, &admin(), alias, None, false).await.unwrap().token
}

async fn generate(rig: &Rig, by: &Caller, alias: &str, secret: &str) -> Result<String, Refusal> {
    let request = GenerateTokenRequest {
        username: "dnunez".into(),
        email: "agente1@atencion.test".into(),
        system: alias.into(),
        system_token: secret.into(),
        idempotency_key: String::new(),
    };
    let call = rig.call(by);
    let answered = answer(service(rig).generate_token(call.request(request)).await);
    answered.map(|answer| answer.token)
}

async fn redeem_as(
    rig: &Rig,
    by: &Caller,
    token: &str,
    system: Option<&str>,
) -> Result<RedeemTokenResponse, Refusal> {
    let request = RedeemTokenRequest {
        token: token.into(),
        system: system.map(str::to_owned),
    };
    let call = rig.call(by);
    answer(service(rig).redeem_token(call.request(request)).await)
}

async fn redeem(rig: &Rig, token: &str) -> Result<RedeemTokenResponse, Refusal> {
    redeem_as(rig, &platform(), token, None).await
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> String {
    answer.unwrap_err().reason
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_user_is_handed_over_once(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let made = set(&rig, &admin(), "Local", None, false).await.unwrap();
    assert!(made.created && made.active && !made.token.is_empty());
    let token = generate(&rig, &platform(), "Local", &made.token).await;
    let token = token.unwrap();
    let stored: Vec<String> = sqlx::query_scalar(
        "SELECT t::text || encode(t.mac, 'escape') FROM identity.adi_token t
         UNION ALL SELECT s::text || encode(s.secret_mac, 'escape') FROM identity.adi_system s
         UNION ALL SELECT e::text FROM identity.security_event e",
    )
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    assert!(stored.len() >= 4);
    for row in stored {
        assert!(!row.contains(&token) && !row.contains(&made.token), "{row}");
    }

    let redeemed = redeem(&rig, &token).await.unwrap();
    assert_eq!(
        (redeemed.username, redeemed.email, redeemed.system),
        (
            "dnunez".to_owned(),
            "agente1@atencion.test".to_owned(),
            "Local".to_owned()
        )
    );
    assert_eq!(refused(redeem(&rig, &token).await), "HANDOVER_TOKEN");
    let kinds: Vec<String> = sqlx::query_scalar(
        "SELECT kind FROM identity.security_event WHERE kind LIKE 'system.%' ORDER BY id",
    )
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    assert_eq!(
        kinds,
        [
            "system.token_set",
            "system.token_issued",
            "system.token_redeemed"
        ]
    );
    let personal: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM identity.security_event WHERE details::text ~ 'dnunez|agente1'",
    )
    .fetch_one(&rig.pool)
    .await
    .unwrap();
    assert_eq!(personal, 0, "events name no person");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn of_many_redeemers_at_once_one_succeeds(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let secret = system(&rig, "Local").await;
    let token = generate(&rig, &platform(), "Local", &secret).await.unwrap();
    let (a, b, c, d) = tokio::join!(
        redeem(&rig, &token),
        redeem(&rig, &token),
        redeem(&rig, &token),
        redeem(&rig, &token)
    );
    let good = [a, b, c, d].iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(good, 1);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn forged_expired_and_huge_tokens_are_refused_alike(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let secret = system(&rig, "Local").await;
    let token = generate(&rig, &platform(), "Local", &secret).await.unwrap();
    let mut forged = token.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    for wrong in [
        "",
        "x",
        "a\0b",
        forged.as_str(),
        &token[1..],
        secret.as_str(),
        &"A".repeat(100_000),
        &format!("{token} "),
    ] {
        assert_eq!(refused(redeem(&rig, wrong).await), "HANDOVER_TOKEN");
    }
    rig.clock.advance(Duration::seconds(299));
    assert!(redeem(&rig, &token).await.is_ok());
    let token = generate(&rig, &platform(), "Local", &secret).await.unwrap();
    rig.clock.advance(Duration::seconds(300));
    assert_eq!(refused(redeem(&rig, &token).await), "HANDOVER_TOKEN");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_secret_of_the_system_is_demanded(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let secret = system(&rig, "Local").await;
    let other = system(&rig, "Otro").await;
    let platform = platform();
    for (alias, given) in [
        ("Local", ""),
        ("Local", "wrong"),
        ("Local", other.as_str()),
        ("Nadie", secret.as_str()),
        ("local", secret.as_str()),
        ("", secret.as_str()),
        ("a\0b", secret.as_str()),
        ("Local", &"x".repeat(100_000)),
    ] {
        let token = generate(&rig, &platform, alias, given).await;
        assert_eq!(refused(token), "SYSTEM_CREDENTIALS", "{alias:?}");
    }
    set(&rig, &admin(), "Local", Some(false), false)
        .await
        .unwrap();
    let token = generate(&rig, &platform, "Local", &secret).await;
    assert_eq!(refused(token), "SYSTEM_CREDENTIALS", "switched off");

    let call = rig.call(&platform);
    for (username, email, field) in [
        ("", "a@b.test", "username"),
        ("a\nb", "a@b.test", "username"),
        ("dnunez", "nobody", "email"),
    ] {
        let request = GenerateTokenRequest {
            username: username.into(),
            email: email.into(),
            system: "Otro".into(),
            system_token: other.clone(),
            idempotency_key: String::new(),
        };
        let answered = answer(service(&rig).generate_token(call.request(request)).await);
        assert_eq!(answered.unwrap_err().fields[0].0, field);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_known_system_keeps_its_secret_until_it_gets_another(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let secret = system(&rig, "Local").await;
    let kept = set(&rig, &admin(), "Local", None, false).await.unwrap();
    assert!(!kept.created && kept.active && kept.token.is_empty());
    let token = generate(&rig, &platform(), "Local", &secret).await.unwrap();

    let rotated = set(&rig, &admin(), "Local", None, true).await.unwrap();
    assert!(!rotated.created && !rotated.token.is_empty());
    let answer = generate(&rig, &platform(), "Local", &secret).await;
    assert_eq!(refused(answer), "SYSTEM_CREDENTIALS");
    // Whoever had the old secret may have made tokens.
    assert_eq!(refused(redeem(&rig, &token).await), "HANDOVER_TOKEN");

    let token = generate(&rig, &platform(), "Local", &rotated.token).await;
    let token = token.unwrap();
    for active in [false, true] {
        let set = set(&rig, &admin(), "Local", Some(active), false).await;
        assert_eq!(set.unwrap().active, active);
        assert_eq!(refused(redeem(&rig, &token).await), "HANDOVER_TOKEN");
    }
    let token = generate(&rig, &platform(), "Local", &rotated.token).await;
    assert!(redeem(&rig, &token.unwrap()).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_token_is_no_use_to_another_system_or_company(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let secret = system(&rig, "Local").await;
    let generate = async |by: &Caller| generate(&rig, by, "Local", &secret).await.unwrap();
    let token = generate(&platform()).await;

    let expecting = async |system| redeem_as(&rig, &platform(), &token, Some(system)).await;
    let long = "x".repeat(10_000);
    for wrong in ["Otro", "", "a\0b", &long] {
        assert_eq!(refused(expecting(wrong).await), "HANDOVER_TOKEN");
    }
    let of_other = through(with_scopes(platform_client(), &["adi:system:Otro"]));
    let answer = redeem_as(&rig, &of_other, &token, None).await;
    assert_eq!(refused(answer), "HANDOVER_TOKEN");
    let company_4 = through(ClientCaller {
        company: Some(CompanyId(4)),
        ..bound_client()
    });
    let answer = redeem_as(&rig, &company_4, &token, None).await;
    assert_eq!(refused(answer), "HANDOVER_TOKEN");

    // None of them has used it up.
    let own = through(with_scopes(
        platform_client(),
        &["crm:read", "adi:system:Local"],
    ));
    assert!(redeem_as(&rig, &own, &token, Some("Local")).await.is_ok());
    let token = generate(&through(bound_client())).await;
    let company_3 = through(bound_client());
    assert!(redeem_as(&rig, &company_3, &token, None).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_user_hands_over_itself_alone(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let secret = system(&rig, "Local").await;
    let delegated = through(ClientCaller {
        authority: Authority::Delegated,
        company: None,
        ..platform_client()
    });
    // The address in these tests is that of user 7.
    let own = behind(delegated.clone(), 7, Role::Chat);
    assert!(generate(&rig, &own, "Local", &secret).await.is_ok());
    for role in [Role::Chat, Role::Admin, Role::Super] {
        let other = behind(delegated.clone(), 15, role);
        let answer = generate(&rig, &other, "Local", &secret).await;
        assert_eq!(answer.unwrap_err().code, ErrorCode::PermissionDenied);
    }
}

/// Who may register systems, generate and redeem: one row for each kind of caller.
#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn rights_follow_the_narrower_of_client_and_user(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let secret = system(&rig, "Local").await;
    let scoped = |client| with_scopes(client, &["adi:admin"]);
    let delegated = ClientCaller {
        authority: Authority::Delegated,
        ..platform_client()
    };
    for (caller, sets, generates) in [
        (admin(), true, true),
        (behind(admin(), 7, Role::Super), true, true),
        (behind(admin(), 7, Role::Admin), false, true),
        (behind(admin(), 7, Role::Chat), false, true),
        (platform(), false, true),
        (through(scoped(bound_client())), false, true),
        (
            behind(through(scoped(bound_client())), 7, Role::Super),
            false,
            true,
        ),
        (
            behind(through(scoped(delegated.clone())), 7, Role::Super),
            true,
            true,
        ),
        (through(scoped(delegated)), false, false),
        (Caller::service("edge"), false, false),
        (Caller::service("mail-ticket"), false, false),
    ] {
        let answer = set(&rig, &caller, "Otro", None, false).await;
        let denied = |code| assert_eq!(code, ErrorCode::PermissionDenied, "{caller:?}");
        match answer {
            Ok(_) => assert!(sets, "{caller:?}"),
            Err(refusal) => {
                assert!(!sets, "{caller:?}");
                denied(refusal.code);
            }
        }
        match generate(&rig, &caller, "Local", &secret).await {
            Ok(_) => assert!(generates, "{caller:?}"),
            Err(refusal) => {
                assert!(!generates, "{caller:?}");
                denied(refusal.code);
            }
        }
    }
    for wrong in ["", "a\0b", &"x".repeat(101)] {
        let refused = set(&rig, &admin(), wrong, None, false).await.unwrap_err();
        assert_eq!(refused.fields[0].0, "sistema");
    }
}
