-- One row per login. A token is good only while its session is.
CREATE TABLE identity.session (
    sid uuid PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    -- The API client through which it was opened.
    client_id bigint NOT NULL REFERENCES identity.api_client,
    -- The device it is bound to, if it is.
    device_id bigint,
    -- What sessions that stem from one login have in common.
    family uuid NOT NULL,
    -- Raised whenever the token is exchanged for its successor.
    generation integer NOT NULL DEFAULT 1,
    -- The epoch of the user at the login.
    epoch bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- The session ends when it was not used for so long.
    idle_seconds integer NOT NULL CHECK (idle_seconds > 0),
    -- Exact to a few minutes: use is noted in batches.
    last_used_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX session_user_id ON identity.session (user_id);
CREATE INDEX session_client_id ON identity.session (client_id);
CREATE INDEX session_expires_at ON identity.session (expires_at);
