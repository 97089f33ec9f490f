//! What a refusal of Graph means for a message: its code decides, not the HTTP
//! status and not the title.

use serde::Deserialize;

use crate::providers::{Answer, Fault, Outcome, clipped};

const TROUBLE: &str = "WhatsApp no está disponible en este momento.";
const REAUTH: &str = "El canal de WhatsApp debe autorizarse de nuevo.";
const LOST: &str = "WhatsApp no confirmó la entrega.";

#[derive(Deserialize)]
struct Body {
    error: GraphError,
}

#[derive(Deserialize)]
struct GraphError {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_data: Details,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    details: String,
}

/// A failure on our side of the wire.
pub(super) fn of_ours(code: &str, detail: &str) -> Fault {
    fault(code, detail, TROUBLE)
}

/// Credentials that cannot be used.
pub(super) fn unauthorized(detail: &str) -> Fault {
    fault("no_token", detail, REAUTH)
}

/// An answer that did not come.
pub(super) fn lost(detail: &str) -> Fault {
    fault("lost", detail, LOST)
}

fn fault(code: &str, detail: &str, spanish: &'static str) -> Fault {
    Fault {
        code: code.to_owned(),
        detail: clipped(detail),
        spanish,
    }
}

/// The verdict on an answer that is no success.
pub(super) fn judge(answer: &Answer) -> Outcome {
    let Ok(Body { error }) = serde_json::from_slice::<Body>(&answer.body) else {
        return judge_status(answer);
    };
    let detail = format!("{} {}", error.message, error.error_data.details);
    let because = |spanish| fault(&error.code.to_string(), &detail, spanish);
    match error.code {
        4 | 80_007 | 130_429 => Outcome::ThrottledChannel(answer.retry_after),
        131_056 => Outcome::ThrottledRecipient(answer.retry_after),
        0 | 3 | 10 | 190 | 200..=299 => Outcome::Unauthorized(because(REAUTH)),
        1 | 2 | 131_000 | 131_016 | 131_057 | 133_004 => Outcome::Retry(because(TROUBLE)),
        code => match explanation(code) {
            Some(spanish) => Outcome::Failed(because(spanish)),
            // A code that nobody has documented: the status says whether waiting helps.
            None if answer.status == 429 => Outcome::ThrottledChannel(answer.retry_after),
            None if answer.status >= 500 => Outcome::Retry(because(TROUBLE)),
            None => Outcome::Failed(because("WhatsApp rechazó el mensaje.")),
        },
    }
}

/// An answer that did not come from Graph, such as the page of a proxy.
fn judge_status(answer: &Answer) -> Outcome {
    let because = |spanish| fault(&answer.status.to_string(), "no answer of Graph", spanish);
    match answer.status {
        401 | 403 => Outcome::Unauthorized(because(REAUTH)),
        429 => Outcome::ThrottledChannel(answer.retry_after),
        // A gateway that gave up waiting cannot say whether the message went out.
        504 => Outcome::Uncertain(because(LOST)),
        _ => Outcome::Retry(because(TROUBLE)),
    }
}

/// What an agent is told of a message that will not be delivered; none for codes that we do
/// not know.
pub(super) fn explanation(code: i64) -> Option<&'static str> {
    Some(match code {
        131_047 => {
            "Pasaron más de 24 horas desde el último mensaje del cliente: solo se puede enviar una plantilla."
        }
        131_026 => "El número no puede recibir mensajes de WhatsApp.",
        131_048 | 131_064 => "WhatsApp limitó los envíos de este número por su calidad.",
        131_049 => "WhatsApp no entregó el mensaje para cuidar la experiencia del cliente.",
        131_050 => "El cliente no acepta mensajes de este tipo.",
        131_030 => "El número no está en la lista de destinatarios permitidos.",
        131_021 => "El destinatario es el mismo número que envía.",
        131_031 | 368 => "WhatsApp bloqueó la cuenta de la empresa.",
        131_051 => "WhatsApp no admite este tipo de mensaje.",
        131_052 | 131_053 => "WhatsApp no pudo procesar el archivo.",
        131_062 => "Este destinatario solo puede contactarse por su número de teléfono.",
        130_472 => "WhatsApp no entregó el mensaje: el número participa en un experimento.",
        132_000..=132_999 => "La plantilla no existe, no está aprobada o sus datos no calzan.",
        100 | 131_008 | 131_009 | 137_000 => "WhatsApp rechazó los datos del mensaje.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn verdict(status: u16, code: i64) -> Outcome {
        let body = format!(r#"{{"error":{{"message":"m","type":"t","code":{code}}}}}"#);
        judge(&Answer {
            status,
            retry_after: None,
            body: Bytes::from(body),
        })
    }

    #[test]
    fn the_code_decides_and_not_the_status() {
        assert!(matches!(
            verdict(400, 130_429),
            Outcome::ThrottledChannel(_)
        ));
        assert!(matches!(
            verdict(400, 131_056),
            Outcome::ThrottledRecipient(_)
        ));
        assert!(matches!(verdict(400, 190), Outcome::Unauthorized(_)));
        assert!(matches!(verdict(403, 200), Outcome::Unauthorized(_)));
        assert!(matches!(verdict(400, 131_000), Outcome::Retry(_)));
        assert!(matches!(verdict(500, 131_047), Outcome::Failed(_)));
        assert!(matches!(verdict(400, 132_001), Outcome::Failed(_)));
        assert!(matches!(verdict(500, 999_999), Outcome::Retry(_)));
        assert!(matches!(verdict(400, 999_999), Outcome::Failed(_)));
    }
}
