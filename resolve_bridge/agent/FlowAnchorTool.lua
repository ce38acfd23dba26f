--[[ FlowAnchor: right-click a node on the Fusion page > Script > FlowAnchor.

Leaves the picked node for the FlowAnchor link (Workspace > Scripts > FlowAnchor), which hands it to
the panel with its next answer. Shows nothing, changes nothing in the composition; where a call is
refused it simply does nothing.                                                                   ]]

local ENVIRONMENT = getfenv(1)
local function global(name)
  local ok, value = pcall(function() return ENVIRONMENT[name] end)
  if ok then return value end
end

local function ask(action)
  local ok, value = pcall(action)
  if ok then return value end
end

local fusion = global("fusion") or global("fu") or global("app")
local tool, comp, resolve = global("tool"), global("comp"), global("resolve")
if not fusion or not tool then return end

local attributes = ask(function() return tool:GetAttrs() end)
local name = type(attributes) == "table" and attributes.TOOLS_Name or ask(function() return tool.Name end)
if type(name) ~= "string" or name == "" then return end

-- The composition belongs to the clip under the playhead.
local item_id, index = "", 0
ask(function()
  local timeline = resolve:GetProjectManager():GetCurrentProject():GetCurrentTimeline()
  local item = timeline:GetCurrentVideoItem()
  item_id = item:GetUniqueId()
  local shown = ask(function() return comp:GetAttrs().COMPS_Name end)
  local names = item:GetFusionCompNameList()
  for number = 1, #names do
    if names[number] == shown or #names == 1 then index = number end
  end
end)
if type(item_id) ~= "string" then item_id = "" end
ask(function()
  fusion:SetData("FlowAnchor.pick", table.concat({ "1", name, tostring(index), item_id }, "\t"))
end)
