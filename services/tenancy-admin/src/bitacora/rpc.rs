//! `BitacoraService`: decode, call, encode.

use proto::tenancy::v1::{
    AllocateBlockRequest, AllocateBlockResponse, bitacora_service_server::BitacoraService,
};
use tonic::{Request, Response, Status};

use super::{BLOCK, Bitacora};
use crate::error::Error;

#[tonic::async_trait]
impl BitacoraService for Bitacora {
    async fn allocate_block(
        &self,
        request: Request<AllocateBlockRequest>,
    ) -> Result<Response<AllocateBlockResponse>, Status> {
        if &*auth::caller(&request)?.service != "edge" {
            return Err(Error::Forbidden.into());
        }
        let first = self.allocate().await?;
        Ok(Response::new(AllocateBlockResponse {
            first,
            count: BLOCK,
        }))
    }
}
