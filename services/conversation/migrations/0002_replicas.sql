-- What other services announce about agents and departments, kept here so that
-- taking a message needs no call.

CREATE TABLE conversation.agent (
    user_id bigint PRIMARY KEY,
    company_id bigint NOT NULL,
    department_id bigint,
    -- 1 super, 2 admin, 3 chat.
    role smallint NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    active boolean NOT NULL,
    -- Breaks ties of assignment; null before the first one.
    last_assigned_at timestamptz
);

CREATE INDEX agent_company ON conversation.agent (company_id, department_id) WHERE active;

CREATE TABLE conversation.department (
    department_id bigint PRIMARY KEY,
    company_id bigint NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL,
    -- The documented weekly calendar as JSON text; empty means always open.
    hours text NOT NULL
);

CREATE INDEX department_company ON conversation.department (company_id, department_id) WHERE active;
