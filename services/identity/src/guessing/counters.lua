-- Counts attempts; every call is atomic. local.rs does the same in one process,
-- and both pass the same tests. Times are milliseconds of the caller's clock.
--
-- ARGV: operation, now, free, hourly limit of an account, of a network, then what
-- the operation takes.
local operation, now = ARGV[1], tonumber(ARGV[2])
local free, per_account, per_network = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local HOUR, DAY, LONGEST, STALE, AT_ONCE = 3600000, 86400000, 900000, 60000, 32

-- A bucket is the time at which it would be full again; it grants `hourly` at
-- once, and fills up within an hour.
local function full_at(key)
    return math.max(tonumber(redis.call('GET', key) or 0), now)
end
local function one_of(hourly)
    return math.floor(HOUR / hourly)
end
local function wait_of(key, hourly)
    return math.max(0, full_at(key) + one_of(hourly) - now - HOUR)
end
local function move(key, by)
    local full = full_at(key) + by
    redis.call('SET', key, string.format('%.0f', full), 'PX', math.max(1, full - now))
end

if operation == 'spend' then
    local wait = 0
    for at, key in ipairs(KEYS) do
        wait = math.max(wait, wait_of(key, tonumber(ARGV[5 + at])))
    end
    if wait == 0 then
        for at, key in ipairs(KEYS) do
            move(key, one_of(tonumber(ARGV[5 + at])))
        end
    end
    return wait
end

if operation == 'missing' then
    local addresses, hidden, address, most = KEYS[1], KEYS[2], ARGV[6], tonumber(ARGV[7])
    if tonumber(redis.call('GET', hidden) or 0) > now then
        return 2
    end
    redis.call('ZREMRANGEBYSCORE', addresses, '-inf', now - HOUR)
    redis.call('ZADD', addresses, now, address)
    redis.call('PEXPIRE', addresses, HOUR)
    if redis.call('ZCARD', addresses) <= most then
        return 0
    end
    redis.call('SET', hidden, string.format('%.0f', now + DAY), 'PX', DAY)
    return 1
end

local pair, account, network = KEYS[1], KEYS[2], KEYS[3]
local read = redis.call('HMGET', pair, 'failures', 'failed', 'pending', 'pended')
local failures, failed = tonumber(read[1] or 0), tonumber(read[2] or 0)
local pending, pended = tonumber(read[3] or 0), tonumber(read[4] or 0)
if failed < now - DAY then
    failures = 0
end
-- No attempt takes so long: its process has ended.
if pended < now - STALE then
    pending = 0
end
local function keep()
    redis.call('HSET', pair, 'failures', failures, 'failed', string.format('%.0f', failed),
        'pending', pending, 'pended', string.format('%.0f', pended))
    redis.call('PEXPIRE', pair, DAY)
end

if operation == 'admit' then
    local known_network, known_device = ARGV[6] == '1', ARGV[7] == '1'
    local room = 1
    if failures >= free then
        local delay = math.min(LONGEST, 1000 * 2 ^ math.min(failures - free, 20))
        if now < failed + delay then
            return {1, failed + delay - now}
        end
    elseif known_network then
        room = AT_ONCE
    else
        room = free - failures
    end
    if pending >= room then
        return {3, 0}
    end
    local wait = wait_of(network, per_network)
    if wait > 0 and not known_network then
        return {1, wait}
    end
    move(network, one_of(per_network))
    if wait_of(account, per_account) > 0 and not (known_network or known_device) then
        failures, failed = failures + 1, now
        keep()
        return {2, 0}
    end
    move(account, one_of(per_account))
    pending, pended = pending + 1, now
    keep()
    return {0, 0}
end

pending = math.max(0, pending - 1)
if operation == 'wrong' then
    failures, failed = failures + 1, now
else
    if operation == 'right' then
        failures = 0
    end
    move(account, -one_of(per_account))
    move(network, -one_of(per_network))
end
if failures == 0 and pending == 0 then
    redis.call('DEL', pair)
else
    keep()
end
return 0
