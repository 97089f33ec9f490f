//! `/api/correo`: the mailboxes that others read, and the mails they hand in.

use std::collections::HashMap;

use axum::response::Response;
use proto::{
    common::v1::PageRequest,
    mail::v1::{
        GetMailboxCredentialsRequest, ListMailboxesRequest, MailAttachment, MailAuth, MailHeader,
        MailOutcome, Mailbox, MailboxState, Notice, NoticeState, SaveMailRequest, SaveMailResponse,
        intake_service_client::IntakeServiceClient, mailbox_service_client::MailboxServiceClient,
    },
};
use serde::Serialize;
use serde_json::Value;
use tonic::Code;

use crate::{
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, LARGEST_ANSWER, secret},
    input::{Check, Input, Language, sentence},
};

/// The right to see passwords.
const CREDENTIALS: &str = "mail:credentials";

/// What stands where a password would.
const MASK: &str = "****";

/// How many passwords are asked for at once.
const DISCLOSED: usize = 100;

/// The most header fields of a mail.
const MOST_HEADERS: usize = 1000;

const STATES: &[(&str, MailboxState)] = &[
    ("activo", MailboxState::Active),
    ("inactivo", MailboxState::Inactive),
];

const SAVING: Wording = Wording::GENERAL
    .fields(&[
        ("from", "", "El campo from debe ser un correo valido."),
        ("to", "INVALID", "El campo to debe ser un correo valido."),
        (
            "attachments",
            "TOO_MANY",
            "El campo attachments no debe superar 200 archivos.",
        ),
    ])
    .taken(
        Shape::Empty,
        "La clave de idempotencia ya se uso con otro contenido.",
    );

/// A mailbox as whoever reads it needs it.
#[derive(Serialize)]
struct Row {
    id_cuenta_correo: i64,
    host: String,
    user: String,
    password: String,
    port: String,
    mail_boxes: Vec<String>,
    departamento: i64,
    estado: &'static str,
    /// Only when the login is by something else than a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'static str>,
}

impl Row {
    fn new(mailbox: Mailbox, passwords: &HashMap<i64, String>) -> Self {
        let state = mailbox.state();
        let estado = STATES.iter().find(|(_, known)| *known == state);
        let imap = mailbox.imap.unwrap_or_default();
        let oauth = imap.auth() == MailAuth::Xoauth2;
        let password = match passwords.get(&mailbox.mailbox_id) {
            _ if oauth => String::new(),
            Some(password) => password.clone(),
            None => MASK.to_owned(),
        };
        Self {
            id_cuenta_correo: mailbox.mailbox_id,
            host: imap.host,
            user: imap.user,
            password,
            port: imap.port.to_string(),
            mail_boxes: mailbox.folders,
            departamento: mailbox.department_id,
            estado: estado.map_or("", |(word, _)| word),
            auth: oauth.then_some("xoauth2"),
        }
    }
}

/// POST correo/getConfigCorreos.
pub async fn config(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let mailbox_id = number(&mut check, &exchange.input, "id_cuenta_correo");
    let user = check.field("user").text_if_sent(191);
    let department_id = number(&mut check, &exchange.input, "departamento");
    let estado = check.field("estado").text_if_sent(191);
    check.done()?;
    let state = match &estado {
        None => MailboxState::Unspecified,
        Some(word) => match STATES.iter().find(|(known, _)| known == word) {
            Some((_, state)) => *state,
            // No mailbox is in a state that does not exist.
            None => return Ok(secret(exchange.answer("", &[(); 0]))),
        },
    };

    let asked = ListMailboxesRequest {
        page: Some(PageRequest {
            unpaged: true,
            ..PageRequest::default()
        }),
        mailbox_id,
        user,
        department_id,
        state: state.into(),
        company_id: 0,
    };
    let answer = mailboxes(&exchange)
        .list_mailboxes(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &Wording::GENERAL))?
        .into_inner();
    let passwords = passwords(&exchange, &answer.mailboxes).await?;
    let rows = answer.mailboxes.into_iter();
    let rows: Vec<Row> = rows.map(|mailbox| Row::new(mailbox, &passwords)).collect();
    Ok(secret(exchange.answer("", &rows)))
}

