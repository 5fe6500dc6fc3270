/**
 * What is told on `node:diagnostics_channel`: to tools that watch a process, beside the events of the classes.
 *
 *     what happens --> the counters of stats() --> a message on a channel, where somebody listens --> the event
 *
 * Messages are made and told on the thread where it happens, and only if that thread has a subscriber: else a channel
 * costs one comparison, and `sendPacket` none at all while packets are taken.
 *
 * Invariant: joins, leaves, refusals and errors are told exactly as often as `stats()` counts them.
 */
import { channel } from "node:diagnostics_channel";
import type { ErrorCode, LanError } from "../base/errors.ts";
import type { Leave, LeaveReason, NotSent } from "../session/leave.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import type { Endpoint } from "../transport/connection.ts";
import type { RefusalReason } from "./admission.ts";

/** Every channel, and what is told there. `docs/diagnostics.md` is checked against this table. */
export const CHANNELS = {
  "lanwire:join": "A connection became a session.",
  "lanwire:leave": "A session has ended.",
  "lanwire:refuse": "A server refused a connection.",
  "lanwire:error": "Something failed: what `onError` is told.",
  "lanwire:send-refused":
    "A packet was not taken: `sendPacket` said false, or `broadcast` left a session out.",
} as const;

export type ChannelName = keyof typeof CHANNELS;

/** Who tells: the same in every message. */
interface Told {
  readonly side: "server" | "client";
  /** The name of the subclass. */
  readonly className: string;
  /** Where it is told: a worker thread from 1; 0 is the thread that called `start` or `connect`. */
  readonly thread: number;
}

/** A system error, or what an event threw, without its stack. */
interface ToldCause {
  readonly message: string;
  readonly code: string | undefined;
}

interface JoinMessage extends Told {
  readonly sessionId: SessionId;
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

interface LeaveMessage extends Told {
  readonly sessionId: SessionId;
  readonly hostId: HostId | undefined;
  /** Undefined where the session's thread died and the handle tells. */
  readonly remote: Endpoint | undefined;
  readonly local: Endpoint | undefined;
  readonly reason: LeaveReason;
  readonly notSent: NotSent;
  readonly cause: ToldCause | undefined;
}

interface RefuseMessage extends Told {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly reason: RefusalReason;
}

interface ErrorMessage extends Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly sessionId: SessionId | undefined;
  readonly hostId: HostId | undefined;
  readonly cause: ToldCause | undefined;
}

/** Why a packet was not taken: nobody is there, it is leaving, or its queue is at `sendQueueBytesMax`. */
type SendRefusal = "no-session" | "leaving" | "queue-full";

interface SendRefusedMessage extends Told {
  /** As it was given; of a client, the session's id where there is one. */
  readonly target: SessionId | HostId | undefined;
  readonly reason: SendRefusal;
  /** The length of the packet, without a header. */
  readonly packetBytes: number;
}

/** The messages, by channel. */
export interface ChannelMessages {
  readonly "lanwire:join": JoinMessage;
  readonly "lanwire:leave": LeaveMessage;
  readonly "lanwire:refuse": RefuseMessage;
  readonly "lanwire:error": ErrorMessage;
  readonly "lanwire:send-refused": SendRefusedMessage;
}

// Held here: a channel that nobody holds may be collected, and its subscribers with it.
const JOIN = typedChannel("lanwire:join");
const LEAVE = typedChannel("lanwire:leave");
const REFUSE = typedChannel("lanwire:refuse");
const ERROR = typedChannel("lanwire:error");
const SEND_REFUSED = typedChannel("lanwire:send-refused");

/** Both ends of a connection. */
interface Ends {
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

/** Tells for one server or client on one thread. */
export class Announcer {
  readonly #told: Told;
  readonly #nameOf: (id: SessionId) => HostId | undefined;
  /** A subscriber that sends is told of no refusal of its own: it would never come to an end. */
  #isTellingRefusal = false;

  /** @param instance whose subclass is named */
  constructor(
    side: Told["side"],
    instance: object,
    thread: number,
    registry: { nameOf(id: SessionId): HostId | undefined },
  ) {
    this.#told = { side, className: instance.constructor.name, thread };
    this.#nameOf = (id) => registry.nameOf(id);
  }

  join(sessionId: SessionId, ends: Ends): void {
    if (JOIN.hasSubscribers) JOIN.publish({ ...this.#told, sessionId, ...copyOf(ends) });
  }

  /** The name that `leave` shall tell, to be asked for before it is given back. */
  nameAtLeave(sessionId: SessionId): HostId | undefined {
    return LEAVE.hasSubscribers ? this.#nameOf(sessionId) : undefined;
  }

  leave(sessionId: SessionId, hostId: HostId | undefined, leave: Leave, ends: Ends | undefined): void {
    if (!LEAVE.hasSubscribers) return;
    const { remote, local } = ends === undefined ? NO_ENDS : copyOf(ends);
    const { reason, notSent } = leave;
    const cause = causeOf(leave.cause);
    LEAVE.publish({
      ...this.#told,
      sessionId,
      hostId,
      remote,
      local,
      reason,
      notSent: { ...notSent },
      cause,
    });
  }

  refuse(reason: RefusalReason, ends: Ends): void {
    if (REFUSE.hasSubscribers) REFUSE.publish({ ...this.#told, ...copyOf(ends), reason });
  }

  error({ code, message, sessionId, cause }: LanError): void {
    if (!ERROR.hasSubscribers) return;
    const hostId = sessionId === undefined ? undefined : this.#nameOf(sessionId);
    ERROR.publish({ ...this.#told, code, message, sessionId, hostId, cause: causeOf(cause) });
  }

  /** Whether somebody listens for refused packets. */
  get tellsRefusals(): boolean {
    return SEND_REFUSED.hasSubscribers;
  }

  /**
   * A packet was not taken. Always false: the answer of whoever refuses it.
   * @param isOpen whether the session takes packets; undefined where there is none
   */
  sendRefused(
    target: SessionId | HostId | undefined,
    packetBytes: number,
    isOpen: boolean | undefined,
  ): false {
    if (!SEND_REFUSED.hasSubscribers || this.#isTellingRefusal) return false;
    const reason: SendRefusal = isOpen === undefined ? "no-session" : isOpen ? "queue-full" : "leaving";
    this.#isTellingRefusal = true;
    SEND_REFUSED.publish({ ...this.#told, target, reason, packetBytes });
    this.#isTellingRefusal = false; // also after a subscriber that throws: publish() catches
    return false;
  }
}

interface TypedChannel<Name extends ChannelName> {
  readonly hasSubscribers: boolean;
  publish(message: ChannelMessages[Name]): void;
}

function typedChannel<Name extends ChannelName>(name: Name): TypedChannel<Name> {
  return channel(name);
}

const NO_ENDS = { remote: undefined, local: undefined } as const;

/** What is told is the subscriber's to keep, and to change. */
function copyOf({ remote, local }: Ends): Ends {
  return { remote: { ...remote }, local: { ...local } };
}

function causeOf(cause: unknown): ToldCause | undefined {
  if (cause === undefined) return undefined;
  if (!(cause instanceof Error)) return { message: String(cause), code: undefined };
  const { message, code } = cause as NodeJS.ErrnoException;
  return { message, code };
}
