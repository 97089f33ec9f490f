//! Real payloads of providers; where each comes from and under which licence is
//! in `samples/webhooks/MANIFEST.tsv`.

use std::path::{Path, PathBuf};

/// The folder of webhook samples of one kind: `whatsapp` or `telegram`.
pub fn webhooks(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples/webhooks")
        .join(kind)
}