/// The passwords that the caller may see, by mailbox. The service records each of
/// them before it answers it.
async fn passwords(
    exchange: &Exchange,
    mailboxes_shown: &[Mailbox],
) -> Result<HashMap<i64, String>, Failure> {
    let mut passwords = HashMap::new();
    if !exchange.caller.has_scope(CREDENTIALS) {
        return Ok(passwords);
    }
    for some in mailboxes_shown.chunks(DISCLOSED) {
        let asked = GetMailboxCredentialsRequest {
            mailbox_ids: some.iter().map(|mailbox| mailbox.mailbox_id).collect(),
        };
        let answer = mailboxes(exchange)
            .get_mailbox_credentials(exchange.call()?.request(asked))
            .await;
        match answer {
            Ok(answer) => passwords.extend(
                answer
                    .into_inner()
                    .credentials
                    .into_iter()
                    .map(|found| (found.mailbox_id, found.password)),
            ),
            // The client has the right, the user who acts through it has not.
            Err(status) if status.code() == Code::PermissionDenied => break,
            Err(status) => return Err(exchange.refused(&status, &Wording::GENERAL)),
        }
    }
    Ok(passwords)
}

fn mailboxes(exchange: &Exchange) -> MailboxServiceClient<chassis::Upstream> {
    MailboxServiceClient::new(exchange.app.upstreams.mail_ticket.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
}

/// A number that was sent, whatever it is.
fn number(check: &mut Check<'_>, input: &Input, name: &'static str) -> Option<i64> {
    let number = check.field(name).integer(i64::MIN..=i64::MAX);
    input.get(name).map(|_| number)
}

/// What became of a mail. All numbers are text here.
#[derive(Serialize)]
#[expect(non_snake_case, reason = "as the document spells them")]
struct Saved {
    success: bool,
    message: String,
    ticket: String,
    id_detalle_ticket: String,
    notificacion_SLA_Synology: String,
    notificacion_SLA_Correo: String,
    id_departamento_asignado: String,
    id_usuario_asignado: String,
}

impl From<SaveMailResponse> for Saved {
    fn from(saved: SaveMailResponse) -> Self {
        let (ticket, detail) = (saved.ticket_id, saved.detail_id);
        let message = match saved.outcome() {
            MailOutcome::Created => format!("Se ha creado el ticket {ticket}"),
            MailOutcome::Appended => {
                format!("Se ha agregado el detalle {detail} al ticket {ticket}")
            }
            MailOutcome::Ignored | MailOutcome::Unspecified => {
                "Correo automático ignorado".to_owned()
            }
        };
        let synology = saved.synology_notice.unwrap_or_default();
        let mail = saved.mail_notice.unwrap_or_default();
        Self {
            success: true,
            message,
            ticket: id(ticket),
            id_detalle_ticket: id(detail),
            notificacion_SLA_Synology: told(&synology, &format!("a canal {}", synology.target)),
            notificacion_SLA_Correo: told(&mail, "a correo"),
            id_departamento_asignado: id(saved.department_id),
            id_usuario_asignado: id(saved.user_id),
        }
    }
}

/// An id as text; empty when there is none.
fn id(id: i64) -> String {
    if id == 0 {
        String::new()
    } else {
        id.to_string()
    }
}

fn told(notice: &Notice, whom: &str) -> String {
    match notice.state() {
        NoticeState::Sent => format!("Enviada {whom}"),
        NoticeState::Queued => format!("Encolada {whom}"),
        NoticeState::NotIssued | NoticeState::Unspecified => "No emitida".to_owned(),
    }
}

/// POST correo/save.
pub async fn save(exchange: Exchange) -> Result<Response, Failure> {
    let input = &exchange.input;
    let mut check = exchange.check();
    let system = check.field("sistema").required().text(100);
    if !input.names("subject") {
        check.fail("subject", sentence::required(Language::Spanish, "subject"));
    }
    let subject = prose(&mut check, input, "subject");
    for field in ["from", "to", "date"] {
        check.field(field).required();
    }
    let mut asked = SaveMailRequest {
        system,
        subject,
        from: prose(&mut check, input, "from"),
        to: prose(&mut check, input, "to"),
        cc: prose(&mut check, input, "cc"),
        bcc: prose(&mut check, input, "bcc"),
        reply_to: prose(&mut check, input, "reply_to"),
        text: prose(&mut check, input, "body"),
        html: prose(&mut check, input, "html"),
        date: prose(&mut check, input, "date"),
        headers: headers(&mut check, input.get("headers")),
        attachments: attachments(&mut check, input.get("attachments")),
        idempotency_key: String::new(),
    };
    asked.idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let answer = IntakeServiceClient::new(exchange.app.upstreams.mail_ticket.clone())
        .save_mail(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &SAVING))?
        .into_inner();
    Ok(exchange.answer("", &Saved::from(answer)))
}

