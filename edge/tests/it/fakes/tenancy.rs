//! Leases blocks of four ids, from 1001 on, and keeps the rows of the access log.

use std::sync::atomic::Ordering::SeqCst;

use futures_util::stream;
use proto::tenancy::v1::{
    AllocateBlockRequest, AllocateBlockResponse, AppendRequest, AppendResponse,
    bitacora_service_server::{BitacoraService, BitacoraServiceServer},
};
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream, service::Routes};

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

    async fn append(
        &self,
        request: Request<Streaming<AppendRequest>>,
    ) -> Result<Response<BoxStream<AppendResponse>>, Status> {
        let state = (self.0.clone(), request.into_inner());
        let answers = stream::try_unfold(state, |(world, mut batches)| async move {
            let Some(batch) = batches.message().await? else {
                return Ok(None);
            };
            if world.tenancy_away.load(SeqCst) {
                world.refused_batches.fetch_add(1, SeqCst);
                return Err(Status::unavailable("away"));
            }
            let acknowledged = batch.sequence;
            world.rows.lock().unwrap().extend(batch.records);
            if world.batches_until_break.load(SeqCst) == 1 {
                world.batches_until_break.store(0, SeqCst);
                // Stored, and the acknowledgement is lost.
                return Err(Status::unavailable("broken"));
            }
            let left = world.batches_until_break.load(SeqCst).saturating_sub(1);
            world.batches_until_break.store(left, SeqCst);
            Ok(Some((AppendResponse { acknowledged }, (world, batches))))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}
