/** grpc-js: one bidirectional stream per link, each on a connection of its own; messages are raw bytes. */
import * as grpc from "@grpc/grpc-js";
import { makeMessage, type Receiver } from "../harness/check.ts";
import type { Peer } from "../harness/contract.ts";

const asItIs = (bytes: Buffer): Buffer => bytes;

const SERVICE = {
  link: {
    path: "/bench.Link/Open",
    requestStream: true,
    responseStream: true,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  },
} as const;

const OPTIONS = {
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  // Else all links of the client process would share one connection.
  "grpc.use_local_subchannel_pool": 1,
};

type ServerCall = grpc.ServerDuplexStream<Buffer, Buffer>;
type ClientCall = grpc.ClientDuplexStream<Buffer, Buffer>;

function receive(call: ServerCall | ClientCall, receiver: Receiver, then: (message: Buffer) => void): void {
  call.on("data", (message: Buffer) => {
    if (receiver.accept(message.readUInt32LE(0), message.length)) receiver.compare(message);
    then(message);
  });
  // The other process ends first.
  call.on("error", () => {});
}

export const peer: Peer = {
  async serve(plan, side) {
    const calls: ServerCall[] = [];
    const server = new grpc.Server(OPTIONS);
    server.addService(SERVICE, {
      link(call: ServerCall) {
        calls.push(call);
        call.on("drain", () => call.resume());
        receive(call, side.join(), (message) => {
          if (plan.pattern === "echo" && !call.write(message)) call.pause();
        });
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return {
      port,
      broadcast(seq, byteLength) {
        const message = makeMessage(seq, byteLength);
        for (const call of calls) call.write(message);
      },
    };
  },

  async connect(plan, side) {
    const Client = grpc.makeGenericClientConstructor(SERVICE, "Link");
    for (let index = 0; index < plan.links + plan.idleLinks; index++) {
      const client = new Client(`127.0.0.1:${plan.port}`, grpc.credentials.createInsecure(), OPTIONS);
      await new Promise<void>((resolve, reject) => {
        client.waitForReady(Date.now() + 5000, (error) => (error === undefined ? resolve() : reject(error)));
      });
      const call = client.link!() as ClientCall;
      let full = false;
      call.on("drain", () => {
        full = false;
        side.ready(index);
      });
      const receiver = side.join(index, {
        send(seq, byteLength) {
          if (full) return false;
          full = !call.write(makeMessage(seq, byteLength));
          return true;
        },
      });
      receive(call, receiver, () => {});
    }
    return {};
  },
};
