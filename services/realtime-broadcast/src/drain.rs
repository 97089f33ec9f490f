//! The end of a process: its clients are sent away one after the other, so that
//! they do not all come to the next one at once.

use std::{sync::Arc, time::Duration};

use chassis::Stop;

use crate::hub::{Close, Hub};

/// How many times in the window clients are sent away.
const STEPS: u32 = 20;

/// How long the last clients have to take their leave.
const FAREWELL: Duration = Duration::from_secs(6);

/// Waits for the stop, closes all sockets within `window`, and requests `gone`
/// once none is left.
pub async fn run(hub: Arc<Hub>, window: Duration, stop: Stop, gone: Stop) -> anyhow::Result<()> {
    stop.requested().await;
    let sockets = hub.sockets();
    let share = sockets.len().div_ceil(STEPS as usize).max(1);
    // The order is that of a hash map, so neighbours in time are not neighbours
    // here.
    for some in sockets.chunks(share) {
        for socket in some {
            socket.mailbox.close(Close::DRAIN);
        }
        tokio::time::sleep(window / STEPS).await;
    }
    let all_gone = async {
        while !hub.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Whoever does not go is cut off with the process.
    let _ = tokio::time::timeout(FAREWELL, all_gone).await;
    gone.request();
    Ok(())
}
