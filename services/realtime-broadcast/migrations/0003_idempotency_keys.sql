-- Requests that may be repeated under a key of the caller, for 48 hours.

CREATE TABLE realtime.idempotency_key (
    -- The service that called, its API client and its user, `edge|1|7`; 0 is nobody.
    owner text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    -- Names the request and its repetitions to other services.
    id uuid NOT NULL,
    -- A digest of what was asked for, sealed.
    request bytea NOT NULL,
    -- The answer, sealed; absent while the work is done or was left half-way.
    answer bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (owner, operation, key)
);

CREATE INDEX idempotency_key_created_at ON realtime.idempotency_key (created_at);
