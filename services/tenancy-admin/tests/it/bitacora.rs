//! The ids of the access log.

use auth::Caller;
use chassis::ErrorCode;
use proto::tenancy::v1::{AllocateBlockRequest, bitacora_service_client::BitacoraServiceClient};
use sqlx::PgPool;

use crate::rig::{Rig, answer};

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn replicas_that_ask_at_once_get_blocks_that_do_not_overlap(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let asking: Vec<_> = (0..64)
        .map(|_| {
            let call = rig.call(&Caller::service("edge"));
            let upstream = rig.upstream.clone();
            tokio::spawn(async move {
                let request = call.request(AllocateBlockRequest {});
                answer(
                    BitacoraServiceClient::new(upstream)
                        .allocate_block(request)
                        .await,
                )
            })
        })
        .collect();
    let mut blocks = Vec::new();
    for asked in asking {
        let block = asked.await.unwrap().unwrap();
        blocks.push((block.first, block.first + i64::from(block.count)));
    }
    blocks.sort_unstable();
    assert_eq!(blocks.len(), 64);
    assert!(blocks[0].0 > 736_014, "beyond the ids of the examples");
    assert!(blocks.iter().all(|(first, end)| first < end));
    assert!(
        blocks.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        "{blocks:?}"
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn only_the_edge_gets_ids(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let call = rig.call(&Caller::service("conversation"));
    let request = call.request(AllocateBlockRequest {});
    let mut bitacora = BitacoraServiceClient::new(rig.upstream.clone());
    let refused = answer(bitacora.allocate_block(request).await).unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
}
