"""What Redis does in one go, in its own language: a look-up and every change is one round trip.

Scripts take what they find as it is: a key of another kind, or of another size, is an entry that
is not there. No script fails because Redis is full and no room may be made; then only the counts
of uses stand still.
"""

from __future__ import annotations

from typing import Final

_STATE: Final = """
-- The epoch and the number of clearings, of which another life begins where they are none.
local function state(key, new_epoch)
  local epoch, number = redis.pcall('HGET', key, 'epoch'), redis.pcall('HGET', key, 'number')
  local is_text = type(epoch) == 'string' and type(number) == 'string'
  if is_text and string.match(number, '^%d+$') then return epoch, number end
  redis.call('DEL', key)
  redis.pcall('HSET', key, 'epoch', new_epoch, 'number', 0)
  return new_epoch, '0'
end
"""

LOOK_UP: Final = (
    _STATE
    + """
-- KEYS: clearings, entries. ARGV: an epoch to begin with, most bytes of an entry, of a body, uses
-- A body of -1 bytes at most: bodies are left out.
local answer = {state(KEYS[1], ARGV[1])}
for at = 2, #KEYS do
  local length = redis.pcall('HSTRLEN', KEYS[at], 'entry')
  local fits = type(length) == 'number' and length > 0 and length <= tonumber(ARGV[2])
  if fits and ARGV[3] == '-1' then
    answer[at + 1] = redis.call('HMGET', KEYS[at], 'entry', 'mark', 'hits')
  elseif fits and redis.call('HSTRLEN', KEYS[at], 'body') <= tonumber(ARGV[3]) then
    if ARGV[4] ~= '0' then redis.pcall('HINCRBY', KEYS[at], 'hits', ARGV[4]) end
    answer[at + 1] = redis.call('HMGET', KEYS[at], 'entry', 'mark', 'hits', 'long', 'body')
  else
    answer[at + 1] = {}
  end
end
return answer
"""
)
"""Epoch, number, and for each key its fields, none where there is no entry."""

_FORGET_BODY: Final = """
local function forget_body(long, bodies, grace)
  if type(long) == 'string' and long ~= '' then redis.call('PEXPIRE', bodies .. long, grace) end
end
"""

PUT: Final = (
    _FORGET_BODY
    + """
-- KEYS: the entry. ARGV: bodies, grace, milliseconds to live, entry, mark, long, body
local long = redis.pcall('HGET', KEYS[1], 'long')
if type(long) == 'table' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'entry', ARGV[4], 'mark', ARGV[5], 'long', ARGV[6], 'body', ARGV[7])
redis.call('HDEL', KEYS[1], 'hits')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
forget_body(long, ARGV[1], ARGV[2])
return 1
"""
)
"""HSET is the first to write: behind another one it would not ask whether there is room."""

TOUCH: Final = """
-- KEYS: the entry. ARGV: bodies, milliseconds to live, entry, mark, the entry as it was
if redis.call('HGET', KEYS[1], 'entry') ~= ARGV[5] then return 0 end
redis.call('HSET', KEYS[1], 'entry', ARGV[3], 'mark', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local long = redis.call('HGET', KEYS[1], 'long')
if long and long ~= '' then redis.call('PEXPIRE', ARGV[1] .. long, ARGV[2]) end
return 1
"""
"""Nothing where another answer took its place meanwhile: its body is not that of this entry."""

REMOVE: Final = (
    _FORGET_BODY
    + """
-- KEYS: entries. ARGV: bodies, grace
for at = 1, #KEYS do
  forget_body(redis.pcall('HGET', KEYS[at], 'long'), ARGV[1], ARGV[2])
  redis.call('DEL', KEYS[at])
end
return #KEYS
"""
)

CLEAR: Final = (
    _STATE
    + """
-- KEYS: clearings. ARGV: an epoch to begin with, what is cleared, how many are kept
local epoch, number = state(KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], number + 1 - tonumber(ARGV[3]))
number = redis.call('HINCRBY', KEYS[1], 'number', 1)
redis.call('HSET', KEYS[1], number, ARGV[2])
return {epoch, number}
"""
)
"""What is cleared goes in a full Redis too: behind HDEL nothing asks whether there is room."""

PART: Final = """
-- KEYS: a body. ARGV: which part, grace, most bytes of a part
if redis.call('HSTRLEN', KEYS[1], ARGV[1]) > tonumber(ARGV[3]) then return false end
local part = redis.call('HGET', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if part and left >= 0 and left < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return part
"""
"""A body that is read lives on for as long as its reader comes back."""

DESCRIBE: Final = """
-- KEYS: clearings. ARGV: names and digests
for at = 1, #ARGV, 2 do
  redis.call('HDEL', KEYS[1], ARGV[at])
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
end
return 1
"""
