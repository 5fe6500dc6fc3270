--[[
Wireshark dissector for what lanwire puts on TCP:

    LANWIRE       | length | payload | length | payload | length = 0 | ...       any length header; 0 is a heartbeat
    LANWIRE_NET   | code u8 | length u16 LE | randKey u8 | checksum u8 | payload | ...   checksum and payload encoded
    LANWIRE_MONITOR   the payloads 20001 and 20002, inside either

A stream whose beginning was captured is read from its first byte. Any other, and one in which bytes are missing, is
out of step until a segment comes that whole frames end with: nothing tells where a frame begins. What goes before is
shown as skipped, with a note.

Preferences say how frames look and on which ports; docs/captures.md has the commands. Runs on Lua 5.2 to 5.4.
]]

local MONITOR_LOGIN, MONITOR_UPDATE = 20001, 20002
local NET_HEADER_BYTES = 5

-- What 20002 can report: type, then name, unit, and how many of the value make one unit.
-- figures:begin
local FIGURES = {
  [1] = { "login server running", "", 1 },
  [2] = { "login server CPU", "%", 1 },
  [3] = { "login server memory", "MiB", 1 },
  [4] = { "login server sessions", "", 1 },
  [5] = { "login server logins", "/s", 1 },
  [6] = { "login server packet pool", "", 1 },
  [10] = { "game server running", "", 1 },
  [11] = { "game server CPU", "%", 1 },
  [12] = { "game server memory", "MiB", 1 },
  [13] = { "game server sessions", "", 1 },
  [14] = { "game server players logging in", "", 1 },
  [15] = { "game server players", "", 1 },
  [16] = { "game server accepts", "/s", 1 },
  [17] = { "game server packets in", "/s", 1 },
  [18] = { "game server packets out", "/s", 1 },
  [19] = { "game server database writes", "/s", 1 },
  [20] = { "game server database queue", "", 1 },
  [21] = { "game server login frames", "/s", 1 },
  [22] = { "game server game frames", "/s", 1 },
  [23] = { "game server packet pool", "", 1 },
  [30] = { "chat server running", "", 1 },
  [31] = { "chat server CPU", "%", 1 },
  [32] = { "chat server memory", "MiB", 1 },
  [33] = { "chat server sessions", "", 1 },
  [34] = { "chat server players", "", 1 },
  [35] = { "chat server updates", "/s", 1 },
  [36] = { "chat server packet pool", "", 1 },
  [37] = { "chat server message pool", "", 1 },
  [40] = { "host CPU", "%", 1 },
  [41] = { "host memory used", "MiB", 1 },
  [42] = { "host network in", "KiB/s", 1 },
  [43] = { "host network out", "KiB/s", 1 },
  [44] = { "host memory available", "MiB", 1 },
  [100] = { "process CPU", "%", 100 },
  [101] = { "process memory", "MiB", 1024 },
  [102] = { "process heap", "MiB", 1024 },
  [103] = { "process loop delay p99", "ms", 1000 },
  [104] = { "process loop delay max", "ms", 1000 },
  [105] = { "process uptime", "s", 1 },
  [110] = { "LanServer sessions", "", 1 },
  [111] = { "LanServer joined", "/s", 100 },
  [112] = { "LanServer refused", "/s", 100 },
  [113] = { "LanServer packets in", "/s", 1 },
  [114] = { "LanServer packets out", "/s", 1 },
  [115] = { "LanServer bytes in", "KiB/s", 10 },
  [116] = { "LanServer bytes out", "KiB/s", 10 },
  [117] = { "LanServer queued", "KiB", 10 },
  [118] = { "LanServer errors", "", 1 },
  [120] = { "NetServer sessions", "", 1 },
  [121] = { "NetServer joined", "/s", 100 },
  [122] = { "NetServer refused", "/s", 100 },
  [123] = { "NetServer packets in", "/s", 1 },
  [124] = { "NetServer packets out", "/s", 1 },
  [125] = { "NetServer bytes in", "KiB/s", 10 },
  [126] = { "NetServer bytes out", "KiB/s", 10 },
  [127] = { "NetServer queued", "KiB", 10 },
  [128] = { "NetServer errors", "", 1 },
  [130] = { "LanClient sessions", "", 1 },
  [131] = { "LanClient joined", "/s", 100 },
  [132] = { "LanClient left", "/s", 100 },
  [133] = { "LanClient packets in", "/s", 1 },
  [134] = { "LanClient packets out", "/s", 1 },
  [135] = { "LanClient bytes in", "KiB/s", 10 },
  [136] = { "LanClient bytes out", "KiB/s", 10 },
  [137] = { "LanClient queued", "KiB", 10 },
  [138] = { "LanClient errors", "", 1 },
  [140] = { "NetClient sessions", "", 1 },
  [141] = { "NetClient joined", "/s", 100 },
  [142] = { "NetClient left", "/s", 100 },
  [143] = { "NetClient packets in", "/s", 1 },
  [144] = { "NetClient packets out", "/s", 1 },
  [145] = { "NetClient bytes in", "KiB/s", 10 },
  [146] = { "NetClient bytes out", "KiB/s", 10 },
  [147] = { "NetClient queued", "KiB", 10 },
  [148] = { "NetClient errors", "", 1 },
}
-- figures:end

