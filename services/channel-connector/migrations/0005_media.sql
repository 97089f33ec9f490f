-- Files that messages carry, under names nobody can guess.

CREATE TABLE channel.media (
    filename text PRIMARY KEY,
    company_id bigint NOT NULL,
    channel_id bigint NOT NULL,
    mime text NOT NULL,
    sha256 bytea NOT NULL,
    content bytea NOT NULL,
    created_at timestamptz NOT NULL
);
