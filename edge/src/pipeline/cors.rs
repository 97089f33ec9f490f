//! Which pages of other origins may read the answers.

use axum::{body::Body, extract::Request, response::Response};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, VARY,
    },
};

const EXPOSED: &str = "X-Bitacora-Id, X-Request-Id, X-Total-Count, Retry-After, \
                       X-RateLimit-Limit, X-RateLimit-Remaining";

/// The configured origins.
pub struct Cors {
    all: bool,
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Takes the configured origins; `*` among them admits all.
    pub fn new(origins: &[String]) -> anyhow::Result<Self> {
        let read = |origin: &String| {
            HeaderValue::from_str(origin)
                .map_err(|_| anyhow::anyhow!("edge.cors_origins: {origin:?} is no origin"))
        };
        Ok(Self {
            all: origins.iter().any(|origin| origin == "*"),
            origins: origins.iter().map(read).collect::<anyhow::Result<_>>()?,
        })
    }

    /// Lets `origin` read an answer, if it may. Credentials of the browser are
    /// never admitted; the API does not use any.
    pub fn allow(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.all {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            headers.append(VARY, HeaderValue::from_static("Origin"));
            let Some(origin) = origin.filter(|origin| self.origins.contains(origin)) else {
                return;
            };
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
    }
}

/// Says whether a browser asks what it may do.
pub fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to that: everything the API knows; the origin is judged apart.
pub fn preflight(request: &Request) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let asked = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS);
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PATCH, DELETE"),
    );
    if let Some(asked) = asked {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}
