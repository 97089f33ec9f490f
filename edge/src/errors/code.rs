//! Refusals as the access log names them.

use http::StatusCode;

use super::Failure;

impl Failure {
    /// The name of the refusal: upper snake case, stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fields(_) => "INVALID_INPUT",
            Self::FieldsSaid { status, .. }
            | Self::Said { status, .. }
            | Self::Told { status, .. }
            | Self::Route(status) => of_status(*status),
            Self::TooMany { .. } => "RATE_LIMITED",
            Self::ConsumerCredentials => "CLIENT_CREDENTIALS",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Hidden => "HIDDEN",
        }
    }
}

fn of_status(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "BAD_REQUEST",
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        StatusCode::FORBIDDEN => "PERMISSION_DENIED",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
        StatusCode::CONFLICT => "ALREADY_EXISTS",
        StatusCode::PAYLOAD_TOO_LARGE => "TOO_LARGE",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "MEDIA_TYPE",
        StatusCode::UNPROCESSABLE_ENTITY => "INVALID_INPUT",
        StatusCode::INTERNAL_SERVER_ERROR => "INTERNAL",
        StatusCode::NOT_IMPLEMENTED => "NOT_BUILT",
        StatusCode::SERVICE_UNAVAILABLE => "UNAVAILABLE",
        StatusCode::GATEWAY_TIMEOUT => "TIMEOUT",
        _ => "REFUSED",
    }
}
