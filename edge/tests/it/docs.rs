//! The description of the API and the page that shows it.

use std::{path::Path, process::Command};

use edge::table::operations;
use http::StatusCode;
use serde_json::Value;

use crate::harness::{Edge, request};

/// What the program that writes the description prints.
fn written(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_openapi"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_checked_in_description_is_that_of_the_table() {
    let advice = "run `make openapi` and commit what it changes";
    assert!(
        written(&[]) == include_str!("../../openapi.json"),
        "{advice}"
    );
    assert!(
        written(&["postman"]) == include_str!("../../postman.json"),
        "{advice}"
    );
}

#[tokio::test]
async fn the_description_names_every_operation_with_its_credentials() {
    let answer = Edge::new()
        .send(request("GET", "/openapi.json").build())
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    for row in operations() {
        let path = row.path.replace("{id?}", "{id}");
        let method = &document["paths"][&path][row.verb.name().to_lowercase()];
        assert!(method["responses"].is_object(), "{} is missing", row.id());
        let public = method["security"] == Value::Array(Vec::new());
        let wanted = row.credentials == edge::table::Credentials::Public;
        assert_eq!(public, wanted, "{}", row.id());
    }
}

#[tokio::test]
async fn the_page_and_all_it_loads_come_from_here() {
    let edge = Edge::new();
    for path in ["/", "/docs"] {
        let answer = edge.send(request("GET", path).build()).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT);
        assert_eq!(answer.header("location"), "/docs/");
    }
    let page = edge.send(request("GET", "/docs/").build()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("'self'"));
    let mut loaded = 0;
    for marker in ["src=\"", "href=\""] {
        for part in page.text.split(marker).skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(!name.contains("//"), "{name} is loaded from elsewhere");
            let name = name.trim_start_matches("./");
            if Path::new(name)
                .extension()
                .is_some_and(|kind| kind == "png")
            {
                continue;
            }
            let file = edge
                .send(request("GET", &format!("/docs/{name}")).build())
                .await;
            assert_eq!(file.status, StatusCode::OK, "{name}");
            loaded += 1;
        }
    }
    assert!(loaded >= 4, "only {loaded} files");
    let unknown = edge.send(request("GET", "/docs/nothing.js").build()).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
