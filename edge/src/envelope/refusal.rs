//! The shapes of refusals.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::{ShownId, house, json};
use crate::{
    errors::{Failure, Shape},
    input::FieldErrors,
    table::Family,
};

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct StatusAndMessage<'a> {
    status: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct Route<'a> {
    error: &'a str,
    code: u16,
}

#[derive(Serialize)]
struct WithoutData<'a> {
    status: &'static str,
    message: &'a str,
    code: u16,
    id_bitacora_log: ShownId,
}

#[derive(Serialize)]
struct Fields<'a> {
    errors: &'a FieldErrors,
}

/// The answer to a refused request of an operation of `family`.
pub fn refuse(failure: &Failure, family: Family, id: ShownId) -> Response {
    match failure {
        Failure::Fields(errors) => wrong_fields(errors, family, id),
        Failure::FieldsSaid {
            status,
            message,
            errors,
        } => house("error", *status, message, &Fields { errors }, id),
        Failure::Said {
            status,
            shape,
            message,
            retry_after,
        } => {
            let mut response = said(*status, *shape, message, id);
            if let Some(wait) = retry_after {
                come_back_after(*wait, &mut response);
            }
            response
        }
        Failure::Told {
            status,
            data,
            message,
        } => house("error", *status, message, data, id),
        Failure::TooMany { retry_after, limit } => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut response = said(status, Shape::Empty, "Too Many Attempts.", id);
            come_back_after(*retry_after, &mut response);
            let headers = response.headers_mut();
            if let Some(limit) = limit {
                headers.insert("x-ratelimit-limit", HeaderValue::from(*limit));
            }
            headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
            response
        }
        Failure::Route(status) => route(*status),
        Failure::ConsumerCredentials => unauthorized("Credenciales de consumo inválidas"),
        Failure::Unauthenticated => unauthorized("Unauthenticated."),
        Failure::Hidden => {
            let mut response = route(StatusCode::NOT_FOUND);
            response
                .headers_mut()
                .insert(header::VARY, HeaderValue::from_static("Origin"));
            response
        }
    }
}

fn come_back_after(wait: Duration, response: &mut Response) {
    // Zero would invite the caller to try at once.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let seconds = HeaderValue::from(seconds.max(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
}

fn unauthorized(message: &str) -> Response {
    json(StatusCode::UNAUTHORIZED, &Message { message })
}

fn wrong_fields(errors: &FieldErrors, family: Family, id: ShownId) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let message = match family {
        Family::Failed => "Validacion fallida.",
        Family::Errors => "Errores de validacion.",
        Family::Parameters => "Parametros invalidos.",
        Family::Native => {
            let message = errors.first();
            return json(status, &Message { message });
        }
    };
    house("error", status, message, &Fields { errors }, id)
}

fn said(status: StatusCode, shape: Shape, message: &str, id: ShownId) -> Response {
    match shape {
        Shape::Empty => house("error", status, message, &[(); 0], id),
        Shape::Null => house("error", status, message, &(), id),
        Shape::Absent => json(
            status,
            &WithoutData {
                status: "error",
                message,
                code: status.as_u16(),
                id_bitacora_log: id,
            },
        ),
        Shape::MessageAlone => json(status, &Message { message }),
        Shape::StatusAndMessage => json(
            status,
            &StatusAndMessage {
                status: "error",
                message,
            },
        ),
    }
}

fn route(status: StatusCode) -> Response {
    json(
        status,
        &Route {
            error: status.canonical_reason().unwrap_or("Error"),
            code: status.as_u16(),
        },
    )
}