local xor = (bit and bit.bxor) or (bit32 and bit32.bxor) or load("return function(a, b) return a ~ b end")()

-- Protocols, preferences, fields -------------------------------------------------------------------------------------

local lan = Proto("lanwire", "lanwire Lan frames")
local net = Proto("lanwire_net", "lanwire Net frames")
local monitor = Proto("lanwire_monitor", "Monitoring protocol")

local WIDTHS = { { 1, "1", 1 }, { 2, "2", 2 }, { 3, "3", 3 }, { 4, "4", 4 } }
local ORDERS = { { 1, "little", 1 }, { 2, "big", 2 } }
local BIG = 2

lan.prefs.ports = Pref.range("TCP ports", "", "Ports of links; others can be told by Decode As", 65535)
lan.prefs.length_bytes = Pref.enum("Width of the length", 4, "Bytes of the length field", WIDTHS, false)
lan.prefs.endian = Pref.enum("Byte order", 1, "Byte order of the length field", ORDERS, false)
lan.prefs.includes_header = Pref.bool("Length includes the header", false, "Whether the length counts its own bytes")
lan.prefs.packet_bytes_max = Pref.uint("packetBytesMax", 1024 * 1024, "A longer payload is no frame")
net.prefs.ports = Pref.range("TCP ports", "", "Ports of links; others can be told by Decode As", 65535)
net.prefs.code = Pref.uint("Code", 0x77, "First byte of each frame, 0 to 255")
net.prefs.key = Pref.uint("Key", 0x32, "What payloads are encoded with, 0 to 255")
net.prefs.packet_bytes_max = Pref.uint("packetBytesMax", 65535, "A longer payload is no frame")

