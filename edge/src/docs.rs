//! A page that lists what the API offers, for people; it loads nothing from
//! elsewhere.

use std::{fmt::Write, sync::Arc};

use axum::response::Response;

use crate::{
    envelope,
    routes::NOT_SERVED_YET,
    table::{Credentials, Operation, operations},
};

const HEAD: &str = "<!doctype html>
<html lang=\"es\"><head><meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>API</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #ccc;padding:.25rem .5rem;text-align:left}
code{font-size:.95em}
.off{color:#777}
</style></head><body>
<h1>Operaciones</h1>
<p>Credenciales: <b>C</b> = encabezados X-User-Consumo y X-User-Secret,
<b>B</b> = Authorization: Bearer.</p>
<table><thead><tr><th>Metodo</th><th>Ruta</th><th>Credenciales</th><th>Estado</th></tr></thead><tbody>
";

/// The page, made once from the table.
pub fn page() -> Arc<str> {
    let mut page = HEAD.to_owned();
    for operation in operations() {
        row(&mut page, operation);
    }
    page.push_str("</tbody></table></body></html>\n");
    page.into()
}

fn row(page: &mut String, operation: &Operation) {
    let who = match operation.credentials {
        Credentials::Public => "ninguna",
        Credentials::Client | Credentials::SignIn | Credentials::Legacy => "C",
        Credentials::ClientAndUser => "C + B",
        Credentials::Bearer => "B",
    };
    let (class, state) = if NOT_SERVED_YET.contains(&operation.id().as_str()) {
        ("off", "pendiente")
    } else if operation.addition {
        ("on", "adicional")
    } else {
        ("on", "disponible")
    };
    // Writing to a string does not fail.
    let _ = writeln!(
        page,
        "<tr class=\"{class}\"><td>{}</td><td><code>{}</code></td><td>{who}</td><td>{state}</td></tr>",
        operation.verb.name(),
        operation.path,
    );
}

/// Answers the page.
pub fn show(page: &str) -> Response {
    envelope::html(page.to_owned())
}
