-- Ed25519 keys that sign access tokens.
CREATE TABLE identity.signing_key (
    kid text PRIMARY KEY,
    issuer text NOT NULL,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    -- The PKCS#8 document, encrypted with the key of the configuration.
    private_sealed bytea NOT NULL,
    active boolean NOT NULL,
    not_before timestamptz NOT NULL,
    -- When its last token expires; absent while it has no successor.
    not_after timestamptz
);

-- One key signs for an issuer at any time.
CREATE UNIQUE INDEX signing_key_active ON identity.signing_key (issuer) WHERE active;
