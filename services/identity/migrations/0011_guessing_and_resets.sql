-- Whence a user has logged in: what a guesser is not. A network (IPv4 /24, IPv6
-- /64) or a device, as its digest under the pepper of the deployment.
CREATE TABLE identity.login_origin (
    user_id bigint NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    origin bytea NOT NULL CHECK (octet_length(origin) = 16),
    -- Exact to a day.
    last_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, origin)
);

CREATE INDEX login_origin_last_at ON identity.login_origin (last_at);

ALTER TABLE identity.pin_device
    -- What the user calls the device.
    ADD COLUMN name text NOT NULL DEFAULT '' CHECK (char_length(name) <= 100),
    ADD COLUMN last_used_at timestamptz;

-- A login by PIN writes here when there is no such device, so that it costs the
-- same as one that there is.
CREATE TABLE identity.pin_decoy (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    tries bigint NOT NULL DEFAULT 0
);

INSERT INTO identity.pin_decoy DEFAULT VALUES;

-- Links that reset passwords. A request is one row whoever has the address, and
-- becomes a link, or vanishes, after it was answered.
CREATE TABLE identity.password_reset (
    -- The "id" of the link.
    selector uuid PRIMARY KEY,
    -- As asked for, in lower case.
    email text NOT NULL,
    -- The alias of the SSO product that the link is bound to; else empty.
    product text NOT NULL,
    -- Where the link leads.
    link_base text NOT NULL,
    -- The API client that asked, and the access log entry of its request.
    client_id bigint NOT NULL REFERENCES identity.api_client ON DELETE CASCADE,
    bitacora_id bigint,
    requested_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Absent until the link is made.
    user_id bigint REFERENCES identity.users ON DELETE CASCADE,
    -- SHA-256 of the "token" of the link.
    verifier_digest bytea CHECK (octet_length(verifier_digest) = 32),
    -- The token itself, encrypted, for the mail; gone with the use of the link.
    verifier_sealed bytea,
    -- Used, or void because another one was.
    ended_at timestamptz,
    CONSTRAINT password_reset_link CHECK ((user_id IS NULL) = (verifier_digest IS NULL))
);

CREATE INDEX password_reset_waiting ON identity.password_reset (requested_at)
WHERE user_id IS NULL;
CREATE INDEX password_reset_user ON identity.password_reset (user_id);
CREATE INDEX password_reset_expires_at ON identity.password_reset (expires_at);
CREATE INDEX password_reset_client ON identity.password_reset (client_id);
