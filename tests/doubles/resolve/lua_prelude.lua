-- Runs once in a fresh LuaJIT state, before the agent. Turns the double's objects into userdata
-- with Resolve's manners and leaves exactly the globals of one edition and version.
local host = ...
local G = _G
local newproxy, getmetatable, setmetatable = newproxy, getmetatable, setmetatable
local type, pairs, ipairs, error, select, tostring = type, pairs, ipairs, error, select, tostring
local loadstring, setfenv, loadfile, dofile, io, os, string, table =
  loadstring, setfenv, loadfile, dofile, io, os, string, table

local handles = setmetatable({}, { __mode = "k" })

local function encode(value, depth)
  local kind = type(value)
  if kind == "userdata" then
    local handle = handles[value]
    if handle == nil then error("not an object of Resolve", 3) end
    return handle
  elseif kind == "table" then
    if depth > 40 then error("table too deep", 3) end
    local out = {}
    for key, item in pairs(value) do
      if key ~= "__flags" then out[key] = encode(item, depth + 1) end
    end
    return out
  elseif kind == "function" or kind == "thread" then
    return nil
  end
  return value
end

local function wrap(handle)
  local proxy = newproxy(true)
  local meta = getmetatable(proxy)
  handles[proxy] = handle
  meta.__metatable = false
  meta.__index = function(_, key)
    local found = host.lookup(handle, key)
    if found[1] == "method" then
      return function(self, ...)
        local own = handles[self]
        if own == nil then error("bad self in call of '" .. tostring(key) .. "'", 2) end
        local count = select("#", ...)
        local packed = {}
        for index = 1, count do packed[index] = encode((select(index, ...)), 1) end
        return host.invoke(own, key, count, packed)
      end
    end
    return found[2]
  end
  meta.__newindex = function(_, key, value) host.assign(handle, key, encode(value, 1)) end
  meta.__tostring = function() return host.describe(handle) end
  meta.__call = function(_, ...) return nil end
  return proxy
end
host.set_wrap(wrap)

