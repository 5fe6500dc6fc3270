/** Everything that threads and the handle say to each other, as tagged unions. Payload bytes cross as transferred buffers. */
import type { Socket } from "node:net";
import type { MessagePort } from "node:worker_threads";
import type { ErrorCode } from "../base/errors.ts";
import type { AddressLists, ClientSettings, ServerSettings } from "../engine/link-settings.ts";
import type { ClientInfo, ListenAddress } from "../engine/server-contract.ts";
import type { SessionId } from "../session/session-id.ts";
import type { SharedBuffers } from "./shared-memory.ts";

/** Between any two of the handle (0) and the threads, on the port that the two share. */
export type MailMessage =
  /** Packets for sessions of the receiver: see `mail-batch.ts`. */
  | { readonly kind: "packets"; readonly bytes: ArrayBuffer; readonly byteLength: number }
  | { readonly kind: "disconnect"; readonly id: SessionId; readonly now: boolean }
  /** From a server's handle, behind all that it said before. */
  | { readonly kind: "stop"; readonly drainMs: number }
  /** From a client's handle, likewise. */
  | { readonly kind: "leave"; readonly now: boolean }
  /** A session that refused one of the receiver's packets has room again. */
  | { readonly kind: "room"; readonly id: SessionId }
  /** From the handle: what a thread that died had taken for the receiver's session, and not posted, comes no more. */
  | { readonly kind: "given-back"; readonly id: SessionId }
  /** An admitted connection, for the receiver to serve. */
  | {
      readonly kind: "socket";
      readonly id: SessionId;
      readonly about: Omit<ClientInfo, "thread">;
      readonly socket: Socket;
    };

/** A system error, as it crosses: an error itself would lose its code. */
export interface RemoteCause {
  readonly message: string;
  readonly code: string | undefined;
}

/** What a thread is told once: who it is. */
interface Assignment {
  readonly thread: number;
  /** Which worker this is as that thread. */
  readonly incarnation: number;
  readonly shared: SharedBuffers;
  readonly workerData: unknown;
  readonly peers: readonly PeerPort[];
}

/** A way to another thread, or to the handle (0). */
export interface PeerPort {
  readonly thread: number;
  readonly incarnation: number;
  readonly port: MessagePort;
}

/** To be a server's thread. */
export interface Serve extends Assignment {
  readonly kind: "serve";
  readonly settings: PlainSettings<ServerSettings>;
  /** Whether fewer may run than there are. */
  readonly gated: boolean;
  /** How many threads there are, to place sessions on. */
  readonly created: number;
  /** Whether this is the accepting thread: it listens at `settings.address`. */
  readonly listens: boolean;
}

/** To be a client's thread. */
export interface Connect extends Assignment {
  readonly kind: "connect";
  readonly settings: PlainSettings<ClientSettings>;
}

export type Assigned = Serve | Connect;

/** From the handle to a thread. */
export type HostMessage =
  | Assigned
  /** A new thread has taken a number; this port leads to it. */
  | (PeerPort & { readonly kind: "peer" })
  | ({ readonly kind: "addresses" } & AddressLists)
  | { readonly kind: "abort" };

/** Settings without what cannot be cloned: a thread is always on real sockets, and the handle keeps the signal. */
type PlainSettings<Settings> = Omit<Settings, "network" | "signal">;

/** From a thread to the handle. */
export type ThreadMessage =
  /** The module is loaded and has the class. */
  | { readonly kind: "ready" }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly message: string;
      readonly cause: RemoteCause | undefined;
    }
  | { readonly kind: "serving"; readonly address: ListenAddress | undefined }
  | { readonly kind: "joined" }
  /** A server's thread has run every leave; a client's will do nothing more. */
  | { readonly kind: "over" }
  | { readonly kind: "stop-asked"; readonly drainMs: number }
  /** Who may connect from now on: the handle tells the accepting thread. */
  | ({ readonly kind: "addresses" } & AddressLists);
