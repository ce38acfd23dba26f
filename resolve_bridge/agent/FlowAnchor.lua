--[[ FlowAnchor: the part that lives inside DaVinci Resolve.

Workspace > Scripts > FlowAnchor starts this loop. It answers requests that the FlowAnchor panel
leaves as small Lua tables in a private folder, and does nothing else: no timers, no ports, no code
from outside. One file, Lua 5.1, no dependencies, written for the strictest sandbox (no io, os.execute,
require, package, ffi, debug, UIManager). What is present beyond that is used where it helps.

Only the methods listed in METHODS can be called, with plain data. One request is a bounded list of
single calls; between calls Resolve's interface gets time.                                          ]]

local VERSION = "1.0.0"
local PROTOCOL = 1
-- The installer writes these two into its copy; left empty, the usual places are tried.
local MAILBOX = [==[]==]
local PANEL = [==[]==]

local PREFS_KEY = "Global.FlowAnchorReply"
local PREFS_PAGE, FILE_PAGE = 80000, 1000000 -- bytes of one answer before it is cut into pages
local AGAIN_S = 0.5 -- how soon an answer that nobody reads is written again, first
local MAX_STEPS, MAX_EACH = 400, 4000
local BUSY_S, IDLE_S, ASLEEP_S = 0.05, 0.25, 0.5 -- poll rhythm
local BUSY_FOR_S, IDLE_FOR_S = 5, 600
local FAREWELL_S = 5 -- longest wait for whoever said "stop" to read that it was heard
local LOOK_S = 1 -- rhythm of looking at what is open, while a panel waits for a change
local SLICE_S = 0.05 -- longest run of quick calls before Resolve's interface gets a turn

-- Shapes: see resolve_bridge/allowed.py; "" plain, "map", "list", else a kind of object, * = a list.
local METHODS = {
  resolve = { GetProductName = "", GetVersion = "list", GetVersionString = "", GetCurrentPage = "",
    OpenPage = "", IsStudio = "" },
  manager = { GetCurrentProject = "project", SaveProject = "" },
  project = { GetName = "", GetUniqueId = "", GetSetting = "", GetTimelineCount = "",
    GetTimelineByIndex = "timeline", GetCurrentTimeline = "timeline", SetCurrentTimeline = "",
    GetMediaPool = "pool", GetRenderFormats = "map", GetRenderCodecs = "map",
    GetCurrentRenderFormatAndCodec = "map", SetCurrentRenderFormatAndCodec = "",
    GetCurrentRenderMode = "", SetCurrentRenderMode = "", SetRenderSettings = "", AddRenderJob = "",
    DeleteRenderJob = "", GetRenderJobList = "list", GetRenderJobStatus = "map", StartRendering = "",
    StopRendering = "", IsRenderingInProgress = "", GetRenderPresetList = "list",
    LoadRenderPreset = "", SaveAsNewRenderPreset = "", DeleteRenderPreset = "",
    ExportCurrentFrameAsStill = "" },
  pool = { GetRootFolder = "folder", GetCurrentFolder = "folder", SetCurrentFolder = "",
    AddSubFolder = "folder", ImportMedia = "media*", AppendToTimeline = "item*", DeleteClips = "",
    DeleteFolders = "", DeleteTimelines = "" },
  folder = { GetName = "", GetUniqueId = "", GetSubFolderList = "folder*", GetClipList = "media*" },
  media = { GetName = "", GetUniqueId = "", GetMediaId = "", GetClipProperty = "",
    SetClipProperty = "", GetMetadata = "", SetMetadata = "", GetThirdPartyMetadata = "",
    SetThirdPartyMetadata = "", SetMarkInOut = "", ClearMarkInOut = "", GetTimeline = "timeline" },
  timeline = { GetName = "", GetUniqueId = "", GetSetting = "", GetStartFrame = "",
    GetEndFrame = "", GetStartTimecode = "", GetTrackCount = "", GetTrackName = "",
    SetTrackName = "", AddTrack = "", DeleteTrack = "", GetIsTrackEnabled = "", SetTrackEnable = "",
    GetIsTrackLocked = "", SetTrackLock = "", GetItemListInTrack = "item*",
    GetCurrentVideoItem = "item", GetSelectedClips = "item*", GetCurrentTimecode = "",
    SetCurrentTimecode = "", GetMarkInOut = "map", SetMarkInOut = "", ClearMarkInOut = "",
    DuplicateTimeline = "timeline", DeleteClips = "", GetMediaPoolItem = "media" },
  item = { GetName = "", SetName = "", GetUniqueId = "", GetStart = "", GetEnd = "",
    GetDuration = "", GetLeftOffset = "", GetRightOffset = "", GetSourceStartFrame = "",
    GetSourceEndFrame = "", GetProperty = "", SetProperty = "", GetMediaPoolItem = "media",
    GetTrackTypeAndIndex = "list", GetLinkedItems = "item*", GetClipEnabled = "",
    SetClipEnabled = "", GetClipColor = "",
    SetClipColor = "", ClearClipColor = "", GetMarkers = "map", AddMarker = "",
    GetMarkerByCustomData = "map", UpdateMarkerCustomData = "", DeleteMarkerAtFrame = "",
    DeleteMarkerByCustomData = "", GetFusionCompCount = "", GetFusionCompNameList = "list",
    GetFusionCompByIndex = "comp", ExportFusionComp = "", AddTake = "", GetTakesCount = "",
    GetTakeByIndex = "map", GetSelectedTakeIndex = "", SelectTakeByIndex = "",
    DeleteTakeByIndex = "", CopyGrades = "", GetType = "", GetSpeed = "" },
  comp = { GetAttrs = "map" },
}

-- Globals are asked for gently: which exist differs by edition, and asking may itself be refused.
local ENVIRONMENT = getfenv(1)
local function global(name)
  local ok, value = pcall(function() return ENVIRONMENT[name] end)
  if ok then return value end
end

local io, os, bmd = global("io"), global("os") or {}, global("bmd") or {}
local resolve, fusion = global("resolve"), global("fusion") or global("fu") or global("app")
if resolve == nil and global("Resolve") then
  local ok, found = pcall(global("Resolve"))
  resolve = ok and found or nil
end
if resolve == nil then return end
if fusion == nil then
  local ok, found = pcall(function() return resolve:Fusion() end)
  if ok then fusion = found end
end

-- Small things ------------------------------------------------------------------------------------

local function callable(value)
  local kind = type(value)
  if kind == "function" or kind == "userdata" then return true end
  if kind ~= "table" then return false end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__call ~= nil
end

local function now()
  if callable(bmd.gettime) then return bmd.gettime() end
  return os.time()
end

local function wait(seconds)
  if callable(bmd.wait) then bmd.wait(seconds) return true end
  return false
end

local last_turn = now()
local function give_turn()
  if now() - last_turn >= SLICE_S then
    wait(0.001)
    last_turn = now()
  end
end

local started = os.time()
local AGENT = string.format("%x-%x-%s", started, callable(bmd.getpid) and bmd.getpid() or 0,
  tostring({}):gsub("^table: 0?x?", ""))

-- JSON out ----------------------------------------------------------------------------------------

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t" }

-- Resolve on Windows can hand out bytes that are not UTF-8; they become U+FFFD, never a broken answer.
local function clean(text)
  if not text:find("[\128-\255]") then return text end
  local out, i, n = {}, 1, #text
  while i <= n do
    local byte = text:byte(i)
    local size = byte < 128 and 1 or (byte >= 194 and byte < 224) and 2
      or (byte >= 224 and byte < 240) and 3 or (byte >= 240 and byte < 245) and 4 or 0
    local piece = size > 0 and text:sub(i, i + size - 1) or ""
    if size > 0 and #piece == size and (size == 1 or piece:find("^.[\128-\191]+$"))
      and not piece:find("^\224[\128-\159]") and not piece:find("^\237[\160-\191]")
      and not piece:find("^\240[\128-\143]") and not piece:find("^\244[\144-\191]") then
      out[#out + 1], i = piece, i + size
    else
      out[#out + 1], i = "\239\191\189", i + 1
    end
  end
  return table.concat(out)
end

local function json_string(text)
  return '"' .. clean(text):gsub('[%c"\\\127]', function(c)
    return ESCAPES[c] or string.format("\\u%04x", c:byte())
  end) .. '"'
end

local function json_number(value)
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  if value == math.floor(value) and math.abs(value) < 9007199254740992 then
    return string.format("%d", value)
  end
  return string.format("%.17g", value)
end

local function key_text(key)
  if type(key) == "number" then return json_number(key) end
  return tostring(key)
end

local RAW = {} -- the key under which a table carries text that is JSON already
local json -- forward
local function json_map(value, depth)
  local keys, out = {}, {}
  for key in pairs(value) do
    if key ~= "__flags" then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return key_text(a) < key_text(b) end)
  for _, key in ipairs(keys) do
    out[#out + 1] = json_string(key_text(key)) .. ":" .. json(value[key], depth + 1)
  end
  return "{" .. table.concat(out, ",") .. "}"
end

local function list_size(value)
  local size, count = 0, 0
  for key in pairs(value) do
    if key ~= "__flags" then
      if type(key) ~= "number" or key < 1 or key ~= math.floor(key) then return nil end
      count = count + 1
      if key > size then size = key end
    end
  end
  if size > 2 * count + 8 then return nil end -- sparse: not a list
  return size
end

function json(value, depth)
  depth = depth or 0
  local kind = type(value)
  if kind == "boolean" then return value and "true" or "false" end
  if kind == "number" then return json_number(value) end
  if kind == "string" then return json_string(value) end
  if kind ~= "table" or depth > 12 then return "null" end
  if value[RAW] then return value[RAW] end
  local size = list_size(value)
  if not size then return json_map(value, depth) end
  local out = {}
  for i = 1, size do out[i] = json(value[i], depth + 1) end
  return "[" .. table.concat(out, ",") .. "]"
end

-- Objects -----------------------------------------------------------------------------------------
-- Resolve's objects stay here; the panel sees a handle and the unique id. A reset makes all stale.

local objects, object_count, generation = {}, 0, 0

local function reset_objects()
  objects, object_count, generation = {}, 0, generation + 1
end

local HAS_ID = { project = true, timeline = true, item = true, media = true, folder = true }

local function keep(kind, object)
  object_count = object_count + 1
  local handle = generation .. "." .. object_count
  objects[handle] = { kind = kind, object = object }
  local id
  if HAS_ID[kind] and callable(object.GetUniqueId) then
    local ok, found = pcall(object.GetUniqueId, object)
    if ok and type(found) == "string" then id = found end
  end
  return { [RAW] = string.format('{"$":%s,"k":%s,"id":%s}', json_string(handle), json_string(kind),
    id and json_string(id) or "null") }
end

local function is_object(value)
  return value ~= nil and type(value) ~= "boolean" and type(value) ~= "number"
    and type(value) ~= "string"
end

local function root(name)
  local function step(object, method) -- under a dialog everything answers false
    if not is_object(object) or not callable(object[method]) then return nil end
    local found = object[method](object)
    return is_object(found) and found or nil
  end
  if name == "resolve" then return name, resolve end
  local manager = step(resolve, "GetProjectManager")
  if name == "manager" then return name, manager end
  local project = step(manager, "GetCurrentProject")
  if name == "project" then return name, project end
  if name == "pool" then return name, step(project, "GetMediaPool") end
  if name == "timeline" then return name, step(project, "GetCurrentTimeline") end
end

local function shaped(shape, value)
  if shape == "" then
    if type(value) == "userdata" then return nil end
    return value
  end
  if shape == "map" then
    if type(value) ~= "table" then return value end
    local copy = {}
    for key, member in pairs(value) do
      if key == "mediaPoolItem" and is_object(member) then member = keep("media", member) end
      copy[key] = member
    end
    return { [RAW] = json_map(copy, 0) }
  end
  if shape == "list" then return value end
  if shape:sub(-1) ~= "*" then
    if not is_object(value) then return nil end
    return keep(shape, value)
  end
  if type(value) ~= "table" then return nil end
  local kind, out = shape:sub(1, -2), {}
  local numbers = {}
  for key in pairs(value) do
    if type(key) == "number" then numbers[#numbers + 1] = key end
  end
  table.sort(numbers)
  for _, key in ipairs(numbers) do
    if #out >= MAX_EACH then break end
    local member = value[key]
    out[#out + 1] = is_object(member) and keep(kind, member) or { [RAW] = "null" }
    give_turn()
  end
  return { [RAW] = json(out), members = out }
end

-- An argument is plain data; {["$"] = handle} stands for an object.
local function argument(value, depth)
  if type(value) ~= "table" then return value end
  if depth > 6 then error("argument too deep") end
  local handle = value["$"]
  if handle ~= nil then
    local entry = objects[handle]
    if not entry then error("stale handle " .. tostring(handle)) end
    return entry.object
  end
  local out = {}
  for key, member in pairs(value) do out[key] = argument(member, depth + 1) end
  return out
end

-- One call ----------------------------------------------------------------------------------------

local function call_one(kind, object, method, args, count)
  local allowed = METHODS[kind]
  local shape = allowed and allowed[method]
  if shape == nil then return { e = "not allowed: " .. tostring(kind) .. "." .. tostring(method) } end
  if object == nil then return { e = "no " .. kind } end
  local ok, found = pcall(function() return object[method] end)
  if not ok then return { e = tostring(found) } end
  if not callable(found) then return { m = true } end
  local result
  ok, result = pcall(found, object, unpack(args, 1, count))
  if not ok then return { e = tostring(result) } end
  give_turn()
  return { v = shaped(shape, result) }
end

local function handle_of(reference)
  local text = reference and reference[RAW]
  return text and text:match('^{"%$":"([%d%.]+)"')
end

local function run_step(step, results)
  local ok, args = pcall(argument, step.args or {}, 0)
  if not ok then return { e = tostring(args) } end
  local count = tonumber(step.n) or #args
  local on = step.on
  if type(on) == "number" then -- the answer of an earlier step: one object or each of a list
    local earlier = results[on]
    local value = earlier and earlier.v
    if type(value) ~= "table" then return { e = "nothing to call on" } end
    if value.members then
      local out = {}
      for i, member in ipairs(value.members) do
        local entry = objects[handle_of(member) or ""]
        out[i] = entry and call_one(entry.kind, entry.object, step.call, args, count)
          or { e = "nothing to call on" }
      end
      -- A list of answers may be walked again, when each of them is one object.
      local members = {}
      for i, answer in ipairs(out) do members[i] = answer.v or { [RAW] = "null" } end
      return { l = out, v = { members = members } }
    end
    local entry = objects[handle_of(value) or ""]
    if not entry then return { e = "nothing to call on" } end
    return call_one(entry.kind, entry.object, step.call, args, count)
  end
  local entry = objects[on]
  if entry then return call_one(entry.kind, entry.object, step.call, args, count) end
  if type(on) == "string" and on:find("^[%d%.]+$") then return { e = "stale handle " .. on } end
  local good, kind, object = pcall(root, on)
  if not good then return { e = tostring(kind) } end
  if not kind then return { e = "not allowed: " .. tostring(on) } end
  return call_one(kind, object, step.call, args, count)
end

-- Operations --------------------------------------------------------------------------------------

local ops = {}

-- The pick that was told last: { id, pick }. It is told again where nobody came to read that answer.
local told

local function unread(request)
  return told ~= nil and request.read ~= nil and request.read ~= told.id
end

local function picked()
  if not fusion then return nil end
  local ok, pick = pcall(function() return fusion:GetData("FlowAnchor.pick") end)
  if ok and type(pick) == "string" and pick ~= "" then return pick end
end

local function take_pick(request)
  local pick = picked()
  if pick then
    pcall(function() fusion:SetData("FlowAnchor.pick", "") end)
  elseif unread(request) then
    pick = told.pick
  end
  told = pick and { id = request.id, pick = pick } or nil
  return pick
end

local channel -- "file" or "prefs", chosen at the start

function ops.hello()
  local _, name = pcall(function() return resolve:GetProductName() end)
  local _, version = pcall(function() return resolve:GetVersion() end)
  return { agent = AGENT, version = VERSION, protocol = PROTOCOL, channel = channel, started = started,
    pid = callable(bmd.getpid) and bmd.getpid() or nil, product = name, resolve = version,
    operations = { "hello", "ping", "calls", "saver", "page", "stop", "watch" },
    can = { io = io ~= nil, execute = os.execute ~= nil, fusion = fusion ~= nil } }
end

function ops.ping() return true end

-- What is open, and which clip is meant: the only selected one, else the one under the playhead.
local function scene()
  local function ask(object, method)
    if not is_object(object) then return nil end
    local ok, value = pcall(function()
      return callable(object[method]) and object[method](object) or nil
    end)
    return ok and value or nil
  end
  local function id(object)
    local found = ask(object, "GetUniqueId")
    return type(found) == "string" and found or ""
  end
  local _, project = root("project")
  local timeline = ask(project, "GetCurrentTimeline")
  local item, clips = ask(timeline, "GetCurrentVideoItem"), {}
  local selected = ask(timeline, "GetSelectedClips")
  for key, clip in pairs(type(selected) == "table" and selected or {}) do
    local place = type(key) == "number" and ask(clip, "GetTrackTypeAndIndex")
    if type(place) == "table" and place[1] == "video" then clips[#clips + 1] = clip end
  end
  if #clips == 1 then item = clips[1] end
  return { project = id(project), timeline = id(timeline), item = id(item) }
end

local waiting, began, looked, shown = nil, 0, 0, nil

-- A panel that watches is answered when something has changed, or its patience ends. So nothing is
-- written, to the preferences least of all, while nothing happens.
local function due(request)
  if waiting ~= request.id then waiting, began, looked = request.id, now(), 0 end
  if now() - looked < LOOK_S then return false end
  looked, shown = now(), scene()
  if unread(request) or picked() then return true end
  local seen = type(request.seen) == "table" and request.seen or {}
  for key, value in pairs(shown) do
    if seen[key] ~= value then return true end
  end
  return looked - began >= (tonumber(request.patience) or 0)
end

function ops.watch() return shown end

function ops.calls(request)
  local steps, results, out = request.steps, {}, {}
  if type(steps) ~= "table" or #steps > MAX_STEPS then error("too many steps") end
  if request.reset then reset_objects() end
  for i, step in ipairs(steps) do
    local answer = run_step(step, results)
    results[i] = answer
    if answer.l then -- an empty table would read as a list: every answer is a map
      for k, each in ipairs(answer.l) do answer.l[k] = { [RAW] = json_map(each, 0) } end
      out[i] = { [RAW] = json_map({ l = answer.l }, 0) }
    else
      out[i] = { [RAW] = json_map(answer, 0) }
    end
  end
  return out
end

-- Render a mask tool to numbered pictures through a Saver, on the item's own composition, leaving it as
-- it was. A white Background seen through the mask turns the single channel into a picture.
function ops.saver(request)
  local entry = objects[request.item]
  if not entry or entry.kind ~= "item" then error("stale handle") end
  local comp = entry.object:GetFusionCompByIndex(request.comp)
  if not is_object(comp) then return { problem = "no comp" } end
  local mask = comp:FindTool(request.tool)
  if not is_object(mask) then return { problem = "no tool" } end
  local added, undo = {}, pcall(function() comp:StartUndo("FlowAnchor matte") end)
  local good, problem = pcall(function()
    local paper = comp:AddTool("Background", 1, 40)
    added[#added + 1] = paper
    local saver = comp:AddTool("Saver", 2, 40)
    added[#added + 1] = saver
    for _, key in ipairs({ "TopLeftRed", "TopLeftGreen", "TopLeftBlue", "TopLeftAlpha" }) do
      paper:SetInput(key, 1)
    end
    paper:SetInput("UseFrameFormatSettings", 0)
    paper:SetInput("Width", request.width)
    paper:SetInput("Height", request.height)
    paper.EffectMask = mask
    local format, shown = pcall(function()
      local settings = saver:SaveSettings()
      for _, tool in pairs(settings.Tools) do
        if type(tool) == "table" and tool.Inputs and tool.Inputs.Clip then
          tool.Inputs.Clip.Value.Filename = request.path
          tool.Inputs.Clip.Value.FormatID = "PNGFormat"
          tool.Inputs.OutputFormat = tool.Inputs.OutputFormat or {}
          tool.Inputs.OutputFormat.Value = "PNGFormat"
        end
      end
      return saver:LoadSettings(settings)
    end)
    if not format or not shown then
      saver.Clip = request.path
      saver:SetInput("OutputFormat", "PNGFormat")
    end
    saver:SetInput("SaveAlphaToColor", 1)
    saver:SetInput("Input", paper)
    if not comp:Render({ Start = request.first, End = request.last, Tool = saver, Wait = true }) then
      error("render refused")
    end
  end)
  for i = #added, 1, -1 do
    if is_object(added[i]) then pcall(function() added[i]:Delete() end) end
  end
  if undo then pcall(function() comp:EndUndo(false) end) end
  return { problem = not good and tostring(problem) or false }
end

-- Mailbox -----------------------------------------------------------------------------------------

local function mailbox_places()
  local places, env = {}, os.getenv or function() end
  local function add(base, rest) if base and base ~= "" then places[#places + 1] = base .. rest end end
  if MAILBOX ~= "" then places[1] = MAILBOX end
  add(env("FLOWANCHOR_MAILBOX"), "")
  add(env("LOCALAPPDATA"), "\\FlowAnchor\\mailbox")
  add(env("PROGRAMDATA"), "\\FlowAnchor\\mailbox-" .. (env("USERNAME") or ""))
  add(env("HOME"), "/Library/Application Support/FlowAnchor/mailbox")
  add((env("XDG_DATA_HOME") or ""):match("^/.*"), "/FlowAnchor/mailbox")
  add(env("HOME"), "/.local/share/FlowAnchor/mailbox")
  return places
end

-- Data only: text chunks, an empty environment.
local function read_table(path)
  if callable(bmd.fileexists) and not bmd.fileexists(path) then return nil end
  local ok, chunk = pcall(loadfile, path, "t")
  if not ok or not chunk then return nil end
  setfenv(chunk, {})
  local good, value = pcall(chunk)
  if good and type(value) == "table" then return value end
end

local mailbox, session

local function join(name)
  local separator = mailbox:find("\\", 1, true) and not mailbox:find("/", 1, true) and "\\" or "/"
  return mailbox .. separator .. name
end

local function find_session()
  for _, place in ipairs(mailbox and { mailbox } or mailbox_places()) do
    mailbox = mailbox or place
    local saved = mailbox
    mailbox = place
    local found = read_table(join("session.lua"))
    if found and type(found.token) == "string" and #found.token >= 32 then
      session = found
      return true
    end
    mailbox = saved ~= place and saved or nil
  end
  return false
end

local function hex(text)
  return (text:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end

local function claim()
  if fusion then pcall(function() fusion:SetData("FlowAnchor.agent", AGENT) end) end
end

local function replaced()
  if not fusion then return false end
  local ok, owner = pcall(function() return fusion:GetData("FlowAnchor.agent") end)
  return ok and type(owner) == "string" and owner ~= "" and owner ~= AGENT
end

local prefs_used = true -- a loop before this one may have left its answer there
local said -- the last answer, as it is written

local function write()
  if channel == "file" then
    local name = join("reply-" .. said.id .. "." .. AGENT) -- two loops never overwrite each other
    local out = io.open(name .. ".tmp", "wb")
    if not out then return false end
    out:write(said.framed)
    out:close()
    return os.rename(name .. ".tmp", name)
  end
  said.lost = fusion:SetPrefs(PREFS_KEY, said.id .. ":" .. hex(said.framed)) == false -- under a dialog
  fusion:SavePrefs()
  prefs_used = true
  return true
end

local function send(id, page, pages, text)
  said = { id = id, framed = string.format("%s %d %d\n%s", id, page, pages, text), pause = AGAIN_S,
    at = now() }
  return write()
end

-- The preferences are one value for everybody: whoever saves over an answer before it was read takes
-- it away. While its question lies there it is written again, ever more rarely. What was found under a
-- dialog is not: there every call answers false, this one as well.
local function repeat_answer(request)
  local early = not said or said.id ~= request.id or now() - said.at < said.pause
  if channel ~= "prefs" or early or said.lost or os.time() > request.expires then return end
  said.pause, said.at = 2 * said.pause, now()
  write()
end

local function tidy() -- the question is gone from the mailbox: so goes the answer from the preferences
  if channel ~= "prefs" or not prefs_used or replaced() then return end
  prefs_used = false
  fusion:SetPrefs(PREFS_KEY, "")
  fusion:SavePrefs()
end

local function choose_channel()
  if io and callable(io.open) and callable(os.rename) then
    local probe = join("probe-" .. AGENT)
    local out = io.open(probe, "wb")
    if out then
      out:close()
      if callable(os.remove) then os.remove(probe) end
      return "file"
    end
  end
  if fusion and callable(fusion.SetPrefs) and callable(fusion.SavePrefs) then return "prefs" end
end

local last_id, last_seq, held = nil, 0, nil -- held: { id, pages } of the last long answer

local function answer(request)
  if request.op == "page" then
    local piece = held and held.id == request.of and held.pages[tonumber(request.page) or 0]
    if piece then return send(request.id, request.page, #held.pages, piece) end
    return send(request.id, 1, 1, json({ ok = false, e = "no such page" }))
  end
  local handler, body = ops[request.op], nil
  if request.op ~= "stop" and not handler then
    body = { ok = false, e = "not allowed: " .. tostring(request.op) }
  elseif request.op == "stop" then
    body = { ok = true, v = true }
  else
    local good, value = pcall(handler, request)
    body = good and { ok = true, v = value } or { ok = false, e = tostring(value) }
  end
  body.agent, body.pick = AGENT, take_pick(request)
  local text = json_map(body, 0)
  local limit = channel == "prefs" and PREFS_PAGE or FILE_PAGE
  limit = math.max(1000, math.min(limit, tonumber(request.cap) or limit))
  held = { id = request.id, pages = {} }
  for at = 1, #text, limit do held.pages[#held.pages + 1] = text:sub(at, at + limit - 1) end
  return send(request.id, 1, #held.pages, held.pages[1])
end

-- "done" a request was answered, "none" nothing to do, "stop" leave.
local function serve()
  local request = read_table(join("request.lua"))
  if not request then
    tidy()
    return "none"
  end
  if type(request.id) ~= "string" or not request.id:find("^%x+$") or #request.id < 16
    then return "none" end
  if request.id == last_id then
    repeat_answer(request)
    return "none"
  end
  if request.token ~= session.token then
    local before = session.token
    find_session() -- another panel may have begun a session since
    if session.token ~= before then last_seq = 0 end
    if request.token ~= session.token then return "none" end
  end
  local seq = tonumber(request.seq)
  if not seq or seq <= last_seq then return "none" end -- replayed
  if not tonumber(request.expires) or os.time() > request.expires then return "none" end -- stale
  if request.agent and request.agent ~= AGENT then -- the panel talks to another loop
    if (tonumber(request.agent_started) or 0) > started then return "stop" end
    -- An older one, which this one has replaced: say who is here now, and do nothing.
    request.op = "ping"
  end
  if request.op == "watch" and not due(request) then return "none" end
  if replaced() then return "stop" end -- two answers would write over each other
  last_id, last_seq = request.id, seq
  answer(request)
  return request.op == "stop" and "stop" or "done"
end

-- The one place for answers is emptied at the end: not before the last of them has been read.
local function wait_for_reader()
  local since = now()
  while now() - since < FAREWELL_S do
    local request = read_table(join("request.lua"))
    if not request or request.id ~= last_id or not wait(BUSY_S) then return end
  end
end

-- Panel -------------------------------------------------------------------------------------------

local function start_panel()
  if PANEL == "" or PANEL:find("[\"'`$%%\n]") then return end
  local windows = PANEL:find("\\", 1, true) ~= nil
  if windows then
    local has_ffi, ffi = pcall(function() return global("require")("ffi") end)
    if has_ffi and ffi then
      pcall(function()
        ffi.cdef([[int ShellExecuteA(void*, const char*, const char*, const char*, const char*, int);]])
        local arguments = '/c "set PYTHONHOME=&set PYTHONPATH=&start "" "' .. PANEL .. '""'
        ffi.load("shell32").ShellExecuteA(nil, "open", "cmd.exe", arguments, nil, 0)
      end)
    elseif os.execute then
      pcall(os.execute, 'set PYTHONHOME=&set PYTHONPATH=&start "" "' .. PANEL .. '"')
    end
  elseif os.execute then
    pcall(os.execute, "env -u PYTHONHOME -u PYTHONPATH -u LD_LIBRARY_PATH '" .. PANEL
      .. "' >/dev/null 2>&1 &")
  end
end

-- Life --------------------------------------------------------------------------------------------

claim()
local have_session = find_session()
if have_session then channel = choose_channel() end
local last_busy, asked_panel, tick = now(), false, 0
while true do
  local state = "none"
  if not have_session then
    have_session = find_session()
    if have_session then channel = choose_channel() end
  end
  if have_session and channel then
    local ok, result = pcall(serve)
    state = ok and result or "none"
  end
  local quiet = now() - last_busy
  if state == "stop" then break end
  if state == "done" then
    last_busy, asked_panel = now(), true
  elseif not asked_panel and quiet > 2 then
    asked_panel = true -- nobody asked anything: the panel is not running
    start_panel()
  end
  tick = tick + 1
  if tick % 5 == 0 and replaced() then break end
  local pause = quiet < BUSY_FOR_S and BUSY_S or quiet < IDLE_FOR_S and IDLE_S or ASLEEP_S
  if not wait(pause) then break end
end
if channel == "prefs" and not replaced() then wait_for_reader() end
pcall(tidy)
if fusion and not replaced() then
  pcall(function() fusion:SetData("FlowAnchor.agent", nil) end)
  if channel == "prefs" then pcall(function() fusion:SetPrefs(PREFS_KEY, nil) end) end
end
reset_objects()
