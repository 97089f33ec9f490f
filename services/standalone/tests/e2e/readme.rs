//! The commands of the README's first five minutes, run as they stand there.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::world::{META_SECRET, Mode, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_five_minutes_work() {
    let world = World::start(Mode::Together).await;
    world
        .graph
        .register_number("106540352242922", "graph-token");
    let script = commands()
        .replace("http://127.0.0.1:8080", &world.url())
        .replace("http://127.0.0.1:9101", &world.graph.base_url())
        .replace("demo-app-secret", META_SECRET);
    let output = tokio::task::spawn_blocking(move || {
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .output()
            .unwrap()
    })
    .await
    .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let delivered = world.graph.sent();
    assert_eq!(delivered.len(), 1, "{said}\n{errors}");
    assert_eq!(delivered[0].body["text"]["body"], "Con gusto, cuénteme");
    // The last command shows what reached the provider.
    let last = said.lines().last().expect("the commands print something");
    let shown: Value = serde_json::from_str(last).expect("the provider's answer is JSON");
    assert!(shown.to_string().contains("Con gusto"), "{last}");
}

/// The fenced `bash` blocks of the section, in order.
fn commands() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let section = readme
        .split("## First five minutes")
        .nth(1)
        .expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<&str> = section
        .split("```bash\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() > 3, "the blocks are missing");
    blocks.concat()
}