local f = {
  frame = ProtoField.bytes("lanwire.frame", "Frame"),
  length = ProtoField.uint32("lanwire.length", "Length", base.DEC),
  payload = ProtoField.bytes("lanwire.payload", "Payload"),
  heartbeat = ProtoField.bool("lanwire.heartbeat", "Heartbeat, or empty packet"),
  skipped = ProtoField.bytes("lanwire.skipped", "Skipped"),
}
local n = {
  frame = ProtoField.bytes("lanwire_net.frame", "Frame"),
  code = ProtoField.uint8("lanwire_net.code", "Code", base.HEX),
  length = ProtoField.uint16("lanwire_net.length", "Length", base.DEC),
  rand_key = ProtoField.uint8("lanwire_net.rand_key", "Random key", base.HEX),
  checksum = ProtoField.uint8("lanwire_net.checksum", "Checksum (decoded)", base.HEX),
  checksum_ok = ProtoField.bool("lanwire_net.checksum_ok", "Checksum is right"),
  payload = ProtoField.bytes("lanwire_net.payload", "Payload (decoded)"),
  heartbeat = ProtoField.bool("lanwire_net.heartbeat", "Heartbeat, or empty packet"),
  skipped = ProtoField.bytes("lanwire_net.skipped", "Skipped"),
}
local m = {
  type = ProtoField.uint16("lanwire_monitor.type", "Type", base.DEC,
    { [MONITOR_LOGIN] = "SS_MONITOR_LOGIN", [MONITOR_UPDATE] = "SS_MONITOR_DATA_UPDATE" }),
  server_no = ProtoField.int32("lanwire_monitor.server_no", "Server", base.DEC),
  data_type = ProtoField.uint8("lanwire_monitor.data_type", "Data type", base.DEC),
  figure = ProtoField.string("lanwire_monitor.figure", "Figure"),
  value = ProtoField.int32("lanwire_monitor.value", "Value", base.DEC),
  time = ProtoField.absolute_time("lanwire_monitor.time", "Time", base.UTC),
}
lan.fields = { f.frame, f.length, f.payload, f.heartbeat, f.skipped }
net.fields = {
  n.frame, n.code, n.length, n.rand_key, n.checksum, n.checksum_ok, n.payload, n.heartbeat, n.skipped,
}
monitor.fields = { m.type, m.server_no, m.data_type, m.figure, m.value, m.time }

local function experts(proto, name)
  local e = {
    too_long = ProtoExpert.new(name .. ".too_long", "Frame is longer than packetBytesMax",
      expert.group.MALFORMED, expert.severity.ERROR),
    invalid = ProtoExpert.new(name .. ".invalid", "No frame has such a header",
      expert.group.MALFORMED, expert.severity.ERROR),
    out_of_step = ProtoExpert.new(name .. ".out_of_step", "Out of step: no frame is known to begin here",
      expert.group.SEQUENCE, expert.severity.NOTE),
    in_step = ProtoExpert.new(name .. ".in_step", "In step from here on: whole frames up to the segment's end",
      expert.group.SEQUENCE, expert.severity.NOTE),
    cut = ProtoExpert.new(name .. ".cut", "Frame was not captured whole", expert.group.UNDECODED, expert.severity.WARN),
    not_joined = ProtoExpert.new(name .. ".not_joined", "Frame goes on in another segment, and reassembly is off",
      expert.group.UNDECODED, expert.severity.WARN),
    checksum = ProtoExpert.new(name .. ".checksum_wrong", "Checksum is wrong", expert.group.CHECKSUM, expert.severity.ERROR),
  }
  proto.experts = { e.too_long, e.invalid, e.out_of_step, e.in_step, e.cut, e.not_joined, e.checksum }
  return e
end
local lan_experts = experts(lan, "lanwire")
local net_experts = experts(net, "lanwire_net")

local tcp_stream = Field.new("tcp.stream")
local tcp_completeness = Field.new("tcp.completeness")

-- 20001 and 20002 ----------------------------------------------------------------------------------------------------

local function scaled(value, scale, unit)
  local text = scale == 1 and string.format("%d", value) or string.format("%.2f", value / scale)
  return unit == "" and text or text .. " " .. unit
end

