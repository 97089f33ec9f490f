//! The upstream of the edge benchmark: every service it needs, answering at once.

use std::sync::{Arc, OnceLock};

use auth::{ContextGate, ContextKeys};
use chassis::{
    Clock, Stop,
    grpc::{self, Gate},
};
use futures_util::stream;
use http::{Extensions, HeaderMap, header::AUTHORIZATION};
use proto::{
    conversation::v1::{
        Chat, ListChatsRequest, ListChatsResponse,
        chat_service_server::{ChatService, ChatServiceServer},
    },
    identity::v1::{
        AcknowledgeRevocationsRequest, AcknowledgeRevocationsResponse, AuthenticateBearerRequest,
        AuthenticateBearerResponse, AuthenticateRequest, AuthenticateResponse, Authority,
        ClientPrincipal, IntrospectRequest, IntrospectResponse, KeyUse, ListPublicKeysRequest,
        ListPublicKeysResponse, PublicKey, Role, UserPrincipal, WatchRevocationsRequest,
        WatchRevocationsResponse,
        authentication_service_server::{AuthenticationService, AuthenticationServiceServer},
        key_service_server::{KeyService, KeyServiceServer},
        revocation_service_server::{RevocationService, RevocationServiceServer},
    },
    tenancy::v1::{
        AllocateBlockRequest, AllocateBlockResponse, AppendRequest, AppendResponse,
        bitacora_service_server::{BitacoraService, BitacoraServiceServer},
    },
};
use tokio_stream::StreamExt;
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream, service::Routes};

/// A lease that lasts as long as any.
const LEASE_SECONDS: u32 = 3;

/// The public half of the key that signs the tokens of a benchmark.
pub(crate) static ACCESS_KEY: OnceLock<Vec<u8>> = OnceLock::new();

#[derive(Clone, Copy)]
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

#[tonic::async_trait]
impl RevocationService for Instant {
    async fn watch_revocations(
        &self,
        _request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<BoxStream<WatchRevocationsResponse>>, Status> {
        let first = WatchRevocationsResponse {
            lease_id: "bench".into(),
            lease_seconds: LEASE_SECONDS,
            reset: false,
            revocations: Vec::new(),
            head: 0,
        };
        let silence = tokio_stream::pending();
        Ok(Response::new(Box::pin(
            tokio_stream::once(Ok(first)).chain(silence),
        )))
    }

    async fn acknowledge_revocations(
        &self,
        _request: Request<AcknowledgeRevocationsRequest>,
    ) -> Result<Response<AcknowledgeRevocationsResponse>, Status> {
        Ok(Response::new(AcknowledgeRevocationsResponse {
            lease_seconds: LEASE_SECONDS,
            head: 0,
        }))
    }

    async fn introspect(
        &self,
        _request: Request<IntrospectRequest>,
    ) -> Result<Response<IntrospectResponse>, Status> {
        let user = agent();
        Ok(Response::new(IntrospectResponse {
            active: true,
            family_id: user.session_id.clone(),
            user: Some(user),
            client_id: 1,
            generation: 1,
            epoch: 0,
            expires_at: "2126-01-01T00:00:00Z".parse().ok(),
            head: 0,
        }))
    }
}

#[tonic::async_trait]
impl KeyService for Instant {
    async fn list_public_keys(
        &self,
        _request: Request<ListPublicKeysRequest>,
    ) -> Result<Response<ListPublicKeysResponse>, Status> {
        let key = |public_key: &Vec<u8>| PublicKey {
            key_id: "bench".into(),
            algorithm: "EdDSA".into(),
            public_key: public_key.clone().into(),
            r#use: KeyUse::Access.into(),
            issuer: "bench".into(),
            not_before: None,
            not_after: None,
        };
        Ok(Response::new(ListPublicKeysResponse {
            keys: ACCESS_KEY.get().map(key).into_iter().collect(),
            max_age_seconds: 300,
        }))
    }
}

/// Everything an edge asks for.
pub(crate) fn routes() -> Routes {
    Routes::new(AuthenticationServiceServer::new(Instant))
        .add_service(RevocationServiceServer::new(Instant))
        .add_service(KeyServiceServer::new(Instant))
        .add_service(ChatServiceServer::new(Instant))
        .add_service(BitacoraServiceServer::new(Instant))
}

/// Verifies the tokens of whoever sends one.
struct Lenient(Arc<ContextGate>);

impl Gate for Lenient {
    fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
        extensions: &mut Extensions,
    ) -> Result<(), Status> {
        if headers.contains_key(AUTHORIZATION) {
            self.0.admit(path, headers, extensions)
        } else {
            Ok(())
        }
    }
}

/// Serves until killed, as a service does that trusts one key.
pub(crate) async fn serve(port: u16, trusted_key: &str) -> anyhow::Result<()> {
    let keys = ContextKeys {
        trusted_keys: vec![trusted_key.to_owned()],
        ..ContextKeys::default()
    };
    let gate = Lenient(ContextGate::new(&keys, Clock::system())?);
    let (front, slot, readiness) = grpc::front().await?;
    slot.fill(grpc::stack(routes(), Arc::new(gate)));
    readiness.set(true).await;
    let listener = grpc::bind(([127, 0, 0, 1], port).into()).await?;
    grpc::serve(listener, front, Stop::default()).await
}
