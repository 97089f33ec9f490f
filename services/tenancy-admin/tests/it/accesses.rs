//! The rows of the access log: stored once, linked, and shown to whom they concern.

use auth::{Authority, Caller, Role};
use chassis::{ErrorCode, code::Refusal};
use futures_util::{StreamExt, stream};
use prost_types::Timestamp;
use proto::tenancy::v1::{
    AccessRecord, AppendRequest, ListAccessesRequest,
    bitacora_service_client::BitacoraServiceClient,
};
use sqlx::PgPool;

use crate::rig::{Rig, answer, edge_for, with_user};

/// 2026-01-05 12:00 UTC.
pub const NOON: i64 = 1_767_614_400;

/// A record of API client 1 in company 3, `second` seconds after noon.
pub fn record(bitacora_id: i64, second: i64) -> AccessRecord {
    AccessRecord {
        bitacora_id,
        occurred_at: Some(Timestamp {
            seconds: NOON + second,
            nanos: 123_456_000,
        }),
        client_id: 1,
        user_id: 7,
        company_id: 3,
        method: "POST".into(),
        route: "/api/chat/list".into(),
        status: 200,
        latency_us: 1500,
        client_ip: "2001:db8::1".into(),
        trace_id: "0af7651916cd43dd8448eb211c80319c".into(),
        request_bytes: 10,
        response_bytes: 20,
        user_agent_hash: vec![1, 2, 3].into(),
        ..AccessRecord::default()
    }
}

/// Appends batches on one stream, as the edge; answers what was acknowledged.
pub async fn append(rig: &Rig, batches: Vec<Vec<AccessRecord>>) -> Result<Vec<u64>, Refusal> {
    append_as(rig, &Caller::service("edge"), batches).await
}

async fn append_as(
    rig: &Rig,
    caller: &Caller,
    batches: Vec<Vec<AccessRecord>>,
) -> Result<Vec<u64>, Refusal> {
    let requests: Vec<AppendRequest> = (1..)
        .zip(batches)
        .map(|(sequence, records)| AppendRequest { sequence, records })
        .collect();
    let request = rig.call(caller).request(stream::iter(requests));
    let mut bitacora = BitacoraServiceClient::new(rig.upstream.clone());
    let mut answers = answer(bitacora.append(request).await)?;
    let mut acknowledged = Vec::new();
    while let Some(answered) = answers.next().await {
        let answered = answered.map_err(|status| chassis::code::refusal(&status))?;
        acknowledged.push(answered.acknowledged);
    }
    Ok(acknowledged)
}

async fn list(
    rig: &Rig,
    caller: &Caller,
    request: ListAccessesRequest,
) -> Result<Vec<AccessRecord>, Refusal> {
    let request = rig.call(caller).request(request);
    let mut bitacora = BitacoraServiceClient::new(rig.upstream.clone());
    Ok(answer(bitacora.list_accesses(request).await)?.records)
}

async fn ids(rig: &Rig, caller: &Caller, request: ListAccessesRequest) -> Vec<i64> {
    let found = list(rig, caller, request).await.unwrap();
    found.iter().map(|record| record.bitacora_id).collect()
}

fn platform() -> Caller {
    edge_for(Authority::Platform, 3)
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn batches_are_acknowledged_in_order_and_repeating_them_changes_nothing(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let first = vec![record(1, 1), record(2, 2), record(1, 1)];
    let second = vec![record(3, 3)];
    let acknowledged = append(&rig, vec![first.clone(), second.clone(), Vec::new()]).await;
    assert_eq!(acknowledged.unwrap(), [1, 2, 3]);
    // Once more, as after an acknowledgement that was lost, and claiming otherwise.
    let mut altered = record(3, 3);
    altered.status = 500;
    append(&rig, vec![first, vec![altered, record(4, 4)]])
        .await
        .unwrap();
    let found = list(&rig, &platform(), ListAccessesRequest::default())
        .await
        .unwrap();
    let mut stored = vec![record(4, 4), record(3, 3), record(2, 2), record(1, 1)];
    assert_eq!(found, stored, "as they were sent at first");
    stored.truncate(2);
    let newest = ListAccessesRequest {
        limit: 2,
        ..ListAccessesRequest::default()
    };
    assert_eq!(list(&rig, &platform(), newest).await.unwrap(), stored);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn what_cannot_be_a_record_does_not_hold_up_the_others(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let timeless = AccessRecord {
        occurred_at: None,
        ..record(1, 1)
    };
    let impossible = AccessRecord {
        occurred_at: Some(Timestamp {
            seconds: i64::MAX,
            nanos: -1,
        }),
        ..record(2, 1)
    };
    let odd = AccessRecord {
        client_ip: "nowhere".into(),
        route: "/a\0b".into(),
        error_code: "é".repeat(1000),
        latency_us: u64::MAX,
        status: u32::MAX,
        ..record(3, 1)
    };
    append(&rig, vec![vec![timeless, impossible, record(0, 1), odd]])
        .await
        .unwrap();
    let found = list(&rig, &platform(), ListAccessesRequest::default())
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            found[0].bitacora_id,
            found[0].route.as_str(),
            found[0].client_ip.as_str()
        ),
        (3, "/ab", "")
    );

    let large = (1..=513).map(|id| record(id, 1)).collect();
    let refused = append(&rig, vec![large]).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    for caller in [Caller::service("conversation"), platform()] {
        let refused = append_as(&rig, &caller, Vec::new()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::PermissionDenied);
    }
}

