-- News of messages is dropped after 90 days; this finds what is that old.
CREATE INDEX message_status_event_received_at
ON conversation.message_status_event (received_at);
