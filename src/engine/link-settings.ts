/** What an engine is given, besides the user's events: checked, complete, and free of option names. */
import type { SessionSettings } from "../session/settings.ts";
import type { Address, Network, TlsClientSettings, TlsServerSettings } from "../transport/connection.ts";

export interface LinkSettings extends SessionSettings {
  readonly network: Network;
  readonly address: Address;
  readonly nagle: boolean;
  readonly keepAliveMs: number;
  /** How long a thread polls after its last activity before it sleeps; 0 sleeps at once. */
  readonly busyPollMicros: number;
}

/** Addresses and CIDR ranges, checked. */
export interface AddressLists {
  /** Who may connect; null lets every address. */
  readonly allow: readonly string[] | null;
  /** Who may not, whatever `allow` says. */
  readonly deny: readonly string[];
}

export interface ServerSettings extends LinkSettings, AddressLists {
  readonly backlog: number;
  readonly maxSessions: number;
  /** Sessions of one address at the same time; 0 for no limit. */
  readonly sessionsPerAddressMax: number;
  /** Connections of one address within a second; 0 for no limit. */
  readonly acceptsPerSecondMax: number;
  /** Whether it is told where the process may not open as many descriptors as there may be sessions. */
  readonly tellsDescriptors: boolean;
  /** Null for bytes in clear. */
  readonly tls: TlsServerSettings | null;
}

export interface ClientSettings extends LinkSettings {
  readonly bindIp: string | undefined;
  readonly bindPort: number | undefined;
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly reconnect: ReconnectSettings | false;
  /** Null for bytes in clear. */
  readonly tls: TlsClientSettings | null;
}

export interface ReconnectSettings {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}
