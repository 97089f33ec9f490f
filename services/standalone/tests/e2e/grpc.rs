//! gRPC called directly, by the Python client that people have.

use std::{path::Path, process::Command};

use crate::world::{Mode, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_finds_and_calls_the_services() {
    let world = World::start(Mode::Apart).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("target/venv/bin/python"))
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/e2e/grpc_client.py"
        ))
        .arg(world.grpc_port("identity").to_string())
        .arg(world.grpc_port("tenancy-admin").to_string())
        .args(["mail-ticket", "secret-of-mail-ticket"])
        .output()
        .expect("target/venv is there; `make tools` makes it");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].contains("atencion.tenancy.v1.CompanyService"),
        "{said}"
    );
    assert_eq!(lines[1], "health: SERVING");
    assert_eq!(lines[2], "without token: UNAUTHENTICATED");
    assert_eq!(lines[3], "with token: Empresa Demo");
}
