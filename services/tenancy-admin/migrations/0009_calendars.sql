-- A calendar is shown and searched as the text that was stored, so its keys keep
-- their order.
ALTER TABLE tenancy.department DROP CONSTRAINT department_hours_check;
ALTER TABLE tenancy.department ALTER COLUMN hours TYPE json USING hours::json;
ALTER TABLE tenancy.department
    ADD CONSTRAINT department_hours_object CHECK (json_typeof(hours) = 'object');

-- Days on which all departments of a company are closed, whatever their weekly
-- calendars say.
CREATE TABLE tenancy.holiday (
    company_id bigint NOT NULL REFERENCES tenancy.company,
    day date NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (company_id, day)
);
