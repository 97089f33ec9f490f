-- The access log: one row for each answered request of the REST API. One table a
-- day (in UTC), so that getting rid of old days costs nothing.
CREATE TABLE tenancy.bitacora (
    bitacora_id bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    client_id bigint,
    user_id bigint,
    company_id bigint,
    method text NOT NULL,
    -- The template of the route; empty when there is no such route.
    route text NOT NULL,
    status smallint NOT NULL,
    latency_us bigint NOT NULL,
    client_ip inet,
    -- Tells programs apart without naming them.
    user_agent_hash bytea,
    trace_id text,
    -- The row that the caller linked to. As long as there is no such row of the
    -- same API client, what the caller claimed stands apart from it.
    parent_id bigint,
    claimed_parent bigint,
    request_bytes bigint NOT NULL,
    response_bytes bigint NOT NULL,
    error_code text,
    CHECK (parent_id IS NULL OR claimed_parent IS NULL),
    PRIMARY KEY (occurred_at, bitacora_id)
) PARTITION BY RANGE (occurred_at);

CREATE INDEX bitacora_by_id ON tenancy.bitacora (bitacora_id);
CREATE INDEX bitacora_by_company ON tenancy.bitacora (company_id, occurred_at);
CREATE INDEX bitacora_by_time ON tenancy.bitacora USING brin (occurred_at);
CREATE INDEX bitacora_by_claim ON tenancy.bitacora (claimed_parent)
WHERE claimed_parent IS NOT NULL;

-- Rows of days that have no table: those of clocks that are far off, and all when
-- nobody made tables ahead.
CREATE TABLE tenancy.bitacora_stray PARTITION OF tenancy.bitacora DEFAULT;

-- The table of a day.
CREATE FUNCTION tenancy.bitacora_day(day date) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'bitacora_' || to_char(day, 'YYYYMMDD')
$$;

-- Makes the table of a day unless there is one, with the strays of that day in it;
-- says whether it did. Replicas take turns; who cannot have the locks soon gives
-- up and tries again later, so that nothing queues behind it.
CREATE FUNCTION tenancy.bitacora_open_day(day date) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    name text := tenancy.bitacora_day(day);
    first timestamptz := day::timestamp AT TIME ZONE 'UTC';
    last timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('atencion.bitacora.days'));
    IF to_regclass(format('tenancy.%I', name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE tenancy.bitacora_stray IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE tenancy.%I (LIKE tenancy.bitacora INCLUDING ALL)', name);
    EXECUTE format(
        'WITH strays AS (
             DELETE FROM tenancy.bitacora_stray
             WHERE occurred_at >= %L AND occurred_at < %L
             RETURNING *
         )
         INSERT INTO tenancy.%I SELECT * FROM strays',
        first, last, name
    );
    EXECUTE format(
        'ALTER TABLE tenancy.bitacora ATTACH PARTITION tenancy.%I FOR VALUES FROM (%L) TO (%L)',
        name, first, last
    );
    RETURN true;
END
$$;

-- Removes the oldest day before `day`; says whether there was one. One at a time,
-- so that no lock is held for long.
CREATE FUNCTION tenancy.bitacora_drop_day_before(day date) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('atencion.bitacora.days'));
    SELECT min(child.relname) INTO name
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
    WHERE pg_inherits.inhparent = 'tenancy.bitacora'::regclass
      AND child.relname ~ '^bitacora_[0-9]{8}$'
      AND child.relname < tenancy.bitacora_day(day);
    IF name IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE tenancy.%I', name);
    RETURN true;
END
$$;
