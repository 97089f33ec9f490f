-- What other services announce about users, departments and companies, kept here
-- so that taking a mail needs no call.

CREATE TABLE mail.agent (
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

CREATE INDEX agent_department ON mail.agent (company_id, department_id) WHERE active;

CREATE TABLE mail.department (
    department_id bigint PRIMARY KEY,
    company_id bigint NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL,
    -- The documented weekly calendar as JSON text; empty means always open.
    hours text NOT NULL
);

CREATE INDEX department_company ON mail.department (company_id, department_id) WHERE active;

CREATE TABLE mail.company (
    company_id bigint PRIMARY KEY,
    name text NOT NULL,
    active boolean NOT NULL,
    -- The IANA name of the zone of its calendars.
    time_zone text NOT NULL
);