/// Parent and claim of a row.
async fn link(rig: &Rig, id: i64) -> (i64, i64) {
    let all = list(rig, &platform(), ListAccessesRequest::default())
        .await
        .unwrap();
    let row = all.iter().find(|record| record.bitacora_id == id).unwrap();
    (row.parent_id, row.claimed_parent_id)
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_parent_is_a_row_of_the_same_api_client_whenever_it_arrives(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let claims = |id, second, parent| AccessRecord {
        claimed_parent_id: parent,
        ..record(id, second)
    };
    let of_client = |client_id, record| AccessRecord {
        client_id,
        ..record
    };
    append(
        &rig,
        vec![vec![record(100, 0), of_client(2, record(101, 0))]],
    )
    .await
    .unwrap();
    append(
        &rig,
        vec![vec![
            claims(110, 10, 100),
            // Of another API client; of nobody; itself; in the same batch; not there yet.
            claims(111, 10, 101),
            of_client(0, claims(112, 10, 100)),
            claims(113, 10, 113),
            claims(114, 10, 110),
            claims(115, 10, 120),
            claims(116, 10, 121),
            claims(117, 10, 999),
            // Whoever appends cannot set a parent.
            AccessRecord {
                parent_id: 101,
                ..record(118, 10)
            },
        ]],
    )
    .await
    .unwrap();
    let late = vec![record(120, 9), of_client(2, record(121, 9))];
    append(&rig, vec![late]).await.unwrap();
    for (id, expected) in [
        (110, (100, 0)),
        (111, (0, 101)),
        (112, (0, 100)),
        (113, (0, 113)),
        (114, (110, 0)),
        (115, (120, 0)),
        (116, (0, 121)),
        (117, (0, 999)),
        (118, (0, 0)),
    ] {
        assert_eq!(link(&rig, id).await, expected, "{id}");
    }
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn records_are_filtered_and_paged(pool: PgPool) {
    let rig = Rig::start(pool).await;
    // Ids of two replicas interleave, so their order is not that of time.
    let ids_in_time = [5000, 900, 5001, 901, 5002, 902, 5003];
    let records: Vec<_> = (0..)
        .zip(ids_in_time)
        .map(|(s, id)| record(id, s))
        .collect();
    let odd = [
        AccessRecord {
            client_id: 2,
            ..record(1, -10)
        },
        AccessRecord {
            user_id: 8,
            ..record(2, -20)
        },
        AccessRecord {
            company_id: 4,
            ..record(3, -30)
        },
        AccessRecord {
            route: "/api/auth/login".into(),
            ..record(4, -40)
        },
        AccessRecord {
            status: 422,
            ..record(5, -50)
        },
    ];
    append(&rig, vec![records, odd.to_vec()]).await.unwrap();
    let all = ListAccessesRequest::default;
    let one = async |request| {
        let found = ids(&rig, &platform(), request).await;
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]
    };
    assert_eq!(
        one(ListAccessesRequest {
            client_id: 2,
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        one(ListAccessesRequest {
            user_id: 8,
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        one(ListAccessesRequest {
            company_id: 4,
            ..all()
        })
        .await,
        3
    );
    let login = "/api/auth/login".to_owned();
    assert_eq!(
        one(ListAccessesRequest {
            route: login,
            ..all()
        })
        .await,
        4
    );
    assert_eq!(
        one(ListAccessesRequest {
            status: 422,
            ..all()
        })
        .await,
        5
    );
    let at = |second| {
        Some(Timestamp {
            seconds: NOON + second,
            nanos: 123_456_000,
        })
    };
    let between = ListAccessesRequest {
        from: at(1),
        until: at(3),
        ..all()
    };
    assert_eq!(ids(&rig, &platform(), between).await, [5001, 900]);

    let mut seen = Vec::new();
    loop {
        let next = ListAccessesRequest {
            from: at(0),
            before_id: seen.last().copied().unwrap_or_default(),
            limit: 2,
            ..all()
        };
        let page = ids(&rig, &platform(), next).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page);
    }
    let newest_first: Vec<i64> = ids_in_time.into_iter().rev().collect();
    assert_eq!(seen, newest_first);
    let gone = ListAccessesRequest {
        before_id: 77_777,
        ..all()
    };
    assert!(ids(&rig, &platform(), gone).await.is_empty());
    let nonsense = ListAccessesRequest {
        from: Some(Timestamp {
            seconds: i64::MIN,
            nanos: 0,
        }),
        ..all()
    };
    let refused = list(&rig, &platform(), nonsense).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn nobody_sees_the_accesses_of_another_company(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let foreign = AccessRecord {
        company_id: 4,
        ..record(2, 2)
    };
    let of_nobody = AccessRecord {
        company_id: 0,
        ..record(3, 3)
    };
    append(&rig, vec![vec![record(1, 1), foreign, of_nobody]])
        .await
        .unwrap();
    let all = ListAccessesRequest::default;
    let foreign_only = || ListAccessesRequest {
        company_id: 4,
        ..all()
    };
    let after_foreign = || ListAccessesRequest {
        before_id: 2,
        ..all()
    };
    let admin = with_user(&platform(), Role::Admin);
    let own = edge_for(Authority::Company, 3);
    for caller in [&admin, &own] {
        assert_eq!(ids(&rig, caller, all()).await, [1]);
        assert!(ids(&rig, caller, foreign_only()).await.is_empty());
        assert!(ids(&rig, caller, after_foreign()).await.is_empty());
    }
    assert_eq!(ids(&rig, &platform(), all()).await, [3, 2, 1]);
    assert_eq!(ids(&rig, &platform(), foreign_only()).await, [2]);
    let delegated = edge_for(Authority::Delegated, 3);
    assert!(ids(&rig, &delegated, all()).await.is_empty());
    assert!(ids(&rig, &Caller::service("edge"), all()).await.is_empty());
    let agent = with_user(&platform(), Role::Chat);
    let refused = list(&rig, &agent, all()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
}
