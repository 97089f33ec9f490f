-- What keeps the tables from growing for ever, and strangers from filling them.

-- Set when an orphan's signature is good; nobody vouches for the others.
ALTER TABLE channel.inbound_raw ADD COLUMN vouched boolean NOT NULL DEFAULT false;

DROP INDEX channel.inbound_raw_orphans;
CREATE INDEX inbound_raw_orphans ON channel.inbound_raw (source, vouched, id)
WHERE state = 'orphan';
CREATE INDEX inbound_raw_adoptable ON channel.inbound_raw (route_key) WHERE state = 'orphan';

-- Held messages wait like queued ones, for a channel that is authorized again.
DROP INDEX channel.outbound_waiting;
CREATE INDEX outbound_waiting ON channel.outbound (seq) WHERE state IN ('queued', 'held');
CREATE INDEX outbound_settled ON channel.outbound (created_at)
WHERE state IN ('sent', 'failed', 'uncertain');

-- A file is the same when its content and the idempotency key of its request are.
ALTER TABLE channel.media
ADD COLUMN idempotency_key text NOT NULL DEFAULT '',
-- Set when a message that carries the file has been queued; others are removed after a while.
ADD COLUMN used boolean NOT NULL DEFAULT false;

CREATE UNIQUE INDEX media_once ON channel.media (channel_id, idempotency_key, sha256)
WHERE idempotency_key <> '';
CREATE INDEX media_unused ON channel.media (created_at) WHERE NOT used;
