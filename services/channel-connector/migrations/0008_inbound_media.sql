-- Files of guests that providers hold for us: each is fetched once, and conversation told.

CREATE TABLE channel.inbound_media (
    -- The event that names the file; the file is fetched once conversation has taken the event.
    channel_id bigint NOT NULL,
    ext_key text NOT NULL,
    company_id bigint NOT NULL,
    -- image, video, audio, voice, document or sticker, as the provider says.
    kind text NOT NULL,
    -- What the provider calls the file, and what the guest calls it; the latter may be empty.
    provider_file_id text NOT NULL,
    name text NOT NULL,
    -- waiting: has to be fetched; stored: conversation has to be told; done: it has been told;
    -- failed: will never come, error says why.
    state text NOT NULL DEFAULT 'waiting',
    -- Our file, once it is stored.
    filename text,
    attempts int NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    leased_by uuid,
    lease_until timestamptz,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (channel_id, ext_key),
    FOREIGN KEY (channel_id, ext_key)
    REFERENCES channel.inbound_event (channel_id, ext_key) ON DELETE CASCADE,
    CONSTRAINT inbound_media_state_known CHECK (state IN ('waiting', 'stored', 'done', 'failed'))
);

CREATE INDEX inbound_media_waiting ON channel.inbound_media (next_at)
WHERE state IN ('waiting', 'stored');
