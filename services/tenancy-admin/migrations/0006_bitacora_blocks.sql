-- Ids of the access log, leased to replicas of the edge in blocks. They begin
-- beyond those of the documents' examples and end below 2^52, where the ids begin
-- that a replica makes up when nobody can be asked.
CREATE SEQUENCE tenancy.bitacora_block AS bigint
    INCREMENT BY 4096 START WITH 1000001 MAXVALUE 4503599627366400;
