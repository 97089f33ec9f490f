-- What identity has to know about the companies and departments of
-- tenancy-admin, kept up to date by its events.
CREATE TABLE identity.company (
    company_id bigint PRIMARY KEY,
    name text NOT NULL,
    active boolean NOT NULL
);

CREATE TABLE identity.department (
    department_id bigint PRIMARY KEY,
    company_id bigint NOT NULL,
    active boolean NOT NULL
);
