-- What the present token of a session says, so that asking for it again answers
-- the same one, and how long the one before it stays good.
ALTER TABLE identity.session
    -- The id in opaque tokens.
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN shape text NOT NULL DEFAULT 'jwt' CHECK (shape IN ('jwt', 'opaque')),
    ADD COLUMN token_id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN token_made_at timestamptz NOT NULL DEFAULT now(),
    -- The token of the generation before: the head of the revocation log when it
    -- was made, and until when it is good; absent once its successor was used.
    ADD COLUMN previous_epoch bigint,
    ADD COLUMN previous_until timestamptz;

ALTER TABLE identity.session
    ALTER COLUMN shape DROP DEFAULT,
    ALTER COLUMN token_id DROP DEFAULT,
    ALTER COLUMN token_made_at DROP DEFAULT;

COMMENT ON COLUMN identity.session.epoch IS
    'The head of the revocation log when the present token was made.';

CREATE UNIQUE INDEX session_number ON identity.session (number);
CREATE INDEX session_family ON identity.session (family);
-- What may end for want of use.
CREATE INDEX session_last_used_at ON identity.session (last_used_at) WHERE revoked_at IS NULL;
