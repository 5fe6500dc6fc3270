/**
 * NATS: nats.js 3 through a real nats-server. One connection of the server process, one per link of the client
 * process; link i goes up on `up.i` and comes back on `down.i`. Publishing never says no, so receivers
 * acknowledge beside it (harness/credit.ts).
 */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { makeMessage, type Receiver, unavailable } from "../harness/check.ts";
import type { Peer } from "../harness/contract.ts";
import type { ChildPlan } from "../harness/plan.ts";

const PAYLOAD_MAX = 1 << 20;

const join = (plan: ChildPlan): Promise<NatsConnection> =>
  connect({ servers: `127.0.0.1:${plan.brokerPort}`, reconnect: false });

function take(receiver: Receiver, message: Uint8Array): void {
  const seq = (message[0]! | (message[1]! << 8) | (message[2]! << 16) | (message[3]! << 24)) >>> 0;
  if (receiver.accept(seq, message.length)) receiver.compare(message);
}

export const peer: Peer = {
  async serve(plan, side) {
    if (Math.max(...plan.sizes) > PAYLOAD_MAX)
      return unavailable("nats-server takes 1 MiB at most as it comes");
    const connection = await join(plan);
    const links = new Map<string, { receiver: Receiver; down: string }>();
    for (let index = 0; index < plan.links + plan.idleLinks; index++) {
      links.set(`up.${index}`, { receiver: side.join(), down: `down.${index}` });
    }
    const echoes = plan.pattern === "echo";
    connection.subscribe("up.*", {
      callback(error, message) {
        if (error !== null) throw error;
        const { receiver, down } = links.get(message.subject)!;
        take(receiver, message.data);
        if (echoes) connection.publish(down, message.data);
      },
    });
    await connection.flush();
    return {
      port: plan.brokerPort,
      broadcast: (seq, byteLength) => connection.publish("news", makeMessage(seq, byteLength)),
    };
  },

  async connect(plan, side) {
    for (let index = 0; index < plan.links + plan.idleLinks; index++) {
      const connection = await join(plan);
      const up = `up.${index}`;
      const receiver = side.join(index, {
        send(seq, byteLength) {
          connection.publish(up, makeMessage(seq, byteLength));
          return true;
        },
      });
      connection.subscribe(plan.pattern === "broadcast" ? "news" : `down.${index}`, {
        callback(error, message) {
          if (error !== null) throw error;
          take(receiver, message.data);
        },
      });
      await connection.flush();
    }
    return {};
  },
};