/// Text as somebody else wrote it, of any length and with any character.
fn prose(check: &mut Check<'_>, input: &Input, name: &str) -> String {
    match input.get(name) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => {
            check.fail(name, sentence::not_text(Language::Spanish, name));
            String::new()
        }
    }
}

/// Header fields: an object of texts, or of lists of texts.
fn headers(check: &mut Check<'_>, sent: Option<&Value>) -> Vec<MailHeader> {
    let fields = match sent {
        None => return Vec::new(),
        // How the framework's own clients send an empty object.
        Some(Value::Array(list)) if list.is_empty() => return Vec::new(),
        Some(Value::Object(fields)) if fields.len() <= MOST_HEADERS => fields,
        Some(Value::Object(_)) => {
            check.fail("headers", sentence::invalid(Language::Spanish, "headers"));
            return Vec::new();
        }
        Some(_) => {
            check.fail(
                "headers",
                sentence::not_object(Language::Spanish, "headers"),
            );
            return Vec::new();
        }
    };
    let mut read = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        if let Some(values) = header_values(value) {
            let name = name.clone();
            read.push(MailHeader { name, values });
        } else {
            let field = format!("headers.{name}");
            check.fail(&field, sentence::not_text(Language::Spanish, &field));
        }
    }
    read
}

fn header_values(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(on) => Some(vec![on.to_string()]),
        Value::Array(list) => list
            .iter()
            .map(|item| match item {
                Value::Array(_) | Value::Object(_) => None,
                item => header_values(item),
            })
            .collect::<Option<Vec<_>>>()
            .map(|lists| lists.concat()),
        Value::Object(_) => None,
    }
}

/// Files: a list of objects; a form numbers them.
fn attachments(check: &mut Check<'_>, sent: Option<&Value>) -> Vec<MailAttachment> {
    let files: Vec<&Value> = match sent {
        None => return Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(numbered)) => numbered.values().collect(),
        Some(_) => {
            let wrong = sentence::invalid(Language::Spanish, "attachments");
            check.fail("attachments", wrong);
            return Vec::new();
        }
    };
    let mut text = |nth: usize, file: &Value, key: &str| {
        let field = format!("attachments.{nth}.{key}");
        match file.get(key) {
            Some(Value::String(text)) => return text.clone(),
            None | Some(Value::Null) => {
                check.fail(&field, sentence::required(Language::Spanish, &field));
            }
            Some(_) => check.fail(&field, sentence::not_text(Language::Spanish, &field)),
        }
        String::new()
    };
    let numbered = files.into_iter().enumerate();
    numbered
        .map(|(nth, file)| MailAttachment {
            name: text(nth, file, "name"),
            route: text(nth, file, "route"),
            r#type: text(nth, file, "type"),
        })
        .collect()
}
