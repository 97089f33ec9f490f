//! Leases blocks of four ids, from 1001 on.

use std::sync::atomic::Ordering::SeqCst;

use proto::tenancy::v1::{
    AllocateBlockRequest, AllocateBlockResponse,
    bitacora_service_server::{BitacoraService, BitacoraServiceServer},
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Shared, administration};

const SIZE: u32 = 4;

struct Fake(Shared);

pub fn routes(world: &Shared) -> Routes {
    let own = Routes::new(BitacoraServiceServer::new(Fake(world.clone())));
    administration::add_to(own, world)
}

#[tonic::async_trait]
impl BitacoraService for Fake {
    async fn allocate_block(
        &self,
        _: Request<AllocateBlockRequest>,
    ) -> Result<Response<AllocateBlockResponse>, Status> {
        if self.0.tenancy_away.load(SeqCst) {
            return Err(Status::unavailable("away"));
        }
        Ok(Response::new(AllocateBlockResponse {
            first: 1001 + self.0.blocks.fetch_add(i64::from(SIZE), SeqCst),
            count: SIZE,
        }))
    }
}
