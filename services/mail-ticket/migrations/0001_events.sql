-- The outbox of this schema and the cursors of what it consumes.
-- libs/events works on these tables; docs/events.md explains them.

CREATE TABLE mail.outbox (
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

CREATE INDEX outbox_waiting ON mail.outbox (seq) WHERE position IS NULL;
CREATE INDEX outbox_occurred_at ON mail.outbox (occurred_at);

-- One row: the position given last.
CREATE TABLE mail.outbox_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL
);

INSERT INTO mail.outbox_head (position) VALUES (0);

CREATE TABLE mail.event_cursor (
    consumer text NOT NULL,
    source text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (consumer, source)
);

-- Wakes the relay at the commit.
CREATE FUNCTION mail.outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox_mail', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_notify AFTER INSERT ON mail.outbox
FOR EACH STATEMENT EXECUTE FUNCTION mail.outbox_notify();
