//! The OpenAPI 3.1 document.

use std::collections::BTreeMap;

use edge::table::{Credentials, LONGEST_KEY, Operation, Verb};
use serde_json::{Map, Value, json};

use crate::{
    contract::{Contract, Parameter, Written},
    schema,
};

/// The statuses that every operation with a caller may refuse with, and why.
const REFUSALS: [(u16, &str); 9] = [
    (401, "Credenciales ausentes o incorrectas."),
    (403, "La operacion no corresponde al rol o a la empresa."),
    (404, "No existe, o no existe para quien llama."),
    (409, "En conflicto con lo que ya existe."),
    (413, "El cuerpo es demasiado grande."),
    (422, "Los datos no son validos."),
    (
        429,
        "Demasiadas solicitudes; Retry-After dice cuanto esperar.",
    ),
    (503, "Una parte del sistema no responde; se puede repetir."),
    (504, "Una parte del sistema no respondio a tiempo."),
];

/// The whole document.
pub fn of(contract: &Contract) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut tags = BTreeMap::new();
    for (operation, description) in &contract.operations {
        let group = &description.group;
        let about = contract.groups.get(group);
        tags.insert(group, json!({"name": group, "description": about}));
        for path in paths_of(operation) {
            let verb = operation.verb.name().to_lowercase();
            let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
            item[verb] = method(operation, description, &path);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Atencion",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Atencion Profesional y Atencion de Incidencias.",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": tags.into_values().collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "consumo": {"type": "apiKey", "in": "header", "name": "X-User-Consumo"},
                "secret": {"type": "apiKey", "in": "header", "name": "X-User-Secret"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": {"Rechazo": refusal()},
            "responses": refusals(),
        },
    })
}

/// A parameter that may be left out makes two paths of one row.
pub fn paths_of(operation: &Operation) -> Vec<String> {
    match operation.path.split_once("/{id?}") {
        Some((short, _)) => vec![short.to_owned(), format!("{short}/{{id}}")],
        None => vec![operation.path.to_owned()],
    }
}

fn method(operation: &Operation, description: &Written, path: &str) -> Value {
    let mut method = json!({
        "operationId": operation_id(operation.verb, path),
        "tags": [description.group],
        "summary": description.title.as_deref().unwrap_or(operation.path),
        "security": security(operation.credentials),
        "responses": responses(operation, description),
    });
    if let Some(text) = &description.description {
        method["description"] = text.as_str().into();
    }
    let parameters = parameters(operation, description, path);
    if !parameters.is_empty() {
        method["parameters"] = parameters.into();
    }
    if let Some(body) = request_body(operation, description) {
        method["requestBody"] = body;
    }
    method
}

fn operation_id(verb: Verb, path: &str) -> String {
    let words = path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.fold(verb.name().to_lowercase(), |id, word| {
        format!("{id}_{word}")
    })
}

fn security(credentials: Credentials) -> Value {
    let client = json!({"consumo": [], "secret": []});
    let both = json!({"consumo": [], "secret": [], "bearer": []});
    match credentials {
        Credentials::Public => json!([]),
        Credentials::SignIn => json!([client]),
        Credentials::Client | Credentials::Legacy => json!([client, both]),
        Credentials::ClientAndUser => json!([both]),
        Credentials::Bearer => json!([{"bearer": []}]),
    }
}

/// Those of the path and the query; where a method has no body, its fields come in
/// the query.
fn parameters(operation: &Operation, description: &Written, path: &str) -> Vec<Value> {
    let in_path = description
        .url_params
        .iter()
        .filter(|parameter| path.contains(&format!("{{{}}}", parameter.name)))
        .map(|parameter| parameter_in("path", parameter));
    let mut seen: Vec<&str> = Vec::new();
    let bodiless = has_no_body(operation.verb);
    let fields = bodiless
        .then_some(&description.body_params)
        .into_iter()
        .flatten();
    let in_query = description
        .query_params
        .iter()
        .chain(fields)
        .filter(|parameter| !parameter.name.contains('.'))
        .filter(|parameter| !path.contains(&format!("{{{}}}", parameter.name)))
        .filter(|parameter| {
            let first = !seen.contains(&parameter.name.as_str());
            seen.push(&parameter.name);
            first
        })
        .map(|parameter| parameter_in("query", parameter));
    let key = operation.repeatable.then(key);
    in_path.chain(in_query).chain(key).collect()
}

/// The header that makes a repetition harmless.
fn key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
        "description": "Con la misma clave y el mismo contenido, durante 48 horas, la \
                        operacion no se repite y se responde lo mismo que la primera vez; \
                        con otro contenido, 409.",
    })
}

fn parameter_in(place: &str, parameter: &Parameter) -> Value {
    let mut schema = schema::of_parameter(parameter);
    let description = schema
        .as_object_mut()
        .and_then(|schema| schema.remove("description"));
    let mut told = json!({
        "name": parameter.name,
        "in": place,
        "required": place == "path" || !parameter.optional,
        "schema": schema,
    });
    if let Some(text) = description {
        told["description"] = text;
    }
    if let Some(example) = &parameter.example {
        told["example"] = schema::fitted(example, &told["schema"]);
    }
    told
}

