//! What a person sees after the start.

use std::net::SocketAddr;

/// Says where everything is and how to stop.
pub(crate) fn print(address: SocketAddr, with_demo: bool) {
    println!("\nServing on http://{address}");
    println!("  documentation  http://{address}/docs");
    println!("  sockets        ws://{address}/app/<key>");
    if with_demo {
        println!("  API client     X-User-Consumo: UsuarioPrueba");
        println!("                 X-User-Secret:  strDasdakdmsadsakming");
        println!("  agent          agente1@atencion.test   password Secret123");
        println!("  admin          admin@atencion.test     password Secret123");
        println!("  realtime key   atencion");
    }
    println!("Ctrl+C stops everything; the data stays.\n");
}

/// Asks the system that serves at `address` whether it is ready.
pub(crate) async fn health(address: SocketAddr) -> anyhow::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LIMIT: std::time::Duration = std::time::Duration::from_secs(3);
    let ask = async {
        let mut connection = tokio::net::TcpStream::connect(address).await?;
        let request =
            format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        connection.take(64 * 1024).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    let ready = tokio::time::timeout(LIMIT, ask)
        .await
        .map_err(|_| anyhow::anyhow!("nothing answers on {address} in time"))?
        .map_err(|error| anyhow::anyhow!("nothing answers on {address}: {error}"))?;
    anyhow::ensure!(ready, "the system is up and not ready");
    Ok(())
}
