-- A URL of its own for each request: PREFIX with 1 to COUNT behind it, then again from 1.
--   wrk -s urls.lua URL -- PREFIX COUNT

local prefix, count, at = "/", 1, 0

function init(args)
  prefix, count = args[1], tonumber(args[2])
end

function request()
  at = at % count + 1
  return wrk.format("GET", prefix .. at)
end
