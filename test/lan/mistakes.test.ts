/** The mistakes that everybody makes once: each is told with what to write instead. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  LanClient,
  type LanClientOptions,
  LanError,
  LanServer,
  type LanServerOptions,
  Packet,
} from "../../src/index.ts";

class Server extends LanServer {
  override onConnectionRequest(): boolean {
    return true;
  }
  override onClientJoin(): void {}
  override onClientLeave(): void {}
  override onRecv(): void {}
  override onError(): void {}
}

class Client extends LanClient {
  override onEnterJoinServer(): void {}
  override onLeaveServer(): void {}
  override onRecv(): void {}
  override onSend(): void {}
  override onError(): void {}
}

const start = (options: object) => new Server().start(options as LanServerOptions);
const connect = (options: object) => new Client().connect(options as LanClientOptions);

const MISTAKES: Record<string, { readonly make: () => unknown; readonly told: RegExp }> = {
  "no port": { make: () => start({}), told: /option port: it is needed, or path/ },
  "a port that is a text": { make: () => start({ port: "7000" }), told: /port: .*whole number.*"7000"/ },
  "a misspelt option": {
    make: () => start({ port: 0, workerThread: 1 }),
    told: /unknown option "workerThread"/,
  },
  "host in place of serverIp": {
    make: () => connect({ host: "::1", port: 1 }),
    told: /unknown option "host"/,
  },
  "heartbeat: true": {
    make: () => start({ port: 0, heartbeat: true }),
    told: /option heartbeat: must be false or \{ intervalMs, timeoutMs \}, is true/,
  },
  "reconnect in milliseconds": {
    make: () => connect({ port: 1, reconnect: 100 }),
    told: /option reconnect: must be true, false or \{ minDelayMs, maxDelayMs \}, is 100/,
  },
  "no static module": {
    make: () => start({ port: 0, workerThreads: 1 }),
    told: /class Server must say "static module = import.meta.url;"/,
  },
};

describe("a mistake is told with what to write", () => {
  for (const [name, { make, told }] of Object.entries(MISTAKES)) {
    it(name, async () => {
      await assert.rejects(
        async () => make(),
        (error: LanError) => {
          assert.ok(error instanceof LanError);
          assert.match(error.message, told);
          return true;
        },
      );
    });
  }

  it("a packet that is too large", async (t) => {
    const server = new Server();
    const { ip, port } = await server.start({ port: 0 });
    t.after(() => server.stop());
    const client = new Client();
    await client.connect({ serverIp: ip, port });
    t.after(() => client.disconnect());
    const packet = new Packet().writeBytes(new Uint8Array(2 ** 20 + 1));
    const told = /a packet of 1048577 bytes: packetBytesMax is 1048576; send less, or raise it on both sides/;
    assert.throws(() => client.sendPacket(packet), { code: "PACKET_TOO_LARGE", message: told });
  });
});
