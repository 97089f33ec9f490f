-- Messages to send, each once for each request of conversation.

CREATE TABLE channel.outbound (
    -- Version 7; WhatsApp repeats it in statuses as biz_opaque_callback_data.
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    company_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    chat_id bigint NOT NULL,
    message_id bigint NOT NULL UNIQUE,
    -- atencion.conversation.v1.IdentityKind.
    recipient_kind int NOT NULL,
    recipient text NOT NULL,
    -- Messages of a channel to one recipient are sent in the order of seq.
    recipient_key text NOT NULL,
    body text NOT NULL,
    reply_to text NOT NULL,
    media_filename text NOT NULL,
    -- queued; leased: a sender has it in hand; sending: handed to the provider, no answer yet;
    -- sent; failed; uncertain: the answer was lost; held: the channel must be authorized anew.
    state text NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    -- Refusals for speed, which are no attempts.
    throttles int NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    lease_until timestamptz,
    leased_by uuid,
    provider_id text NOT NULL DEFAULT '',
    error_code text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    -- atencion.conversation.v1.DeliveryStatus: what conversation should know, and what it knows.
    report int NOT NULL DEFAULT 0,
    reported int NOT NULL DEFAULT 0,
    report_attempts int NOT NULL DEFAULT 0,
    report_next_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    CONSTRAINT outbound_state_known CHECK (
        state IN ('queued', 'leased', 'sending', 'sent', 'failed', 'uncertain', 'held')
    )
);

CREATE INDEX outbound_waiting ON channel.outbound (seq) WHERE state = 'queued';
CREATE INDEX outbound_lane ON channel.outbound (channel_id, recipient_key, seq)
WHERE state IN ('queued', 'leased', 'sending', 'held');
-- No two senders ever write to one recipient at the same time.
CREATE UNIQUE INDEX outbound_one_in_hand ON channel.outbound (channel_id, recipient_key)
WHERE state IN ('leased', 'sending');
CREATE INDEX outbound_leases ON channel.outbound (lease_until)
WHERE state IN ('leased', 'sending');
CREATE INDEX outbound_provider_id ON channel.outbound (channel_id, provider_id)
WHERE provider_id <> '';
CREATE INDEX outbound_unreported ON channel.outbound (report_next_at) WHERE report <> reported;
