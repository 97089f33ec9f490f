//! The ids of chats and messages as the documents write them.

/// `chat-123`.
pub fn chat(id: i64) -> String {
    format!("chat-{id}")
}

/// `msg-123`.
pub fn message(id: i64) -> String {
    format!("msg-{id}")
}

/// The number of `chat-123`; none for everything that [`chat`] never writes.
pub fn read_chat(text: &str) -> Option<i64> {
    number(text, "chat-")
}

/// The number of `msg-123`.
pub fn read_message(text: &str) -> Option<i64> {
    number(text, "msg-")
}

fn number(text: &str, prefix: &str) -> Option<i64> {
    let digits = text.strip_prefix(prefix)?;
    let id: i64 = digits.parse().ok()?;
    (id > 0 && id.to_string() == digits).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        assert_eq!(read_chat(&chat(7)), Some(7));
        assert_eq!(read_message("msg-12"), Some(12));
        for wrong in [
            "7", "chat-", "chat-07", "chat-+7", "chat--7", "chat-0", "msg-7 ",
        ] {
            assert_eq!(read_chat(wrong), None, "{wrong}");
        }
    }
}