-- Shows a payload that has the size and type of one of the two; returns what to say of it, or nil.
local function dissect_monitor(payload, tree)
  local bytes = payload:len()
  if bytes ~= 6 and bytes ~= 11 then return nil end
  local kind = payload(0, 2):le_uint()
  if bytes == 6 and kind == MONITOR_LOGIN then
    local sub = tree:add(monitor, payload())
    sub:add_le(m.type, payload(0, 2))
    sub:add_le(m.server_no, payload(2, 4))
    local text = string.format("login of server %d", payload(2, 4):le_int())
    sub:append_text(", " .. text)
    return text
  end
  if bytes ~= 11 or kind ~= MONITOR_UPDATE then return nil end
  local sub = tree:add(monitor, payload())
  local data_type, value = payload(2, 1):uint(), payload(3, 4):le_int()
  local name, unit, scale = "figure " .. data_type, "", 1
  if FIGURES[data_type] then name, unit, scale = table.unpack(FIGURES[data_type]) end
  sub:add_le(m.type, payload(0, 2))
  sub:add(m.data_type, payload(2, 1)):append_text(" (" .. name .. ")")
  local text = name .. ": " .. scaled(value, scale, unit)
  sub:add(m.figure, payload(2, 5), text):set_generated()
  sub:add_le(m.value, payload(3, 4))
  sub:add_le(m.time, payload(7, 4))
  sub:append_text(", " .. text)
  return text
end

-- The two kinds of frames --------------------------------------------------------------------------------------------
--
-- header_bytes    how many tell a frame's size
-- empty_bytes     what a frame without payload has
-- size_at(tvb, at)   bytes of the frame that begins there, or nil and the expert that says why there is none
-- show(tvb, at, size, tree)   one whole frame; returns what the info column says of it

local function lan_kind()
  local p = lan.prefs
  local width, big, includes, bytes_max = p.length_bytes, p.endian == BIG, p.includes_header, p.packet_bytes_max
  local kind = { proto = lan, fields = f, experts = lan_experts, header_bytes = width, empty_bytes = width, label = "LANWIRE" }

  function kind.size_at(tvb, at)
    local field = tvb(at, width)
    local length = big and field:uint() or field:le_uint()
    if includes then length = length - width end
    if length < 0 then return nil, lan_experts.invalid end
    if length > bytes_max then return nil, lan_experts.too_long end
    return width + length
  end

  function kind.show(tvb, at, size, tree)
    local sub = tree:add(f.frame, tvb(at, size))
    local add = big and sub.add or sub.add_le
    add(sub, f.length, tvb(at, width))
    local bytes = size - width
    if bytes == 0 then
      sub:set_text("Heartbeat (empty frame)")
      sub:add(f.heartbeat, tvb(at, width), true):set_generated()
      return "heartbeat"
    end
    sub:set_text(string.format("Frame, %d bytes of payload", bytes))
    sub:add(f.payload, tvb(at + width, bytes))
    return dissect_monitor(tvb(at + width, bytes):tvb(), sub) or string.format("%d bytes", bytes)
  end

  return kind
end

-- E is what is on the wire: P[i] = E[i] ^ (E[i-1] + key + i), D[i] = P[i] ^ (P[i-1] + randKey + i), from 1, mod 256.
local function decoded(encoded, key, rand_key)
  local clear = ByteArray.new()
  local bytes = encoded:len()
  clear:set_size(bytes)
  local p_before, e_before, sum = 0, 0, 0
  for i = 1, bytes do
    local e = encoded:get_index(i - 1)
    local p = xor(e, (e_before + key + i) % 256)
    local d = xor(p, (p_before + rand_key + i) % 256)
    clear:set_index(i - 1, d)
    if i > 1 then sum = sum + d end
    p_before, e_before = p, e
  end
  return clear, sum % 256
end

