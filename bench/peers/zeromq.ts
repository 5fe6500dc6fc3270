/**
 * zeromq.js 6: PUSH to PULL one way, PAIR for echo on one link, DEALER to ROUTER for several links, XPUB to SUB
 * for the broadcast (XPUB tells when all have subscribed). Sends are awaited one after the other, as it demands of a
 * socket. Sockets that go both ways stop for good once they have waited at their high-water mark while receiving
 * (seen with 6.8.0 on PAIR), so theirs lies above what is ever outstanding.
 */
import * as zmq from "zeromq";
import { makeMessage, type Receiver } from "../harness/check.ts";
import type { Peer } from "../harness/contract.ts";
import type { ChildPlan } from "../harness/plan.ts";

const QUEUE_MAX = 1000;

/** Messages that wait for the socket, which takes one at a time. */
class SendQueue {
  readonly #socket: { send(message: Buffer): Promise<void> };
  readonly #onReady: () => void;
  #waiting: Buffer[] = [];
  #sending = false;
  #refused = false;

  constructor(socket: { send(message: Buffer): Promise<void> }, onReady: () => void) {
    this.#socket = socket;
    this.#onReady = onReady;
  }

  get full(): boolean {
    if (this.#waiting.length >= QUEUE_MAX) this.#refused = true;
    return this.#refused;
  }

  push(message: Buffer): void {
    this.#waiting.push(message);
    if (!this.#sending) void this.#run();
  }

  async #run(): Promise<void> {
    this.#sending = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      for (const message of batch) await this.#socket.send(message);
    }
    this.#sending = false;
    if (!this.#refused) return;
    this.#refused = false;
    this.#onReady();
  }
}

function take(receiver: Receiver, message: Buffer): void {
  if (receiver.accept(message.readUInt32LE(0), message.length)) receiver.compare(message);
}

const isPair = (plan: ChildPlan): boolean => plan.links + plan.idleLinks === 1;
const portOf = (socket: zmq.Socket): number => Number(socket.lastEndpoint!.split(":").at(-1));

async function servePair(socket: zmq.Pair | zmq.Pull, receiver: Receiver): Promise<void> {
  for await (const [message] of socket) {
    take(receiver, message!);
    if (socket instanceof zmq.Pair) await socket.send(message!);
  }
}

async function serveRouter(
  plan: ChildPlan,
  router: zmq.Router,
  receivers: Map<string, Receiver>,
): Promise<void> {
  for await (const [id, message] of router) {
    take(receivers.get(id!.toString("latin1"))!, message!);
    if (plan.pattern === "echo") await router.send([id!, message!]);
  }
}

const markOf = (plan: ChildPlan): number => Math.max(1000, 2 * plan.window);

function clientSocket(plan: ChildPlan, index: number): zmq.Subscriber | zmq.Push | zmq.Pair | zmq.Dealer {
  if (plan.pattern === "broadcast") return new zmq.Subscriber({ receiveHighWaterMark: 0 });
  if (!isPair(plan)) return new zmq.Dealer({ routingId: idOf(index), sendHighWaterMark: markOf(plan) });
  return plan.pattern === "echo" ? new zmq.Pair({ sendHighWaterMark: markOf(plan) }) : new zmq.Push();
}

/** A name that a DEALER may have: its first byte is not zero. */
const idOf = (index: number): string => `link${index}`;

export const peer: Peer = {
  async serve(plan, side) {
    if (plan.pattern === "broadcast") {
      // Credits bound what is on its way; a high-water mark would drop.
      const publisher = new zmq.XPublisher({ sendHighWaterMark: 0, verbosity: "allSubs" });
      await publisher.bind("tcp://127.0.0.1:*");
      const queue = new SendQueue(publisher, () => {});
      void (async () => {
        for await (const _subscription of publisher) side.join();
      })();
      return {
        port: portOf(publisher),
        broadcast: (seq, byteLength) => queue.push(makeMessage(seq, byteLength)),
      };
    }
    if (isPair(plan)) {
      const socket =
        plan.pattern === "echo" ? new zmq.Pair({ sendHighWaterMark: markOf(plan) }) : new zmq.Pull();
      await socket.bind("tcp://127.0.0.1:*");
      void servePair(socket, side.join());
      return { port: portOf(socket) };
    }
    // A ROUTER drops at its high-water mark.
    const router = new zmq.Router({ sendHighWaterMark: markOf(plan) });
    await router.bind("tcp://127.0.0.1:*");
    const receivers = new Map<string, Receiver>();
    for (let index = 0; index < plan.links + plan.idleLinks; index++) receivers.set(idOf(index), side.join());
    void serveRouter(plan, router, receivers);
    return { port: portOf(router) };
  },

  async connect(plan, side) {
    for (let index = 0; index < plan.links + plan.idleLinks; index++) {
      const socket = clientSocket(plan, index);
      if (socket instanceof zmq.Subscriber) socket.subscribe();
      socket.connect(`tcp://127.0.0.1:${plan.port}`);
      const queue =
        socket instanceof zmq.Subscriber ? undefined : new SendQueue(socket, () => side.ready(index));
      const receiver = side.join(index, {
        send(seq, byteLength) {
          if (queue!.full) return false;
          queue!.push(makeMessage(seq, byteLength));
          return true;
        },
      });
      if (plan.pattern === "oneway") continue;
      void (async () => {
        for await (const [message] of socket as zmq.Pair) take(receiver, message!);
      })();
    }
    return {};
  },
};
