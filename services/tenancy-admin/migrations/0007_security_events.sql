-- What happened to companies, departments, FAQs and plans, written in the
-- transaction of the change. It holds no secret and no address.
CREATE TABLE tenancy.security_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    -- The company it happened to, or that owns what it happened to.
    company_id bigint,
    -- What it happened to: a department, a FAQ or a plan, as the kind says.
    subject_id bigint,
    -- Who did it.
    by_user_id bigint,
    by_client_id bigint,
    by_service text NOT NULL,
    -- The access log entry of the request.
    bitacora_id bigint,
    details jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX security_event_company ON tenancy.security_event (company_id, at);
CREATE INDEX security_event_at ON tenancy.security_event USING brin (at);
