//! Answers that belong to no operation, and those of operations to come.

use http::StatusCode;
use serde_json::json;

use crate::{
    fakes::refusal,
    harness::{Edge, keys, request},
};

#[tokio::test]
async fn unmatched_requests_are_answered_alike() {
    let edge = Edge::new();
    let answer = edge.send(request("GET", "/api/nothing").build()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.text, r#"{"error":"Not Found","code":404}"#);
    let answer = edge.send(request("GET", "/api/auth/login").build()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.text, r#"{"error":"Method Not Allowed","code":405}"#);
    assert_eq!(answer.header("allow"), "POST");
    let answer = edge
        .send(request("GET", "/api/deptos/show/%ff").client().build())
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn browsers_of_other_origins_are_told_what_they_may_do() {
    let edge = Edge::new();
    let asked = request("OPTIONS", "/api/auth/login")
        .header("origin", "https://panel.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-user-consumo");
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "x-user-consumo"
    );

    let edge = Edge::with(edge::Config {
        cors_origins: vec!["https://panel.example".into()],
        ..edge::Config::default()
    });
    for (origin, allowed) in [
        ("https://panel.example", "https://panel.example"),
        ("https://other.example", ""),
    ] {
        let asked = request("GET", "/healthz").header("origin", origin);
        let answer = edge.send(asked.build()).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert_eq!(answer.header("vary"), "Origin");
    }
}

#[tokio::test]
async fn a_fit_request_id_is_kept() {
    let edge = Edge::new();
    for (sent, kept) in [("abc-1", true), ("a b", false), ("", false)] {
        let asked = request("GET", "/healthz").header("x-request-id", sent);
        let answer = edge.send(asked.build()).await;
        let id = answer.header("x-request-id");
        assert_eq!(id == sent, kept, "{sent:?} became {id:?}");
        assert!(!id.is_empty());
    }
}

#[tokio::test]
async fn probes_tell_alive_from_ready() {
    let edge = Edge::new();
    for path in ["/healthz", "/readyz"] {
        let answer = edge.send(request("GET", path).build()).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (StatusCode::OK, r#"{"status":"ok"}"#)
        );
    }
    let away = || chassis::Upstream::local().0;
    let upstreams = host::Upstreams {
        identity: away(),
        tenancy_admin: away(),
        conversation: away(),
        channel_connector: away(),
        realtime_broadcast: away(),
        mail_ticket: away(),
    };
    let keys = keys();
    let (clock, stop) = (chassis::Clock::system(), chassis::Stop::default());
    let edge = Edge {
        router: edge::build(edge::Config::default(), upstreams, &keys, clock, &stop)
            .unwrap()
            .router,
        world: std::sync::Arc::default(),
    };
    let alive = edge.send(request("GET", "/healthz").build()).await;
    assert_eq!(alive.status, StatusCode::OK);
    let ready = edge.send(request("GET", "/readyz").build()).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    let call = edge
        .json("POST", "/api/chat/list", &json!({"paginate": "N"}))
        .await;
    assert_eq!(call.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_taken_account_is_a_conflict() {
    let edge = Edge::new();
    let body =
        json!({"id_company": 3, "name": "A", "app": "taken", "type": "whatsapp", "token": "t"});
    let answer = edge.json("POST", "/api/admin/channels/store", &body).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.json()["data"], json!([]));
}

#[tokio::test]
async fn a_slow_upstream_is_a_timeout() {
    let edge = Edge::with(edge::Config {
        request_seconds: 1,
        ..edge::Config::default()
    });
    edge.world
        .fail(refusal(chassis::ErrorCode::Timeout, "SLOW"));
    let answer = edge
        .json("POST", "/api/chat/list", &json!({"paginate": "N"}))
        .await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer.json()["code"], 504);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let build = |config: edge::Config| {
        let away = || chassis::Upstream::local().0;
        let upstreams = host::Upstreams {
            identity: away(),
            tenancy_admin: away(),
            conversation: away(),
            channel_connector: away(),
            realtime_broadcast: away(),
            mail_ticket: away(),
        };
        let (clock, stop) = (chassis::Clock::system(), chassis::Stop::default());
        edge::build(config, upstreams, &keys(), clock, &stop)
    };
    let refused = |config| build(config).err().unwrap().to_string();
    let slow = edge::Config {
        request_seconds: 0,
        ..edge::Config::default()
    };
    assert!(refused(slow).contains("request_seconds"));
    let proxies = edge::Config {
        trusted_proxies: vec!["everyone".into()],
        ..edge::Config::default()
    };
    assert!(refused(proxies).contains("everyone"));
    let address = edge::Config {
        public_url: "api.example.com".into(),
        ..edge::Config::default()
    };
    assert!(refused(address).contains("public_url"));
    let nowhere = edge::Config {
        bitacora_spool: "/proc/nowhere".into(),
        ..edge::Config::default()
    };
    assert!(refused(nowhere).contains("edge.bitacora_spool"));
    let endless = edge::Config {
        bitacora_spool_mib: 0,
        ..edge::Config::default()
    };
    assert!(refused(endless).contains("bitacora_spool_mib"));
}