-- bmd ------------------------------------------------------------------------------------------
local function text_of(value, indent)
  local kind = type(value)
  if kind == "string" then return string.format("%q", value) end
  if kind ~= "table" then return tostring(value) end
  local parts = {}
  for index, item in ipairs(value) do parts[#parts + 1] = text_of(item, indent .. "\t") end
  for key, item in pairs(value) do
    if not (type(key) == "number" and key >= 1 and key <= #value) then
      local name = type(key) == "string" and string.match(key, "^[%a_][%w_]*$") and key
        or "[" .. text_of(key, "") .. "]"
      parts[#parts + 1] = name .. " = " .. text_of(item, indent .. "\t")
    end
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function table_of(text)
  local chunk = loadstring("return " .. text)
  if not chunk then return nil end
  setfenv(chunk, {})
  local ok, value = pcall(chunk)
  if ok then return value end
  return nil
end

local pcall = pcall
local bmd = {
  wait = function(seconds) host.wait(seconds or 0) end,
  gettime = function() return host.now() end,
  getpid = function() return host.pid() end,
  fileexists = function(path) return host.fileexists(path) end,
  readstring = table_of,
  writestring = function(value) return text_of(value, "") end,
}
if host.full then
  bmd.direxists = function(path) return host.direxists(path) end
  bmd.createdir = function(path) return host.createdir(path) end
  bmd.readdir = function(pattern) return host.readdir(pattern) end
  bmd.readfile = function(path)
    local text = host.readtext(path)
    return text and table_of(text) or nil
  end
  bmd.writefile = function(path, value) return host.writetext(path, text_of(value, "")) end
  bmd.createuuid = function() return host.uuid() end
  bmd.getcurrentdir = function() return host.currentdir() end
  bmd.scriptapp = function(name) return host.scriptapp(name) end
  bmd.openurl = function(url) host.spawn("openurl", url) end
  bmd.executebg = function(command) host.spawn("executebg", command); return true end
end

-- files: paths as Resolve shows them, refused where the platform could not open them --------------
local function opened(path) return host.openable(path) end
local sandbox_loadfile = function(path, mode, environment)
  local real = path ~= nil and opened(path) or nil
  if not real then return nil, "cannot open " .. tostring(path) end
  if environment ~= nil then return loadfile(real, mode, environment) end
  return loadfile(real, mode or "bt")
end
local sandbox_dofile = function(path)
  local chunk, message = sandbox_loadfile(path)
  if not chunk then error(message, 2) end
  return chunk()
end

local keep = {
  "_VERSION", "assert", "error", "getfenv", "getmetatable", "ipairs", "next", "pairs", "pcall",
  "rawequal", "rawget", "rawset", "select", "setfenv", "setmetatable", "tonumber", "tostring",
  "type", "unpack", "xpcall", "loadstring", "collectgarbage", "string", "table", "math",
  "coroutine", "bit",
}
local kept = {}
for _, name in ipairs(keep) do kept[name] = G[name] end
kept.loadfile, kept.dofile = sandbox_loadfile, sandbox_dofile
kept.bmd = bmd
local lpeg = setmetatable({ version = function() return "1.0.2" end }, {
  __index = function(_, key) error("the double has no lpeg." .. tostring(key), 2) end,
})
kept.lpeg = lpeg
kept.os = {
  clock = function() return host.clock() end,
  date = os.date,
  difftime = os.difftime,
  getenv = function(name) return host.getenv(name) end,
  time = function(t) if t then return os.time(t) end return host.time() end,
  tmpname = function() return host.tmpname() end,
}
kept.print = function(...)
  local parts = {}
  for index = 1, select("#", ...) do parts[index] = tostring((select(index, ...))) end
  host.print(table.concat(parts, "\t"))
end

if host.full then
  for _, name in ipairs({ "debug", "module", "load", "gcinfo", "newproxy", "jit" }) do
    kept[name] = G[name]
  end
  kept.os.execute = function(command) return host.spawn("os.execute", command) end
  kept.os.remove = function(path)
    local ok, message = host.remove(path), "cannot remove"
    if ok then return true end
    return nil, message
  end
  kept.os.rename = function(old, new)
    if host.rename(old, new) then return true end
    return nil, "cannot rename"
  end
  kept.os.exit, kept.os.setlocale = nil, os.setlocale
  kept.io = setmetatable({
    open = function(path, mode)
      local real = host.openfile(path, mode or "r")
      if not real then return nil, path .. ": No such file or directory", 2 end
      return io.open(real, mode or "r")
    end,
    lines = function(path) return io.lines(host.openfile(path, "r") or path) end,
    popen = function(command) host.spawn("io.popen", command); return nil, "not available" end,
  }, { __index = { type = io.type, stderr = io.stderr, stdout = io.stdout, write = kept.print } })
  local ffi = {
    os = host.ffi_os, arch = "x64", cdef = function() end,
    C = { system = function(command) return host.spawn("ffi.C.system", command) end },
    load = function(library)
      return setmetatable({}, { __index = function(_, name)
        return function(...)
          local parts = { library }
          for index = 1, select("#", ...) do parts[#parts + 1] = tostring((select(index, ...))) end
          return host.spawn("ffi." .. tostring(name), table.concat(parts, "\t"))
        end
      end })
    end,
    string = tostring, new = function() return nil end, cast = function(_, value) return value end,
  }
  kept.ffi = ffi
  local loaded = { ffi = ffi, bit = G.bit, string = string, table = table, math = G.math,
    io = kept.io, os = kept.os, lpeg = lpeg, coroutine = G.coroutine }
  kept.package = { loaded = loaded, path = "", cpath = "", preload = {} }
  kept.require = function(name)
    local found = loaded[name]
    if found == nil then
      local preload = kept.package.preload[name]
      if preload == nil then error("module '" .. tostring(name) .. "' not found", 2) end
      found = preload(name)
      loaded[name] = found == nil and true or found
    end
    return loaded[name]
  end
  kept.arg = { [0] = host.script }
end
if host.ffi_in_console then kept.ffi = { os = host.ffi_os, arch = "x64" } end

kept.resolve, kept.fusion = host.resolve(), host.fusion()
kept.fu, kept.app = kept.fusion, kept.fusion
if host.full then
  kept.Resolve = function() return host.resolve() end
  kept.Fusion = function() return host.headless() end
end
local comp, tool = host.comp(), host.tool()
if comp ~= nil then kept.comp, kept.composition = comp, comp end
if tool ~= nil then kept.tool = tool end

for name in pairs(G) do if kept[name] == nil and name ~= "_G" then G[name] = nil end end
for name, value in pairs(kept) do G[name] = value end
setmetatable(G, { __index = function() return nil end })
