//! What happens when there is no room.

use auth::ContextKeys;
use http::{HeaderMap, Method};
use proto::tenancy::v1::{
    AccessRecord, AppendRequest, AppendResponse,
    bitacora_service_server::{BitacoraService, BitacoraServiceServer},
};
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream, service::Routes};

use super::*;

/// Keeps what it gets.
struct Sink(Arc<Mutex<Vec<AccessRecord>>>);

#[tonic::async_trait]
impl BitacoraService for Sink {
    async fn append(
        &self,
        request: Request<Streaming<AppendRequest>>,
    ) -> Result<Response<BoxStream<AppendResponse>>, Status> {
        let (kept, mut batches) = (Arc::clone(&self.0), request.into_inner());
        let mut answers = Vec::new();
        while let Some(batch) = batches.message().await? {
            kept.lock().unwrap().extend(batch.records);
            let acknowledged = batch.sequence;
            answers.push(Ok(AppendResponse { acknowledged }));
        }
        Ok(Response::new(Box::pin(futures_util::stream::iter(answers))))
    }
}

#[tokio::test]
async fn what_finds_no_place_is_counted_and_told() {
    let keys = ContextKeys {
        signing_key: auth::generate("edge-1").unwrap().0,
        ..ContextKeys::default()
    };
    let tokens = Arc::new(Tokens::new(&keys, Clock::system()).unwrap());
    let (tenancy, slot) = Upstream::local();
    let kept = Arc::default();
    let sink = BitacoraServiceServer::new(Sink(Arc::clone(&kept)));
    slot.fill(Routes::new(sink).prepare().into_axum_router());
    let ids = Bitacora::new(Arc::clone(&tokens), Upstream::local().0, 0);
    let (log, tasks) =
        AccessLog::new(&Config::default(), Clock::system(), tokens, tenancy, ids).unwrap();
    let headers = HeaderMap::new();
    let count = i64::try_from(RING).unwrap() + 3;
    for id in 1..=count {
        drop(log.begin(&Start {
            id,
            arrived: Instant::now(),
            method: &Method::GET,
            route: "",
            headers: &headers,
            ip: None,
        }));
    }
    drop(log);
    let lifecycle = chassis::Lifecycle::new(Duration::from_mins(1));
    for task in tasks {
        lifecycle.spawn(task);
    }
    lifecycle.stop().request();
    lifecycle.run().await;
    let kept = kept.lock().unwrap();
    let (told, rows): (Vec<_>, Vec<_>) = kept
        .iter()
        .partition(|row| row.error_code == "3 records lost");
    assert_eq!((told.len(), rows.len()), (1, RING));
    assert!(told[0].bitacora_id > 0);
    assert!((1..).zip(&rows).all(|(id, row)| row.bitacora_id == id));
}
