-- Which tokens are void, in the order in which they became so. Replicas that check
-- tokens by themselves follow this log; RevocationService explains the rules.
CREATE TABLE identity.revocation (
    -- Gapless: taken from revocation_head, whose lock lasts until the commit.
    sequence bigint PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN (
        'session', 'generation', 'family', 'user', 'client', 'company',
        'changed_user', 'changed_client'
    )),
    -- The session of 'session' and 'generation', the family of 'family'.
    uuid uuid,
    -- The id of the others.
    id bigint,
    -- Of 'generation': the first one that is still good, and from when the older
    -- ones are void; absent means at once.
    generation integer,
    effective_at timestamptz,
    made_at timestamptz NOT NULL,
    -- When no token can be concerned any more; absent means never.
    forget_at timestamptz,
    CONSTRAINT revocation_subject CHECK (
        CASE WHEN kind IN ('session', 'generation', 'family')
             THEN uuid IS NOT NULL AND id IS NULL
             ELSE uuid IS NULL AND id IS NOT NULL END
    ),
    CONSTRAINT revocation_generation CHECK (
        (kind = 'generation') = (generation IS NOT NULL)
        AND (effective_at IS NULL OR kind = 'generation')
    )
);

CREATE INDEX revocation_forget_at ON identity.revocation (forget_at);

-- One row: the number given last, and up to which entries may be gone.
CREATE TABLE identity.revocation_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sequence bigint NOT NULL,
    forgotten bigint NOT NULL DEFAULT 0
);

INSERT INTO identity.revocation_head (sequence) VALUES (0);

-- Replicas that check tokens by themselves. Times are those of the database's
-- clock, so that the clocks of several processes need not agree.
CREATE TABLE identity.revocation_lease (
    lease_id uuid PRIMARY KEY,
    replica text NOT NULL,
    applied bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX revocation_lease_expires_at ON identity.revocation_lease (expires_at);

-- Wakes those who follow the log, at the commit.
CREATE FUNCTION identity.revocation_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('revocations_identity', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER revocation_notify AFTER INSERT ON identity.revocation
FOR EACH STATEMENT EXECUTE FUNCTION identity.revocation_notify();

-- An epoch is the number of the last revocation of a user, company or client: a
-- token that was made before it is void.
ALTER TABLE identity.company ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE identity.api_client ADD COLUMN epoch bigint NOT NULL DEFAULT 0;

-- What happened to accounts and credentials, written in the transaction of the
-- change. It holds no secret, no address and no number.
CREATE TABLE identity.security_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    -- The company and the user or client that it happened to.
    company_id bigint,
    user_id bigint,
    client_id bigint,
    -- Who did it, if it was somebody else.
    by_user_id bigint,
    by_client_id bigint,
    by_service text NOT NULL,
    -- The access log entry of the request.
    bitacora_id bigint,
    details jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX security_event_user ON identity.security_event (user_id, at);
CREATE INDEX security_event_company ON identity.security_event (company_id, at);
CREATE INDEX security_event_at ON identity.security_event USING brin (at);