fn has_no_body(verb: Verb) -> bool {
    matches!(verb, Verb::Get | Verb::Delete)
}

fn request_body(operation: &Operation, description: &Written) -> Option<Value> {
    if has_no_body(operation.verb) {
        return None;
    }
    if operation.raw_body {
        return Some(json!({"content": {"application/json": {"schema": {"type": "object"}}}}));
    }
    if description.body_params.is_empty() {
        return None;
    }
    let schema = schema::of_fields(&description.body_params);
    let mut json_body = json!({"schema": schema});
    if description.request_example.is_object() {
        json_body["example"] = schema::fitted(&description.request_example, &schema);
    }
    let mut content = json!({"application/json": json_body});
    if description.content_type.as_deref() == Some("multipart/form-data") {
        content["multipart/form-data"] = json!({"schema": schema});
    }
    let required = description.body_params.iter().any(|field| !field.optional);
    Some(json!({"required": required, "content": content}))
}

fn responses(operation: &Operation, description: &Written) -> Value {
    let mut responses: BTreeMap<u16, Value> = BTreeMap::new();
    for (status, _) in REFUSALS {
        let shared = format!("#/components/responses/{status}");
        responses.insert(status, json!({"$ref": shared}));
    }
    let mut statuses: Vec<u16> = description
        .responses
        .iter()
        .map(|answer| answer.status)
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let bodies = description
            .responses
            .iter()
            .filter(|answer| answer.status == status);
        let bodies: Vec<&Value> = bodies.map(|answer| &answer.body).collect();
        responses.insert(status, response(operation, status, &bodies));
    }
    if let (true, Some(conflict)) = (operation.repeatable, responses.get_mut(&409)) {
        reused(conflict);
    }
    let named = responses
        .into_iter()
        .map(|(status, response)| (status.to_string(), response));
    Value::Object(named.collect())
}

/// Shows, beside what is documented, what a key hears that came with another content.
fn reused(conflict: &mut Value) {
    let example = json!({"value": {
        "data": [],
        "status": "error",
        "message": "La clave de idempotencia ya se uso con otro contenido.",
        "code": 409,
        "id_bitacora_log": 123,
    }});
    if conflict.get("$ref").is_some() {
        let refusal = json!({"$ref": "#/components/schemas/Rechazo"});
        *conflict = json!({
            "description": "En conflicto con lo que ya existe.",
            "content": {"application/json": {"schema": refusal, "examples": {}}},
        });
    }
    conflict["content"]["application/json"]["examples"]["claveReutilizada"] = example;
}

fn response(operation: &Operation, status: u16, bodies: &[&Value]) -> Value {
    let description = if status < 300 {
        "Respuesta."
    } else {
        "Rechazo."
    };
    // Text instead of an object names the media type of another answer than JSON.
    let media = bodies.iter().find_map(|body| body.as_str());
    if status < 300 && (media.is_some() || is_file(operation)) {
        let media = media.filter(|media| *media != "binary").unwrap_or("*/*");
        return json!({"description": description, "content": {media: {}}});
    }
    let told = schema::of_examples(bodies);
    let refusal = json!({"$ref": "#/components/schemas/Rechazo"});
    let schema = if status < 400 {
        told
    } else {
        json!({"anyOf": [told, refusal]})
    };
    let examples: Map<String, Value> = bodies
        .iter()
        .enumerate()
        .map(|(nth, body)| (format!("documentado{}", nth + 1), json!({"value": body})))
        .collect();
    json!({
        "description": description,
        "content": {"application/json": {"schema": schema, "examples": examples}},
    })
}

/// Operations that answer the bytes of a file.
fn is_file(operation: &Operation) -> bool {
    operation.path.ends_with("/getMediaFile") || operation.path.contains("/showUserPic/")
}

fn refusals() -> Value {
    let responses = REFUSALS.map(|(status, why)| {
        let schema = json!({"$ref": "#/components/schemas/Rechazo"});
        let content = json!({"application/json": {"schema": schema}});
        let response = json!({"description": why, "content": content});
        (status.to_string(), response)
    });
    Value::Object(responses.into_iter().collect())
}

/// The shapes of refusals that the documents show, and those of the router.
fn refusal() -> Value {
    let text = json!({"type": "string"});
    json!({"anyOf": [
        {
            "type": "object",
            "required": ["status", "message"],
            "properties": {
                "data": {},
                "status": {"const": "error"},
                "message": text,
                "code": {"type": "integer"},
                "id_bitacora_log": {"type": ["integer", "string"]},
            },
        },
        {"type": "object", "required": ["message"], "properties": {"message": text}},
        {
            "type": "object",
            "required": ["error", "code"],
            "properties": {"error": text, "code": {"type": "integer"}},
        },
    ]})
}