local function net_kind()
  local code, key, bytes_max = net.prefs.code, net.prefs.key, net.prefs.packet_bytes_max
  local kind = { proto = net, fields = n, experts = net_experts, header_bytes = 4, label = "LANWIRE_NET" }
  kind.empty_bytes = NET_HEADER_BYTES

  function kind.size_at(tvb, at)
    if tvb(at, 1):uint() ~= code then return nil, net_experts.invalid end
    local length = tvb(at + 1, 2):le_uint()
    if length > bytes_max then return nil, net_experts.too_long end
    return NET_HEADER_BYTES + length
  end

  function kind.show(tvb, at, size, tree)
    local rand_key = tvb(at + 3, 1):uint()
    local clear, sum = decoded(tvb(at + 4, size - 4):bytes(), key, rand_key)
    local clear_tvb = clear:tvb("Net frame, decoded")
    local sub = tree:add(n.frame, tvb(at, size))
    sub:add(n.code, tvb(at, 1))
    sub:add_le(n.length, tvb(at + 1, 2))
    sub:add(n.rand_key, tvb(at + 3, 1))
    local checksum = sub:add(n.checksum, clear_tvb(0, 1))
    local is_right = clear:get_index(0) == sum
    sub:add(n.checksum_ok, clear_tvb(0, 1), is_right):set_generated()
    if not is_right then
      local text = string.format("Checksum is wrong: 0x%02x, and the payload's is 0x%02x (another key?)",
        clear:get_index(0), sum)
      checksum:add_proto_expert_info(net_experts.checksum, text)
    end
    local bytes = size - NET_HEADER_BYTES
    if bytes == 0 then
      sub:set_text("Heartbeat (empty frame)")
      sub:add(n.heartbeat, tvb(at, size), true):set_generated()
      return is_right and "heartbeat" or "heartbeat, checksum wrong"
    end
    sub:set_text(string.format("Frame, %d bytes of payload", bytes))
    sub:add(n.payload, clear_tvb(1, bytes))
    local told = is_right and dissect_monitor(clear_tvb(1, bytes):tvb(), sub) or string.format("%d bytes", bytes)
    return is_right and told or told .. ", checksum wrong"
  end

  return kind
end

-- Streams ------------------------------------------------------------------------------------------------------------

-- By stream and direction: whether the next byte is known to begin a frame. Only the first pass changes it.
local in_step = {}
-- By piece of a packet, of those that came out of step: how many bytes were skipped.
local skipped = {}

local function reset()
  in_step = {}
  skipped = {}
end

local function direction_of(pinfo)
  return string.format("%s %s %d", tcp_stream().value, tostring(pinfo.src), pinfo.src_port)
end

-- Whether the capture has the connection's beginning: bit 1 is the SYN, bit 2 the answer to it.
local function began_before_us()
  local completeness = tcp_completeness()
  return completeness == nil or completeness.value % 4 == 0
end

-- How many bytes to skip so that whole frames follow up to the segment's end; nil where there is no such place.
-- One look from the end backwards: a frame can begin where it ends at a place where one can begin.
local function place_in_step(kind, tvb)
  local bytes = tvb:len()
  local can_begin = { [bytes] = true }
  local first, has_payload = nil, { [bytes] = false }
  for at = bytes - kind.header_bytes, 0, -1 do
    local size = kind.size_at(tvb, at)
    if size and can_begin[at + size] then
      can_begin[at] = true
      has_payload[at] = size > kind.empty_bytes or has_payload[at + size]
      -- Zeros at the end of a payload look like heartbeats: only a segment that is nothing else may be those.
      if has_payload[at] or at == 0 then first = at end
    end
  end
  return first
end

local function show_skipped(kind, tvb, bytes, tree, is_in_step_then)
  local item = tree:add(kind.fields.skipped, tvb(0, bytes))
  item:add_proto_expert_info(is_in_step_then and kind.experts.in_step or kind.experts.out_of_step)
end

-- The bytes to skip at the start of this segment, and whether frames follow behind them.
local function step_in(kind, tvb, pinfo)
  local key = kind.label .. direction_of(pinfo)
  local piece = string.format("%d %d %d %s", pinfo.number, tvb:offset(), tvb:len(), key)
  if not pinfo.visited and in_step[key] == nil then in_step[key] = not began_before_us() end
  if not pinfo.visited and not in_step[key] then
    local place = place_in_step(kind, tvb)
    in_step[key] = place ~= nil
    skipped[piece] = place or tvb:len()
  end
  return skipped[piece] or 0, key
