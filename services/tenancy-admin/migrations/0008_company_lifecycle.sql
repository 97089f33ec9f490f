-- A company comes to be in two steps with a call to identity between them, and
-- goes in two steps as well. What is needed to finish either after a crash:
ALTER TABLE tenancy.company
    -- The caller's own key of the creation, and a digest of what was asked for
    -- (without the password), to tell a repetition from another request.
    ADD COLUMN creation_key text,
    ADD COLUMN creation_digest bytea CHECK (octet_length(creation_digest) = 32),
    -- When the last attempt began, and whether it gave up without an answer.
    ADD COLUMN attempted_at timestamptz,
    ADD COLUMN attempt_over boolean NOT NULL DEFAULT false,
    -- When identity had voided the tokens of a deleted company.
    ADD COLUMN revoked_at timestamptz,
    ADD CONSTRAINT company_attempted CHECK (state <> 'provisioning' OR attempted_at IS NOT NULL);

CREATE UNIQUE INDEX company_creation_key ON tenancy.company (creation_key);
CREATE INDEX company_unfinished ON tenancy.company (company_id)
WHERE state = 'provisioning' OR (state = 'deleted' AND revoked_at IS NULL);
