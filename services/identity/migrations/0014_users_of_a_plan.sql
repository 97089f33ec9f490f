-- How many active users the plan of a company allows; absent when nothing was
-- heard of a limit.
ALTER TABLE identity.company ADD COLUMN max_users bigint CHECK (max_users >= 0);
