/** Defects of receiving, joining, leaving, of events and of time. */
import { Counters } from "../../src/base/counters.ts";
import { LanError } from "../../src/base/errors.ts";
import { EventCaller } from "../../src/engine/event-caller.ts";
import { ServerEngine } from "../../src/engine/server-engine.ts";
import { Sweeper } from "../../src/engine/sweeper.ts";
import type { Packet } from "../../src/packet/packet.ts";
import { Inbox } from "../../src/session/inbox.ts";
import { Liveness } from "../../src/session/liveness.ts";
import { Session } from "../../src/session/session.ts";
import type { SessionId } from "../../src/session/session-id.ts";
import { LocalRegistry } from "../../src/session/session-registry.ts";
import { all, type Defect, every, regard, replace } from "./defect.ts";
import type { ClientPlan, Plan } from "./plan.ts";

export const SESSION_DEFECTS: readonly Defect[] = [
  // Receiving.
  {
    name: "a packet that arrived is not handed over",
    seenAs: /arrived and wait for nobody|handed over otherwise|stats say received/,
    put: () => {
      const now = every(10);
      return replace(
        Session.prototype,
        "handOver",
        (handOver) =>
          function (this: Session, packet: Packet) {
            return now() ? undefined : handOver.call(this as never, packet as never);
          },
      );
    },
  },
  {
    name: "a packet is handed over twice",
    seenAs: /handed over and has not arrived|handed over otherwise|while the one before is pending/,
    put: () => {
      const now = every(10);
      return replace(
        Session.prototype,
        "handOver",
        (handOver) =>
          function (this: Session, packet: Packet) {
            if (now()) handOver.call(this as never, packet as never);
            return handOver.call(this as never, packet as never);
          },
      );
    },
  },
  {
    name: "the next onRecv does not wait for the one before",
    seenAs: /while the one before is pending/,
    put: () =>
      replace(
        Session.prototype,
        "handOver",
        (handOver) =>
          function (this: Session, packet: Packet) {
            handOver.call(this as never, packet as never);
            return undefined;
          },
      ),
  },
  {
    name: "reading does not stop at receiveQueueBytesMax",
    seenAs: /received bytes wait/,
    put: () => regard(Inbox.prototype, "heldBytes", () => 0),
    tune: withSlowHandlers,
  },
  {
    name: "reading does not go on",
    seenAs: /does not read though nothing waits/,
    put: () => replace(Session.prototype, "resumeReading", () => () => {}),
    tune: withSlowHandlers,
  },
  // Joining and leaving.
  {
    name: "a leave is not told",
    seenAs:
      /joins have no leave|counts \d+ sessions|stop resolved with|joined again|hangs|there behind the end/,
    put: () => {
      const now = every(5);
      return replace(
        EventCaller.prototype,
        "call",
        (call) =>
          function (this: EventCaller, name: string, id: never, event: never) {
            if (name !== "onClientLeave" || !now()) call.call(this as never, name as never, id, event);
          },
      );
    },
  },
  {
    name: "a leave is told twice",
    seenAs: /which is not there|left twice|left without having joined/,
    put: () =>
      replace(
        EventCaller.prototype,
        "call",
        (call) =>
          function (this: EventCaller, name: string, id: never, event: never) {
            call.call(this as never, name as never, id, event);
            if (name.includes("Leave")) call.call(this as never, name as never, id, event);
          },
      ),
  },
  {
    name: "a session id comes again",
    seenAs: /was used before/,
    put: () => {
      let freed: SessionId | undefined;
      return all(
        replace(
          LocalRegistry.prototype,
          "free",
          (free) =>
            function (this: LocalRegistry, id: SessionId) {
              freed = id;
              free.call(this as never, id as never);
            },
        ),
        replace(
          LocalRegistry.prototype,
          "reserve",
          (reserve) =>
            function (this: LocalRegistry) {
              const id = reserve.call(this as never) as SessionId;
              return freed !== undefined && (freed & 0xfffff) === (id & 0xfffff) ? freed : id;
            },
        ),
      );
    },
  },
  {
    name: "the session count is one too many",
    seenAs: /counts \d+ sessions of/,
    put: () => regard(LocalRegistry.prototype, "count", (truth: number) => truth + 1),
  },
  {
    name: "the figures count a packet twice",
    seenAs: /stats say sent\.packets/,
    put: () =>
      replace(
        Counters.prototype,
        "countSent",
        (count) =>
          function (this: Counters, packets: number, bytes: number) {
            count.call(this as never, (packets * 2) as never, bytes as never);
          },
      ),
  },
  {
    name: "a host id is forgotten",
    seenAs: /sendPacket said false|disconnect said false|broadcast was taken/,
    put: () => replace(LocalRegistry.prototype, "find", () => () => undefined),
  },
  {
    name: "a drain does not wait",
    seenAs: /before its drain was over/,
    put: () =>
      replace(
        Session.prototype,
        "drain",
        (drain) =>
          function (this: Session, reason: never, drainMs: number) {
            return drain.call(this as never, reason, (drainMs / 4) as never);
          },
      ),
  },
  {
    name: "a drain goes on for ever",
    seenAs: /time is up/,
    put: () =>
      replace(
        Session.prototype,
        "drain",
        (drain) =>
          function (this: Session, reason: never, drainMs: number) {
            return drain.call(this as never, reason, (drainMs + 1e7) as never);
          },
      ),
  },
  {
    name: "packets that wait for a handler are dropped when the peer closes",
    seenAs: /had arrived before disconnectDrainMs|stayed open/,
    put: () =>
      replace(
        Session.prototype,
        "onEnd",
        (onEnd) =>
          function (this: Session) {
            onEnd.call(this as never);
            this.close("peer-closed", { reset: false });
          },
      ),
    tune: withSlowHandlers,
  },
  {
    name: "a client pauses longer than it may",
    seenAs: /pauses for/,
    put: () => () => {},
    tune: (plan) => ({ ...plan, clients: plan.clients.map((client) => withShorterPauses(client)) }),
  },
  {
    name: "an attempt to connect takes longer than it may",
    seenAs: /dials for/,
    put: () => replace(AbortController.prototype, "abort", () => () => {}),
    tune: (plan) => ({
      ...plan,
      operations: plan.operations.map((operation) => ({ ...operation, do: "hold dials" as const, gap: 1 })),
    }),
  },
  // Events.
  {
    name: "an event runs inside another",
    seenAs: /began inside/,
    put: () =>
      replace(
        ServerEngine.prototype,
        "sendPacket",
        (send) =>
          function (this: ServerEngine, target: SessionId, packet: Packet) {
            this.onError(new LanError("ACCEPT_FAILED", "Cannot wait"));
            return send.call(this as never, target as never, packet as never);
          },
      ),
  },
  {
    name: "events come behind stop",
    seenAs: /came though it is idle/,
    put: () =>
      all(
        replace(EventCaller.prototype, "silence", () => () => {}),
        replace(
          ServerEngine.prototype,
          "stop",
          (stop) =>
            async function (this: ServerEngine, drainMs: number) {
              await stop.call(this as never, drainMs as never);
              setImmediate(() => this.onError(new LanError("ACCEPT_FAILED", "Cannot be quiet")));
            },
        ),
      ),
  },
  // Time.
  {
    name: "no heartbeat is sent",
    seenAs: /sends no heartbeat/,
    put: () => replace(Liveness.prototype, "heartbeatDue", () => () => false),
  },
  {
    name: "nobody is ever given up",
    seenAs: /and stays|for ever/,
    put: () => replace(Liveness.prototype, "verdict", () => () => undefined),
  },
  {
    name: "peers are given up early",
    seenAs: /was reset without a reason/,
    put: () =>
      replace(
        Liveness.prototype,
        "verdict",
        (verdict) =>
          function (this: Liveness, signs: never, nowMs: number) {
            return verdict.call(this as never, signs, (nowMs + 500) as never);
          },
      ),
  },
  {
    name: "a timer is left behind",
    seenAs: /timers are left/,
    put: () => replace(Sweeper.prototype, "stop", () => () => {}),
  },
];

/** The same client, of which less patience is believed than it has. */
function withShorterPauses(client: ClientPlan): ClientPlan {
  const { reconnect } = client;
  if (reconnect === false) return client;
  const { minDelayMs, maxDelayMs } = reconnect;
  return { ...client, reconnect: { minDelayMs: minDelayMs / 2, maxDelayMs: maxDelayMs / 2 } };
}

/** The same history with handlers that take their time. */
function withSlowHandlers(plan: Plan): Plan {
  return { ...plan, manners: { ...plan.manners, slow: 1, slowMs: plan.scaleMs, talks: 0.8 } };
}
