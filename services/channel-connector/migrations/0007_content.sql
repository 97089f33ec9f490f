-- The content of files in pieces, so that nobody holds a whole file in memory, and each content
-- once in a company.

CREATE TABLE channel.content (
    id uuid PRIMARY KEY,
    company_id bigint NOT NULL,
    -- Null while it is being written.
    sha256 bytea,
    size bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    CONSTRAINT content_once UNIQUE (company_id, sha256)
);

CREATE INDEX content_unfinished ON channel.content (created_at) WHERE sha256 IS NULL;

-- All pieces but the last of a content have 256 KiB.
CREATE TABLE channel.content_piece (
    content_id uuid NOT NULL REFERENCES channel.content ON DELETE CASCADE,
    place int NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (content_id, place)
);

-- Pictures, sounds and films are compressed already.
ALTER TABLE channel.content_piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

INSERT INTO channel.content (id, company_id, sha256, size, created_at)
SELECT gen_random_uuid(), company_id, sha256, max(octet_length(content)), min(created_at)
FROM channel.media
GROUP BY company_id, sha256;

INSERT INTO channel.content_piece (content_id, place, bytes)
SELECT held.id, place, substring(file.content FROM place * 262144 + 1 FOR 262144)
FROM channel.content held
CROSS JOIN LATERAL (
    SELECT content FROM channel.media
    WHERE company_id = held.company_id AND sha256 = held.sha256 LIMIT 1
) file
CROSS JOIN LATERAL generate_series(0, (octet_length(file.content) - 1) / 262144) place;

ALTER TABLE channel.media ADD COLUMN content_id uuid REFERENCES channel.content;

UPDATE channel.media SET content_id = held.id
FROM channel.content held
WHERE held.company_id = media.company_id AND held.sha256 = media.sha256;

ALTER TABLE channel.media ALTER COLUMN content_id SET NOT NULL, DROP COLUMN content;

CREATE INDEX media_content ON channel.media (content_id);