end

local function say(pinfo, kind, told)
  if #told == 0 then return end
  local text = table.concat(told, " | ")
  if tostring(pinfo.cols.protocol) ~= kind.label then
    pinfo.cols.protocol = kind.label
    pinfo.cols.info = string.format("%d > %d: %s", pinfo.src_port, pinfo.dst_port, text)
  else
    pinfo.cols.info:append(" | " .. text)
  end
end

-- More bytes of the frame that begins at `at`; where segments are not put together, the stream is out of step.
local function ask_for_more(kind, tvb, at, bytes, pinfo, tree, key)
  if pinfo.can_desegment > 0 then
    pinfo.desegment_offset = at
    pinfo.desegment_len = bytes
    return
  end
  tree:add(kind.fields.skipped, tvb(at)):add_proto_expert_info(kind.experts.not_joined)
  if not pinfo.visited then in_step[key] = false end
end

-- All frames from `at` on; what is left of one that is not whole is asked for.
local function show_frames(kind, tvb, at, pinfo, tree, key)
  local told = {}
  local captured, reported = tvb:len(), tvb:reported_len()
  while at < captured do
    local left = reported - at
    if left < kind.header_bytes then
      ask_for_more(kind, tvb, at, DESEGMENT_ONE_MORE_SEGMENT, pinfo, tree, key)
      break
    end
    if captured - at < kind.header_bytes then
      tree:add(kind.fields.skipped, tvb(at)):add_proto_expert_info(kind.experts.cut)
      break
    end
    local size, why = kind.size_at(tvb, at)
    if size == nil then
      tree:add(kind.fields.skipped, tvb(at)):add_proto_expert_info(why)
      if not pinfo.visited then in_step[key] = false end
      table.insert(told, "no frame")
      break
    end
    if size > left then
      ask_for_more(kind, tvb, at, size - left, pinfo, tree, key)
      break
    end
    if size > captured - at then
      tree:add(kind.fields.skipped, tvb(at)):add_proto_expert_info(kind.experts.cut)
      table.insert(told, string.format("%d bytes, cut", size - kind.header_bytes))
    else
      table.insert(told, kind.show(tvb, at, size, tree))
    end
    at = at + size
  end
  say(pinfo, kind, told)
end

local function dissect(kind, tvb, pinfo, tree)
  local top = tree:add(kind.proto, tvb())
  local skip, key = step_in(kind, tvb, pinfo)
  if skip > 0 then
    show_skipped(kind, tvb, skip, top, skip < tvb:len())
    say(pinfo, kind, { string.format("%d bytes skipped", skip) })
  end
  show_frames(kind, tvb, skip, pinfo, top, key)
  return tvb:len()
end

-- Made anew when preferences change.
local kinds = { lan = lan_kind(), net = net_kind() }

function lan.dissector(tvb, pinfo, tree) return dissect(kinds.lan, tvb, pinfo, tree) end
function net.dissector(tvb, pinfo, tree) return dissect(kinds.net, tvb, pinfo, tree) end

lan.init = reset
net.init = reset

-- Ports --------------------------------------------------------------------------------------------------------------

local tcp_ports = DissectorTable.get("tcp.port")
local registered = { lan = "", net = "" }

local function register(name, proto)
  local ports = tostring(proto.prefs.ports)
  if ports == registered[name] then return end
  if registered[name] ~= "" then tcp_ports:remove(registered[name], proto) end
  if ports ~= "" then tcp_ports:add(ports, proto) end
  registered[name] = ports
end

function lan.prefs_changed()
  kinds.lan = lan_kind()
  register("lan", lan)
end

function net.prefs_changed()
  kinds.net = net_kind()
  register("net", net)
end

tcp_ports:add_for_decode_as(lan)
tcp_ports:add_for_decode_as(net)
