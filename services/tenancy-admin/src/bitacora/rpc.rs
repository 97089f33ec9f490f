//! `BitacoraService`: decode, call, encode.

use futures_util::stream;
use proto::tenancy::v1::{
    AllocateBlockRequest, AllocateBlockResponse, AppendRequest, AppendResponse,
    ListAccessesRequest, ListAccessesResponse, bitacora_service_server::BitacoraService,
};
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream};

use super::{BATCH, BLOCK, Bitacora, record};
use crate::error::Error;

#[tonic::async_trait]
impl BitacoraService for Bitacora {
    async fn allocate_block(
        &self,
        request: Request<AllocateBlockRequest>,
    ) -> Result<Response<AllocateBlockResponse>, Status> {
        only_the_edge(&request)?;
        let first = self.allocate().await?;
        Ok(Response::new(AllocateBlockResponse {
            first,
            count: BLOCK,
        }))
    }

    async fn append(
        &self,
        request: Request<Streaming<AppendRequest>>,
    ) -> Result<Response<BoxStream<AppendResponse>>, Status> {
        only_the_edge(&request)?;
        let state = (self.clone(), request.into_inner());
        let answers = stream::try_unfold(state, |(bitacora, mut batches)| async move {
            let Some(batch) = batches.message().await? else {
                return Ok(None);
            };
            let acknowledged = bitacora.store(batch).await?;
            Ok(Some((AppendResponse { acknowledged }, (bitacora, batches))))
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn list_accesses(
        &self,
        request: Request<ListAccessesRequest>,
    ) -> Result<Response<ListAccessesResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let wanted = record::wanted(request.into_inner())?;
        let found = self.list(&caller, wanted).await?;
        Ok(Response::new(ListAccessesResponse {
            records: found.into_iter().map(record::encode).collect(),
        }))
    }
}

impl Bitacora {
    /// Stores a batch; answers its number.
    async fn store(&self, batch: AppendRequest) -> Result<u64, Error> {
        if batch.records.len() > BATCH {
            return Err(Error::Unusable("a batch has at most 512 records"));
        }
        let sent = batch.records.len();
        let records: Vec<_> = batch
            .records
            .into_iter()
            .filter_map(record::decode)
            .collect();
        if records.len() < sent {
            let dropped = sent - records.len();
            tracing::error!(dropped, "records of the access log without id or time");
        }
        self.append(&records).await?;
        Ok(batch.sequence)
    }
}

fn only_the_edge<T>(request: &Request<T>) -> Result<(), Status> {
    if auth::caller(request)?.is_service("edge") {
        Ok(())
    } else {
        Err(Error::Forbidden.into())
    }
}
