-- Who did what that must not go unnoticed; written with the deed or not at all.
-- No values and no secrets.
CREATE TABLE mail.audit_event (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    kind text NOT NULL,
    company_id bigint NOT NULL,
    subject text NOT NULL,
    -- On whose behalf; absent where there was nobody.
    client_id bigint,
    user_id bigint,
    bitacora_id bigint
);

CREATE INDEX audit_event_occurred_at ON mail.audit_event (occurred_at);
