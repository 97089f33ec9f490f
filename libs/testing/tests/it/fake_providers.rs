//! The binary that runs both doubles as a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::json;

use crate::client::{answer, http};

fn fake_providers(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-providers"));
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Ends the process with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn both_doubles_can_run_in_a_process_of_their_own() {
    let arguments = [
        "--graph=127.0.0.1:0",
        "--telegram=127.0.0.1:0",
        "--number=106=EAAtoken",
        "--bot=5:secret",
        "--allow-any-webhook-url",
    ];
    let mut running = Running(fake_providers(&arguments).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut base_url = |name: &str| {
        let line = lines.next().unwrap().unwrap();
        line.strip_prefix(name).unwrap().trim().to_owned()
    };
    let (graph, telegram) = (base_url("graph"), base_url("telegram"));

    let message = json!({
        "messaging_product": "whatsapp",
        "to": "50688887777",
        "type": "text",
        "text": {"body": "hola"},
    });
    let send = http()
        .post(format!("{graph}/v23.0/106/messages"))
        .bearer_auth("EAAtoken");
    assert_eq!(answer(send.json(&message)).await.0, 200);
    let (_, taken) = answer(http().get(format!("{graph}/_sent"))).await;
    assert_eq!(taken[0]["body"], message);

    let call = |method: &str| http().get(format!("{telegram}/bot5:secret/{method}"));
    assert_eq!(answer(call("sendMessage?chat_id=1&text=hola")).await.0, 200);
    assert_eq!(
        answer(call("setWebhook?url=http://127.0.0.1:9/hook"))
            .await
            .0,
        200
    );
    let (_, taken) = answer(http().get(format!("{telegram}/_sent"))).await;
    assert_eq!(taken[0]["body"]["text"], "hola");
}

#[test]
fn bad_arguments_are_refused_with_a_reason() {
    let cases: [(&[&str], &str); 5] = [
        (&[], "give --graph or --telegram"),
        (&["--graph=127.0.0.1"], "invalid socket address"),
        (
            &["--graph=127.0.0.1:0", "--number=106"],
            "expected ID=TOKEN",
        ),
        (
            &["--telegram=127.0.0.1:0", "--bot=secret"],
            "a bot's token looks like",
        ),
        (
            &["--telegram=192.0.2.1:9"],
            "Telegram cannot listen on 192.0.2.1:9",
        ),
    ];
    for (arguments, complaint) in cases {
        let output = fake_providers(arguments).output().unwrap();

        assert!(!output.status.success(), "{arguments:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(complaint), "{arguments:?} said {stderr}");
    }
}
