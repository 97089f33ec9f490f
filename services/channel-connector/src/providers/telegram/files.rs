//! Fetching what a guest has sent: `getFile` tells a path, the path gives the
//! file. The bot's token is part of its address.

use serde_json::json;

use super::TelegramApi;
use crate::{
    channels::Credentials,
    providers::{
        CallError, Download, Missed,
        files::{check_size, is_plain_id},
    },
};

impl TelegramApi {
    /// Asks for a file by its `file_id`. Paths live an hour, so each attempt asks for a new one.
    pub(crate) async fn open_file(
        &self,
        via: &Credentials,
        id: &str,
        largest: u64,
    ) -> Result<Download, Missed> {
        let Some(token) = &via.app else {
            return Err(Missed::Unauthorized("the channel has no token".into()));
        };
        if !is_plain_id(id) {
            return Err(Missed::Gone("the id of the file is none".into()));
        }
        let file = self
            .call(token, "getFile", &json!({ "file_id": id }))
            .await
            .map_err(judge)?;
        check_size(file["file_size"].as_u64(), largest)?;
        let path = file["file_path"].as_str().unwrap_or_default();
        if !is_plain_path(path) {
            return Err(Missed::later("the answer names no path"));
        }
        let address = format!("{}/file/bot{}/{path}", self.base_url, token.expose());
        Download::open(self.http.get(address), None, largest).await
    }
}

/// A path that stays where it is put: no `..`, no query, no other host.
fn is_plain_path(path: &str) -> bool {
    (1..=512).contains(&path.len())
        && path.split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        })
}

fn judge(error: CallError) -> Missed {
    let CallError::Refused {
        status,
        description,
        retry_after,
    } = error
    else {
        return Missed::later(error.to_string());
    };
    match status {
        401 | 404 => Missed::Unauthorized(description),
        // "wrong file_id or the file is temporarily unavailable" says both at once.
        400 if description.contains("temporarily") => Missed::later(description),
        400 | 403 => Missed::Gone(description),
        _ => Missed::Later {
            why: format!("{status} {description}"),
            wait: retry_after,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_bot() {
        assert!(is_plain_path("documents/file_1.pdf"));
        assert!(is_plain_path("photos/file_0"));
        for path in [
            "",
            "/a",
            "a//b",
            "../getMe",
            "a/../../x",
            "a?b",
            "a#b",
            "a%2e%2e",
            "@evil",
            "a b",
            "a\\b",
        ] {
            assert!(!is_plain_path(path), "{path}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let refused = |status, description: &str| {
            judge(CallError::Refused {
                status,
                description: description.into(),
                retry_after: None,
            })
        };
        let too_big = refused(400, "Bad Request: file is too big");
        assert!(matches!(too_big, Missed::Gone(_)));
        let both = "Bad Request: wrong file_id or the file is temporarily unavailable";
        assert!(matches!(refused(400, both), Missed::Later { .. }));
        assert!(matches!(refused(401, ""), Missed::Unauthorized(_)));
        assert!(matches!(refused(502, ""), Missed::Later { .. }));
        let unreached = judge(CallError::NotSent("connect".into()));
        assert!(matches!(unreached, Missed::Later { .. }));
    }
}
