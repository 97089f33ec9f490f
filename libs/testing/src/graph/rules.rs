//! Decides whether Graph would take the body of `POST /{phone_number_id}/messages`.

use serde_json::{Map, Value};

use super::{error::GraphError, node::Node};

type Result<T> = std::result::Result<T, GraphError>;

const TEXT: usize = 4096;
const CAPTION: usize = 1024;
const OPAQUE: usize = 512;
/// Where Meta states no limit of its own.
const ANY: usize = usize::MAX;

const TYPES: [&str; 11] = [
    "audio",
    "contacts",
    "document",
    "image",
    "interactive",
    "location",
    "reaction",
    "sticker",
    "template",
    "text",
    "video",
];

/// A body that passed.
#[derive(Debug)]
pub(super) enum Call {
    /// Send a message.
    Send {
        recipient: Recipient,
        opaque: Option<String>,
    },
    /// Mark a message of the customer as read.
    Read { message_id: String, typing: bool },
}

/// Whom a message goes to.
#[derive(Debug)]
pub(super) enum Recipient {
    /// A phone number: as it was given, and its digits.
    Phone { input: String, wa_id: String },
    /// A business-scoped user id.
    User(String),
}

impl Recipient {
    /// As the request named it.
    pub(super) fn input(&self) -> &str {
        match self {
            Self::Phone { input, .. } => input,
            Self::User(id) => id,
        }
    }

    /// As WhatsApp names it.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Phone { wa_id, .. } => wa_id,
            Self::User(id) => id,
        }
    }
}

/// Checks `body`; `uploaded` says whether this number has a media of that id.
pub(super) fn examine(body: &Map<String, Value>, uploaded: &dyn Fn(&str) -> bool) -> Result<Call> {
    let body = Node::root(body);
    let product = body.text("messaging_product", ANY)?;
    body.one_of("messaging_product", product, &["whatsapp"])?;
    if body.get("status").is_some() {
        return examine_read(&body);
    }
    if let Some(kind) = body.optional_text("recipient_type", ANY)? {
        body.one_of("recipient_type", kind, &["individual", "group"])?;
    }
    let recipient = examine_recipient(&body)?;
    let opaque = body
        .optional_text("biz_opaque_callback_data", OPAQUE)?
        .map(str::to_owned);
    if let Some(context) = body.optional_object("context")? {
        context.text("message_id", ANY)?;
    }
    examine_content(&body, uploaded)?;
    Ok(Call::Send { recipient, opaque })
}

fn examine_read(body: &Node<'_>) -> Result<Call> {
    body.one_of("status", body.text("status", ANY)?, &["read"])?;
    let message_id = body.text("message_id", ANY)?;
    if !message_id.starts_with("wamid.") {
        return Err(GraphError::unusable(
            "message_id is not the id of a message",
        ));
    }
    let typing = body.optional_object("typing_indicator")?;
    if let Some(typing) = &typing {
        typing.one_of("type", typing.text("type", ANY)?, &["text"])?;
    }
    Ok(Call::Read {
        message_id: message_id.to_owned(),
        typing: typing.is_some(),
    })
}

fn examine_recipient(body: &Node<'_>) -> Result<Recipient> {
    match (body.get("to").is_some(), body.get("recipient").is_some()) {
        (false, false) => Err(GraphError::missing("to")),
        (true, true) => Err(GraphError::invalid("Give either to or recipient, not both")),
        (true, false) => phone(body.text("to", ANY)?),
        (false, true) => user(body.text("recipient", ANY)?),
    }
}

/// Graph forgives a plus and the usual separators, nothing else.
fn phone(input: &str) -> Result<Recipient> {
    let rest = input.strip_prefix('+').unwrap_or(input);
    let wa_id: String = rest
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '(' | ')'))
        .collect();
    let digits = wa_id.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !(5..=15).contains(&wa_id.len()) {
        return Err(GraphError::unusable(format!(
            "'{input}' is not a phone number"
        )));
    }
    Ok(Recipient::Phone {
        input: input.to_owned(),
        wa_id,
    })
}

/// Two letters of a country, perhaps `ENT`, and up to 128 letters and digits.
fn user(input: &str) -> Result<Recipient> {
    let scoped = input.split_once('.').filter(|(country, _)| {
        country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())
    });
    let id = scoped.map_or("", |(_, id)| id.strip_prefix("ENT.").unwrap_or(id));
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !(1..=128).contains(&id.len()) {
        let complaint = format!("'{input}' is not a business-scoped user id");
        return Err(GraphError::unusable(complaint));
    }
    Ok(Recipient::User(input.to_owned()))
}

fn examine_content(body: &Node<'_>, uploaded: &dyn Fn(&str) -> bool) -> Result<()> {
    let kind = body.optional_text("type", ANY)?.unwrap_or("text");
    body.one_of("type", kind, &TYPES)?;
    match kind {
        "text" => text(body),
        "image" | "video" => media(body, kind, &["id", "link", "caption"], uploaded),
        "document" => media(body, kind, &["id", "link", "caption", "filename"], uploaded),
        "audio" => media(body, kind, &["id", "link", "voice"], uploaded),
        "sticker" => media(body, kind, &["id", "link"], uploaded),
        "location" => location(body),
        "contacts" => contacts(body),
        "reaction" => reaction(body),
        "template" => template(body),
        _ => interactive(body),
    }
}

