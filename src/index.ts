/** The public door of lanwire. `lanwire/testing` is the second, for the in-memory network. */
export type { Traffic } from "./base/counters.ts";
export { ERROR_CODES, type ErrorCode, LanError } from "./base/errors.ts";
export { REFUSAL_REASONS, type RefusalReason } from "./engine/admission.ts";
export { CHANNELS, type ChannelMessages, type ChannelName } from "./engine/channels.ts";
export type { ClientInfo, ListenAddress } from "./engine/server-contract.ts";
export { type ClientStats, type Rates, rates, type ServerStats, type SessionStats } from "./engine/stats.ts";
export {
  FRAMING_PRESETS,
  type Framing,
  type FramingFormat,
  type FramingName,
  type FramingPreset,
} from "./framing/length-header.ts";
export { LanClient } from "./lan/lan-client.ts";
export { LanServer } from "./lan/lan-server.ts";
export {
  LAN_DEFAULTS,
  type LanClientOptions,
  type LanDefaults,
  type LanOptions,
  type LanServerOptions,
} from "./lan/options.ts";
export type { LinkClient } from "./link/link-client.ts";
export type { LinkServer } from "./link/link-server.ts";
export type { LinkClientOptions, LinkDefaults, LinkOptions, LinkServerOptions } from "./link/options.ts";
export { MonitorAgent, type MonitorAgentLink, type MonitorAgentOptions } from "./monitor/agent.ts";
export type {
  FigureView,
  HistoryQuery,
  MonitorEvent,
  MonitorSource,
  Series,
  ServerView,
} from "./monitor/api.ts";
export { FIGURES, type Figure, type FigureGroup, figureOf } from "./monitor/figures.ts";
export type { Watchable } from "./monitor/link-figures.ts";
export { METRICS_CONTENT_TYPE } from "./monitor/metrics-text.ts";
export { Monitor, type MonitorAddress } from "./monitor/monitor.ts";
export {
  MONITOR_DEFAULTS,
  type MonitorDefaults,
  type MonitorHistoryOptions,
  type MonitorOptions,
  type MonitorPageOptions,
} from "./monitor/options.ts";
export type { PageAddress } from "./monitor/page/page-server.ts";
export { statsMetrics } from "./monitor/stats-metrics.ts";
export { NetClient } from "./net/net-client.ts";
export { NetServer } from "./net/net-server.ts";
export {
  NET_DEFAULTS,
  type NetClientOptions,
  type NetDefaults,
  type NetOptions,
  type NetServerOptions,
} from "./net/options.ts";
export type { TlsClientOptions, TlsServerOptions } from "./net/tls-options.ts";
export { Packet } from "./packet/packet.ts";
export { LEAVE_REASONS, type Leave, type LeaveReason, type NotSent } from "./session/leave.ts";
export type { HostId, SessionId } from "./session/session-id.ts";
export type { Network, PeerCertificate } from "./transport/connection.ts";
