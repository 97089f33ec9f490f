CREATE SCHEMA sample;

-- A schema for tests. The outbox and the cursors of what it consumes.
-- libs/events works on these tables; docs/events.md explains them.

CREATE TABLE sample.outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Given by the relay after the commit: gapless, in the order of relaying.
    position bigint UNIQUE,
    id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    company_id bigint NOT NULL,
    subject text NOT NULL,
    occurred_at timestamptz NOT NULL,
    traceparent text NOT NULL,
    data bytea NOT NULL
);

CREATE INDEX outbox_waiting ON sample.outbox (seq) WHERE position IS NULL;
CREATE INDEX outbox_occurred_at ON sample.outbox (occurred_at);

-- One row: the position given last.
CREATE TABLE sample.outbox_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL
);

INSERT INTO sample.outbox_head (position) VALUES (0);

CREATE TABLE sample.event_cursor (
    consumer text NOT NULL,
    source text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (consumer, source)
);

-- Wakes the relay at the commit.
CREATE FUNCTION sample.outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox_sample', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_notify AFTER INSERT ON sample.outbox
FOR EACH STATEMENT EXECUTE FUNCTION sample.outbox_notify();

-- Where the tests see effects.
CREATE TABLE sample.effect (
    position bigint PRIMARY KEY,
    subject text NOT NULL
);
