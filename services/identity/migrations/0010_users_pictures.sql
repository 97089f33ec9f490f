-- Managing users: what lists search by, creations that can be repeated, pictures.

-- Text as lists compare it: small letters without their marks. The marks are
-- taken off first, so that it works under any locale.
CREATE FUNCTION identity.plain(words text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(regexp_replace(normalize(words, NFKD), '[\u0300-\u036f]', '', 'g'))
$$;

-- Kept beside the text, so that a search over all users computes nothing.
ALTER TABLE identity.users
    ADD COLUMN plain_name text NOT NULL GENERATED ALWAYS AS (identity.plain(name)) STORED,
    ADD COLUMN plain_email text NOT NULL GENERATED ALWAYS AS (identity.plain(email)) STORED,
    ADD COLUMN phone_digits text NOT NULL
        GENERATED ALWAYS AS (regexp_replace(phone, '[^0-9]', '', 'g')) STORED;

CREATE INDEX users_department ON identity.users (department_id, user_id);
-- For the figures of a company, without a look at the rows.
CREATE INDEX users_company_active ON identity.users (company_id, active);
CREATE INDEX department_company ON identity.department (company_id);

-- Which request made a user, so that its repetition answers the same.
CREATE TABLE identity.user_creation (
    -- Who gave the key: the name of a service, or `client-` and its id.
    owner text NOT NULL,
    idempotency_key text NOT NULL,
    user_id bigint NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    -- HMAC of the request under the pepper of the deployment: the password is part
    -- of the request.
    mac bytea NOT NULL CHECK (octet_length(mac) = 32),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (owner, idempotency_key)
);

CREATE INDEX user_creation_user ON identity.user_creation (user_id);

-- The objects in the store of pictures. A row stands here, committed, before its
-- object is written, and until after it was removed: none is ever forgotten.
CREATE TABLE identity.picture_object (
    object_key text PRIMARY KEY,
    -- Since when nobody has it; absent while somebody does.
    unused_since timestamptz
);

CREATE INDEX picture_object_unused ON identity.picture_object (unused_since)
WHERE unused_since IS NOT NULL;

CREATE TABLE identity.user_picture (
    user_id bigint PRIMARY KEY REFERENCES identity.users ON DELETE CASCADE,
    object_key text NOT NULL UNIQUE REFERENCES identity.picture_object,
    mime text NOT NULL,
    size bigint NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    updated_at timestamptz NOT NULL
);

-- Pictures that came before their users.
CREATE TABLE identity.staged_picture (
    staged_picture_id uuid PRIMARY KEY,
    company_id bigint NOT NULL,
    object_key text NOT NULL UNIQUE REFERENCES identity.picture_object,
    mime text NOT NULL,
    size bigint NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    created_at timestamptz NOT NULL
);

CREATE INDEX staged_picture_created_at ON identity.staged_picture (created_at);
