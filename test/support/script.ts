/**
 * What a scripted fixture does and what it tells, as plain data: nothing here but numbers, text and bytes, so
 * that a message port can stand between a fixture and its test.
 *
 *      test --Script, Action[]--> ScriptedServer / ScriptedClient --EventRecord--> EventLog --> test
 *
 * Test and fixture meet only through these types (and through the public methods of the handle).
 */
import type { ClientInfo, ErrorCode, LeaveReason, NotSent } from "../../src/index.ts";

/**
 * The events of both classes: onConnectionRequest is "request", onEnterJoinServer "join", and so on.
 * "recvDone": the promise of an onRecv has settled.
 */
export type EventName =
  | "request"
  | "join"
  | "leave"
  | "recv"
  | "recvDone"
  | "send"
  | "sendReady"
  | "error"
  | "begin"
  | "end";

/** Whom an action is for. `joined` counts the joins of the instance from 1. */
export type Target =
  | "self"
  | { readonly id: number }
  | { readonly hostId: string }
  | { readonly joined: number };

/** One thing to do, in an event or by command. Its outcome is the entry of `results` at the same place. */
export type Action =
  /** Answers whether it was taken. `to` is "self" by default, everywhere. */
  | { readonly do: "send"; readonly to?: Target; readonly bytes: Uint8Array }
  /** Sends the received packet on, as it is; answers whether it was taken. */
  | { readonly do: "echo"; readonly to?: Target }
  /** Sends numbered packets of `size` bytes (`numbered` in frames.ts) until one is refused; answers how many were taken. */
  | { readonly do: "fill"; readonly to?: Target; readonly size: number; readonly max?: number }
  | { readonly do: "broadcast"; readonly bytes: Uint8Array; readonly to?: readonly Target[] }
  | { readonly do: "disconnect"; readonly to?: Target; readonly now?: boolean }
  | {
      readonly do: "setHostId";
      readonly to?: Target;
      readonly hostId: string;
      readonly replace?: boolean;
    }
  /** Answers getSessionCount(). */
  | { readonly do: "count" }
  /** Calls stop() and does not wait for it. */
  | { readonly do: "stop"; readonly drainMs: number }
  /** Client: calls connect() with the options of the last one and does not wait for it. */
  | { readonly do: "connect" }
  | { readonly do: "throw"; readonly message: string }
  /** The event returns a promise that rejects. */
  | { readonly do: "reject"; readonly message: string }
  /** The event returns a promise; what follows is done once the gate is open. */
  | { readonly do: "wait"; readonly gate: string }
  | { readonly do: "open"; readonly gate: string }
  /** What onConnectionRequest answers; true where nothing is said. */
  | { readonly do: "answer"; readonly value: unknown }
  /** Reads `byteLength` bytes of the received packet. */
  | { readonly do: "read"; readonly byteLength: number }
  /** Tries to write to the received packet; answers the error's code. */
  | { readonly do: "writeReceived" }
  /** Copies the received packet and writes `append` to the copy; answers both contents. */
  | { readonly do: "copy"; readonly append: Uint8Array }
  /** Keeps the received packet; "kept" answers the contents of all that were kept. */
  | { readonly do: "keep" }
  | { readonly do: "kept" }
  /** Sends the kept packets on, as they are; answers how many were taken. */
  | { readonly do: "sendKept"; readonly to?: Target };

/** When to do what. Every rule that matches is followed, in order. */
export interface Rule {
  readonly on: EventName;
  /** Only the nth such event of the session (of the instance, where it has none), from 1. */
  readonly nth?: number;
  /** Only for the session that joined as the nth, from 1. */
  readonly session?: number;
  readonly do: readonly Action[];
}

export type Script = readonly Rule[];

/** An error as it crosses a port. */
export interface ErrorData {
  readonly isLanError: boolean;
  readonly code: ErrorCode | string | undefined;
  readonly message: string;
  readonly sessionId: number | undefined;
  readonly cause: ErrorData | undefined;
}

export interface LeaveData {
  readonly reason: LeaveReason;
  readonly notSent: NotSent;
  readonly cause: ErrorData | undefined;
}

/** One event, told when it returned; of events that nest, the inner one comes first and says in what it ran. */
export interface EventRecord {
  readonly event: EventName;
  readonly atMs: number;
  /** The event that was running when this one began: null, or the contract is broken. */
  readonly inside: EventName | null;
  readonly sessionId?: number;
  readonly request?: { readonly ip: string; readonly port: number };
  readonly client?: ClientInfo;
  readonly bytes?: Uint8Array;
  readonly size?: number;
  readonly leave?: LeaveData;
  readonly error?: ErrorData;
  readonly results: readonly unknown[];
}

export function errorData(error: unknown, isLanError: (error: unknown) => boolean): ErrorData {
  const { code, message, sessionId, cause } = Object(error) as Record<string, unknown>;
  return {
    isLanError: isLanError(error),
    code: code as string | undefined,
    message: String(message ?? error),
    sessionId: sessionId as number | undefined,
    cause: cause === undefined ? undefined : errorData(cause, isLanError),
  };
}
