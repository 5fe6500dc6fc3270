/**
 * What a server's engine is to those around it: the events it calls, the place where it stands, and what may be asked
 * of it. The engine itself and a handle with its threads both are a `ServerDriver`.
 */
import { Counters } from "../base/counters.ts";
import type { Packet } from "../packet/packet.ts";
import { type Crossing, NO_CROSSING } from "../session/crossing.ts";
import type { Leave } from "../session/leave.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import { LocalRegistry, type SessionRegistry } from "../session/session-registry.ts";
import type { Incoming, PeerCertificate } from "../transport/connection.ts";
import type { CommonEvents, Gate } from "./event-caller.ts";
import type { AddressLists } from "./link-settings.ts";
import type { ServerStats, SessionStats } from "./stats.ts";

/** Where a server listens: the real port where 0 was asked for. With `path`, ip is "" and port 0. */
export interface ListenAddress {
  readonly ip: string;
  readonly port: number;
  readonly path?: string;
}

/** Who joined: addresses as the socket tells them (ip "" and port 0 on a local socket). */
export interface ClientInfo {
  readonly ip: string;
  readonly port: number;
  readonly localIp: string;
  readonly localPort: number;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly acceptedAtMs: number;
  /** Of the peer, where the server has TLS and the peer showed one. */
  readonly certificate?: PeerCertificate;
  /** The worker thread that the session lives on, from 1; 0 is the thread that called `start`. */
  readonly thread: number;
}

/** What a server's subclass writes. */
export interface ServerEvents extends CommonEvents {
  onConnectionRequest(ip: string, port: number): boolean;
  onClientJoin(sessionId: SessionId, client: ClientInfo): void;
  onClientLeave(sessionId: SessionId, leave: Leave): void;
  onRecv(sessionId: SessionId, packet: Packet): void | Promise<void>;
  onSend(sessionId: SessionId, sendSize: number): void;
  onSendReady(sessionId: SessionId): void;
}

/** Where an engine stands: alone on the caller's thread, or one of several threads that share what is here. */
export interface ServerPlace {
  /** From 1; 0 is the caller's thread. */
  readonly thread: number;
  readonly counters: Counters;
  readonly registry: SessionRegistry;
  readonly crossing: Crossing;
  readonly gate: Gate | null;
  /** Leaves an admitted connection to another thread; false where this one shall serve it. */
  handOver(incoming: Incoming, id: SessionId, client: Omit<ClientInfo, "thread">): boolean;
}

/** One thread, the caller's. */
export function callersPlace(maxSessions: number, olderGenerations: number): ServerPlace {
  return {
    thread: 0,
    counters: new Counters(),
    registry: new LocalRegistry(maxSessions, olderGenerations),
    crossing: NO_CROSSING,
    gate: null,
    handOver: () => false,
  };
}

/** What a server's class is to whoever runs it: the engine itself, or a handle and its threads. */
export interface ServerDriver {
  readonly sessionCount: number;
  /** The highest generation of session ids that was given out: a later driver begins above it. */
  readonly newestGeneration: number;
  /** @throws LanError LISTEN_FAILED, and on threads THREAD_MODULE_FAILED and its like */
  listen(): Promise<ListenAddress>;
  stop(drainMs: number): Promise<void>;
  sendPacket(target: SessionId | HostId, packet: Packet): boolean;
  broadcast(packet: Packet, targets: Iterable<SessionId | HostId> | undefined): number;
  disconnect(target: SessionId | HostId, now: boolean): boolean;
  setHostId(sessionId: SessionId, hostId: HostId, replace: boolean): boolean;
  setAddresses(lists: AddressLists): void;
  stats(): ServerStats;
  sessionStats(target: SessionId | HostId): SessionStats | undefined;
}
