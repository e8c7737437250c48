-- Adds to what is spent on a day, and notes which shares of the budgets are reached for the first time. Repeated after a
-- lost answer it is booked twice: rather too much than too little.
--
-- KEYS[1] HASH of the day: spent:<purse> -> millionths; told:<purse>:<budget>:<percent> -> 1
-- ARGV[1] what is added, millionths, may be negative   ARGV[2] how long the day is remembered, ms
-- ARGV[3] JSON, a list of { purse, budget in millionths or null, percents that are told }
--
-- Returns {purse, percent, spent} for each share that is new.
local news = {}
for _, entry in ipairs(cjson.decode(ARGV[3])) do
  local purse, budget, percents = entry[1], entry[2], entry[3]
  local spent = redis.call('HINCRBY', KEYS[1], 'spent:' .. purse, ARGV[1])
  for _, percent in ipairs(percents) do
    local told = string.format('told:%s:%.0f:%d', purse, budget, percent)
    if spent * 100 >= budget * percent and redis.call('HSETNX', KEYS[1], told, 1) == 1 then
      table.insert(news, { purse, percent, spent })
    end
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return news
