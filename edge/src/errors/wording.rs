//! The sentences of one route for what an upstream refuses.

use chassis::code::Refusal;
use http::StatusCode;

use super::{Failure, Shape};
use crate::input::{FieldErrors, Language, sentence};

/// Reasons that name a state of things instead of a field, and the field under
/// which the sentence stands.
const STATES: &[(&str, &str, &str)] = &[
    (
        "WINDOW_CLOSED",
        "message",
        "Pasaron mas de 24 horas desde el ultimo mensaje del cliente; solo se admiten plantillas.",
    ),
    ("CHAT_CLOSED", "id_chat", "El chat esta cerrado."),
    (
        "GUEST_UNREACHABLE",
        "id_chat",
        "El cliente no puede recibir mensajes por este canal.",
    ),
    (
        "SESSION_NOT_FRESH",
        "general",
        "Debe iniciar sesion de nuevo para hacer este cambio.",
    ),
    (
        "WEBHOOK_REFUSED",
        "bot_token",
        "Telegram no acepta la direccion del webhook.",
    ),
];

/// How a route says what its upstream refuses; where it says nothing, general
/// sentences stand.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    fields: &'static [(&'static str, &'static str, &'static str)],
    missing: Option<(Shape, &'static str)>,
    taken: Option<(Shape, &'static str)>,
    forbidden: Option<(Shape, &'static str)>,
}

impl Wording {
    /// General sentences only.
    pub const GENERAL: Self = Self {
        fields: &[],
        missing: None,
        taken: None,
        forbidden: None,
    };

    /// Sentences for `(field, reason)`; an empty reason stands for every other.
    pub const fn fields(
        mut self,
        fields: &'static [(&'static str, &'static str, &'static str)],
    ) -> Self {
        self.fields = fields;
        self
    }

    /// The sentence of a 404.
    pub const fn missing(mut self, shape: Shape, message: &'static str) -> Self {
        self.missing = Some((shape, message));
        self
    }

    /// The sentence of a 409.
    pub const fn taken(mut self, shape: Shape, message: &'static str) -> Self {
        self.taken = Some((shape, message));
        self
    }

    /// The sentence of a 403.
    pub const fn forbidden(mut self, shape: Shape, message: &'static str) -> Self {
        self.forbidden = Some((shape, message));
        self
    }

    pub(super) fn fields_of(&self, refused: &Refusal, language: Language) -> FieldErrors {
        let mut errors = FieldErrors::default();
        for (field, reason) in &refused.fields {
            errors.push(field, self.sentence(field, reason, language));
        }
        if !errors.is_empty() {
            return errors;
        }
        if language == Language::English {
            let text = "The operation is not possible in the present state.";
            errors.push("general", text.to_owned());
            return errors;
        }
        match STATES.iter().find(|(state, ..)| *state == refused.reason) {
            Some((_, field, text)) => errors.push(field, (*text).to_owned()),
            None => errors.push(
                "general",
                "La operacion no es posible en el estado actual.".to_owned(),
            ),
        }
        errors
    }

    fn sentence(&self, field: &str, reason: &str, language: Language) -> String {
        let known = self
            .fields
            .iter()
            .find(|(name, why, _)| *name == field && (*why == reason || why.is_empty()));
        if let Some((.., text)) = known {
            return (*text).to_owned();
        }
        match reason {
            "REQUIRED" => sentence::required(language, field),
            "NOT_REGISTERED" => sentence::not_registered(language, field),
            "NOT_AFTER_OPENING" => sentence::not_after_opening(language, field),
            "TIME" => sentence::not_time(language, field),
            "TOO_LONG" => sentence::longer_than_kept(language, field),
            _ => sentence::invalid(language, field),
        }
    }

    pub(super) fn not_found(&self) -> Failure {
        let (shape, message) = self
            .missing
            .unwrap_or((Shape::Empty, "Recurso no encontrado."));
        Failure::shaped(StatusCode::NOT_FOUND, shape, message)
    }

    pub(super) fn conflict(&self, reason: &str) -> Failure {
        let reused = ["IDEMPOTENCY_CONFLICT", "IDEMPOTENCY_KEY_REUSED"];
        let (shape, message) = if reused.contains(&reason) {
            (
                Shape::Empty,
                "La clave de idempotencia ya se uso con otro contenido.",
            )
        } else {
            self.taken
                .unwrap_or((Shape::Empty, "El registro ya existe."))
        };
        Failure::shaped(StatusCode::CONFLICT, shape, message)
    }

    pub(super) fn denied(&self) -> Failure {
        let (shape, message) = self.forbidden.unwrap_or((Shape::Empty, "No autorizado."));
        Failure::shaped(StatusCode::FORBIDDEN, shape, message)
    }
}
