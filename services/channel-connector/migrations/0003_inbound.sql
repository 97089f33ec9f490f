-- What providers post, as received, and the events found in it.

CREATE TABLE channel.inbound_raw (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- 'meta' or 'telegram'.
    source text NOT NULL,
    -- What the address or the body names: uuid or id of a channel, phone number id, page id.
    route_key text NOT NULL,
    -- The first channel whose secret verified the body; none for an orphan.
    channel_id bigint,
    -- All of them: a body may hold several phone numbers.
    verified_channels bigint[] NOT NULL DEFAULT '{}',
    body bytea NOT NULL,
    body_sha256 bytea NOT NULL,
    signature bytea NOT NULL,
    content_type text NOT NULL,
    user_agent text NOT NULL,
    received_at timestamptz NOT NULL,
    -- new: waits for the worker, or for conversation to take its events; done: nothing is left
    -- to do; dead: cannot be read; orphan: belongs to no channel.
    state text NOT NULL,
    -- Set once the events were found and stored.
    exploded_at timestamptz,
    attempts int NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    error text NOT NULL DEFAULT '',
    CONSTRAINT inbound_raw_state_known CHECK (state IN ('new', 'done', 'dead', 'orphan'))
);

CREATE INDEX inbound_raw_waiting ON channel.inbound_raw (id)
WHERE state = 'new' AND exploded_at IS NULL;
CREATE INDEX inbound_raw_orphans ON channel.inbound_raw (route_key, id) WHERE state = 'orphan';
CREATE INDEX inbound_raw_received_at ON channel.inbound_raw (received_at);

-- One row for each thing a provider reported, however often it was delivered.
CREATE TABLE channel.inbound_event (
    channel_id bigint NOT NULL,
    ext_key text NOT NULL,
    -- 'message' or 'status'.
    kind text NOT NULL,
    -- The order in which events were found; within a lane, that of delivery.
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- Channel and sender: events of a lane are delivered one after another.
    lane text NOT NULL,
    raw_id bigint NOT NULL,
    -- atencion.conversation.v1.InboundEvent.
    event bytea NOT NULL,
    -- new: conversation has to be told; done: it has answered; dead: it refuses.
    state text NOT NULL DEFAULT 'new',
    attempts int NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (channel_id, ext_key),
    CONSTRAINT inbound_event_state_known CHECK (state IN ('new', 'done', 'dead'))
);

CREATE INDEX inbound_event_waiting ON channel.inbound_event (seq) WHERE state = 'new';
CREATE INDEX inbound_event_lane ON channel.inbound_event (lane, seq) WHERE state = 'new';
CREATE INDEX inbound_event_raw ON channel.inbound_event (raw_id);
CREATE INDEX inbound_event_messages ON channel.inbound_event (channel_id, seq)
WHERE kind = 'message';