/// The object is looked up by what it must hold, as Graph does: without `text` it misses
/// `text['body']`.
fn text(body: &Node<'_>) -> Result<()> {
    let Some(text) = body.optional_object("text")? else {
        return Err(GraphError::missing("text['body']"));
    };
    text.only(&["body", "preview_url"])?;
    text.optional_bool("preview_url")?;
    text.text("body", TEXT)?;
    Ok(())
}

fn media(
    body: &Node<'_>,
    kind: &str,
    expected: &[&str],
    uploaded: &dyn Fn(&str) -> bool,
) -> Result<()> {
    let media = body.object(kind)?;
    media.only(expected)?;
    media.optional_text("caption", CAPTION)?;
    media.optional_text("filename", ANY)?;
    media.optional_bool("voice")?;
    match (
        media.optional_text("id", ANY)?,
        media.optional_text("link", ANY)?,
    ) {
        (Some(_), Some(_)) => Err(GraphError::invalid(format!(
            "Give either {kind}['id'] or {kind}['link']"
        ))),
        (None, None) => Err(GraphError::missing(&media.name("id"))),
        (Some(id), None) if uploaded(id) => Ok(()),
        (Some(id), None) => Err(GraphError::parameter(&format!(
            "Param {} must be a valid WhatsApp business account media attachment ID.",
            media.name("id")
        ))
        .details(format!("{id} was not uploaded for this phone number"))),
        (None, Some(link)) if link.starts_with("http://") || link.starts_with("https://") => Ok(()),
        (None, Some(_)) => Err(GraphError::parameter(&format!(
            "Param {} is not a valid URI.",
            media.name("link")
        ))),
    }
}

fn location(body: &Node<'_>) -> Result<()> {
    let location = body.object("location")?;
    location.only(&["latitude", "longitude", "name", "address"])?;
    location.coordinate("latitude", 90.0)?;
    location.coordinate("longitude", 180.0)?;
    location.optional_text("name", ANY)?;
    location.optional_text("address", ANY)?;
    Ok(())
}

fn contacts(body: &Node<'_>) -> Result<()> {
    for contact in body.list("contacts", 257)? {
        contact.object("name")?.text("formatted_name", ANY)?;
    }
    Ok(())
}

fn reaction(body: &Node<'_>) -> Result<()> {
    let reaction = body.object("reaction")?;
    reaction.only(&["message_id", "emoji"])?;
    reaction.text("message_id", ANY)?;
    // An empty emoji takes the reaction back, but the parameter has to be there.
    match reaction.optional_text("emoji", ANY)? {
        Some(_) => Ok(()),
        None => Err(GraphError::missing(&reaction.name("emoji"))),
    }
}

fn template(body: &Node<'_>) -> Result<()> {
    let template = body.object("template")?;
    template.only(&["name", "language", "components", "namespace"])?;
    template.text("name", 512)?;
    template.object("language")?.text("code", ANY)?;
    if template
        .get("components")
        .is_some_and(|components| !components.is_array())
    {
        return Err(GraphError::parameter(
            "Param template['components'] must be an array.",
        ));
    }
    Ok(())
}

fn interactive(body: &Node<'_>) -> Result<()> {
    let interactive = body.object("interactive")?;
    let kind = interactive.text("type", ANY)?;
    let action = interactive.object("action")?;
    if let Some(footer) = interactive.optional_object("footer")? {
        footer.text("text", 60)?;
    }
    match kind {
        "button" => {
            interactive.object("body")?.text("text", CAPTION)?;
            buttons(&action)
        }
        "list" => {
            interactive.object("body")?.text("text", TEXT)?;
            rows(&action)
        }
        // The kinds below are taken as they come: nothing here sends them yet.
        _ => interactive.one_of(
            "type",
            kind,
            &[
                "cta_url",
                "flow",
                "location_request_message",
                "product",
                "product_list",
                "catalog_message",
            ],
        ),
    }
}

fn buttons(action: &Node<'_>) -> Result<()> {
    let mut ids = Vec::new();
    for button in action.list("buttons", 3)? {
        button.one_of("type", button.text("type", ANY)?, &["reply"])?;
        let reply = button.object("reply")?;
        reply.text("title", 20)?;
        ids.push(reply.text("id", 256)?);
    }
    distinct(&ids)
}

fn rows(action: &Node<'_>) -> Result<()> {
    action.text("button", 20)?;
    let sections = action.list("sections", 10)?;
    let mut ids = Vec::new();
    for section in &sections {
        if sections.len() > 1 {
            section.text("title", 24)?;
        }
        for row in section.list("rows", 10)? {
            row.text("title", 24)?;
            row.optional_text("description", 72)?;
            ids.push(row.text("id", 200)?);
        }
    }
    if ids.len() > 10 {
        return Err(GraphError::unusable(
            "A list has at most 10 rows over all its sections",
        ));
    }
    distinct(&ids)
}

fn distinct(ids: &[&str]) -> Result<()> {
    for (index, id) in ids.iter().enumerate() {
        if ids[..index].contains(id) {
            return Err(GraphError::unusable(format!("The id '{id}' is used twice")));
        }
    }
    Ok(())
}
