//! The upstream of the edge benchmark: every service it needs, answering at once.

use futures_util::stream;
use proto::{
    conversation::v1::{
        Chat, ListChatsRequest, ListChatsResponse,
        chat_service_server::{ChatService, ChatServiceServer},
    },
    identity::v1::{
        AuthenticateBearerRequest, AuthenticateBearerResponse, AuthenticateRequest,
        AuthenticateResponse, Authority, ClientPrincipal, Role, UserPrincipal,
        authentication_service_server::{AuthenticationService, AuthenticationServiceServer},
    },
    tenancy::v1::{
        AllocateBlockRequest, AllocateBlockResponse, AppendRequest, AppendResponse,
        bitacora_service_server::{BitacoraService, BitacoraServiceServer},
    },
};
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream};

struct Instant;

#[tonic::async_trait]
impl AuthenticationService for Instant {
    async fn authenticate(
        &self,
        _request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        Ok(Response::new(AuthenticateResponse {
            client: Some(ClientPrincipal {
                client_id: 1,
                consumo: "UsuarioPrueba".into(),
                authority: Authority::Platform.into(),
                company_id: 3,
                ..ClientPrincipal::default()
            }),
            user: Some(agent()),
            ..AuthenticateResponse::default()
        }))
    }

    async fn authenticate_bearer(
        &self,
        _request: Request<AuthenticateBearerRequest>,
    ) -> Result<Response<AuthenticateBearerResponse>, Status> {
        Ok(Response::new(AuthenticateBearerResponse {
            user: Some(agent()),
        }))
    }
}

fn agent() -> UserPrincipal {
    UserPrincipal {
        user_id: 7,
        name: "Agente 1".into(),
        role: Role::Chat.into(),
        company_id: 3,
        department_id: 7,
        session_id: "01900000-0000-7000-8000-000000000000".into(),
        email: "agente1@atencion.test".into(),
    }
}

#[tonic::async_trait]
impl ChatService for Instant {
    async fn list_chats(
        &self,
        _request: Request<ListChatsRequest>,
    ) -> Result<Response<ListChatsResponse>, Status> {
        let chat = Chat {
            chat_id: 123,
            name: "Cliente A".into(),
            last_message: "Hola".into(),
            unread: 2,
            ..Chat::default()
        };
        Ok(Response::new(ListChatsResponse {
            chats: vec![chat],
            page: None,
        }))
    }
}

#[tonic::async_trait]
impl BitacoraService for Instant {
    async fn allocate_block(
        &self,
        _request: Request<AllocateBlockRequest>,
    ) -> Result<Response<AllocateBlockResponse>, Status> {
        use std::sync::atomic::{AtomicI64, Ordering};
        static NEXT: AtomicI64 = AtomicI64::new(1);
        let first = NEXT.fetch_add(4096, Ordering::Relaxed);
        Ok(Response::new(AllocateBlockResponse { first, count: 4096 }))
    }

    async fn append(
        &self,
        request: Request<Streaming<AppendRequest>>,
    ) -> Result<Response<BoxStream<AppendResponse>>, Status> {
        let acknowledged = stream::try_unfold(request.into_inner(), |mut batches| async move {
            let batch = batches.message().await?;
            Ok(batch.map(|batch| {
                let acknowledged = batch.sequence;
                (AppendResponse { acknowledged }, batches)
            }))
        });
        Ok(Response::new(Box::pin(acknowledged)))
    }
}

/// Serves until killed.
pub(crate) async fn serve(port: u16) -> anyhow::Result<()> {
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .add_service(AuthenticationServiceServer::new(Instant))
        .add_service(ChatServiceServer::new(Instant))
        .add_service(BitacoraServiceServer::new(Instant))
        .serve(([127, 0, 0, 1], port).into())
        .await?;
    Ok(())
}
