//! The machine-readable description of the API, and a page on which calls can be
//! tried. Everything comes from this process; nothing is loaded from elsewhere.

use std::sync::Arc;

use axum::{
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderValue, StatusCode, header};
use utoipa_swagger_ui::Config;

use crate::{
    envelope::{ShownId, refuse},
    errors::Failure,
    table::Family,
};

/// OpenAPI 3.1, as the program `openapi` writes it.
const DOCUMENT: &str = include_str!("../openapi.json");

/// The scripts of the page are its own; styles are set by them.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/// GET /openapi.json.
pub async fn document() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], DOCUMENT).into_response()
}

/// The page stands in a folder of its own, since it loads its files from there.
pub async fn to_the_page() -> Redirect {
    Redirect::permanent("/docs/")
}

/// GET /docs/.
pub async fn page() -> Response {
    file(Path("index.html".to_owned())).await
}

/// GET /docs/{file}: what the page loads.
pub async fn file(Path(name): Path<String>) -> Response {
    let config = Config::from("/openapi.json").persist_authorization(false);
    match utoipa_swagger_ui::serve(&name, Arc::new(config)) {
        Ok(Some(file)) => {
            let kind = HeaderValue::try_from(file.content_type)
                .unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let headers = [
                (header::CONTENT_TYPE, kind),
                (
                    header::CONTENT_SECURITY_POLICY,
                    HeaderValue::from_static(POLICY),
                ),
            ];
            (headers, file.bytes.into_owned()).into_response()
        }
        Ok(None) => no_file(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::error!(%error, name, "a file of the page cannot be made");
            no_file(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn no_file(status: StatusCode) -> Response {
    refuse(&Failure::Route(status), Family::Failed, ShownId::Number(0))
}
