/** The formulas of docs/reliability.md about time: no judgement is early, and none later than two looks after its time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  LanClient,
  LanServer,
  type LanServerOptions,
  type Leave,
  Packet,
  type SessionId,
} from "../../src/index.ts";
import { MemoryNetwork, Random, RawPeer } from "../../src/testing.ts";

const SEED = 5;
const ROUNDS = 60;

interface Times {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly partialFrameTimeoutMs: number;
  readonly sendStallMs: number;
}

describe("time, as docs/reliability.md has it", () => {
  it("a peer that fell silent leaves within heartbeat.timeoutMs and two looks, never before", async () => {
    await eachTimes(async (times, random) => {
      const { network, server, options } = await begin(times, true);
      const client = new Client();
      await network.clock.until(client.connect({ ...options, port: 7000 }));
      await network.clock.advance(random.integer(1, 3 * times.intervalMs));
      network.links[0]!.halfOpen();
      const silentMs = await leaveMs(server, network, "heartbeat-timeout");
      // The last byte came up to an interval before the cut.
      assert.ok(silentMs > times.timeoutMs - times.intervalMs - 1, `after ${silentMs} ms`);
      assert.ok(silentMs <= times.timeoutMs + 2 * lookMs(times, true), `after ${silentMs} ms`);
      await network.clock.until(client.disconnect({ now: true }));
      await network.clock.until(server.stop({ drainMs: 0 }));
    });
  });

  it("a frame that stalls leaves within partialFrameTimeoutMs and two looks, never before", async () => {
    await eachTimes(async (times, random) => {
      const { network, server } = await begin(times, false);
      const peer = await network.clock.until(RawPeer.dial(network, { ip: "127.0.0.1", port: 7000 }));
      await network.clock.advance(random.integer(1, 5000));
      void peer.send(Uint8Array.of(100, 0, 0, 0, 1));
      await network.clock.advance(0);
      const waitedMs = await leaveMs(server, network, "partial-frame-timeout");
      assert.ok(waitedMs >= times.partialFrameTimeoutMs, `after ${waitedMs} ms`);
      assert.ok(waitedMs <= times.partialFrameTimeoutMs + 2 * lookMs(times, false), `after ${waitedMs} ms`);
      await network.clock.until(server.stop({ drainMs: 0 }));
    });
  });

  it("a link that takes nothing leaves within sendStallMs and two looks, never before", async () => {
    await eachTimes(async (times, random) => {
      const { network, server } = await begin(times, false);
      await network.clock.until(RawPeer.dial(network, { ip: "127.0.0.1", port: 7000 }, { reading: false }));
      await network.clock.advance(random.integer(1, 5000));
      assert.ok(server.sendPacket(server.ids[0]!, Packet.from(new Uint8Array(100_000))));
      await network.clock.advance(0);
      const waitedMs = await leaveMs(server, network, "send-stalled");
      assert.ok(waitedMs >= times.sendStallMs, `after ${waitedMs} ms`);
      assert.ok(waitedMs <= times.sendStallMs + 2 * lookMs(times, false), `after ${waitedMs} ms`);
      await network.clock.until(server.stop({ drainMs: 0 }));
    });
  });
});

/** How often a thread looks at its sessions, by docs/reliability.md. */
function lookMs({ intervalMs, partialFrameTimeoutMs, sendStallMs }: Times, beats: boolean): number {
  const shortest = Math.min(
    partialFrameTimeoutMs,
    sendStallMs,
    beats ? intervalMs : Number.POSITIVE_INFINITY,
  );
  return Math.max(5, Math.min(1000, shortest / 8));
}

async function eachTimes(check: (times: Times, random: Random) => Promise<void>): Promise<void> {
  const random = new Random(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const intervalMs = random.integer(10, 20_000);
    const times = {
      intervalMs,
      timeoutMs: intervalMs + random.integer(10, 30_000),
      partialFrameTimeoutMs: random.integer(10, 60_000),
      sendStallMs: random.integer(10, 60_000),
    };
    await check(times, random);
  }
}

async function begin({ intervalMs, timeoutMs, ...times }: Times, beats: boolean) {
  const network = new MemoryNetwork({ windowBytes: 10_000 });
  const heartbeat = beats ? ({ intervalMs, timeoutMs } as const) : (false as const);
  // The other judgements are out of the way; how often is looked goes by all of them.
  const options: Omit<LanServerOptions, "port"> = { network, heartbeat, ...times };
  const server = new Server(network);
  await server.start({ ...options, port: 7000 });
  return { network, server, options };
}

/** How long from now until its one session leaves. */
async function leaveMs(server: Server, network: MemoryNetwork, reason: string): Promise<number> {
  const sinceMs = network.clock.nowMs();
  await network.clock.until(() => server.leave !== undefined);
  assert.equal(server.leave?.reason, reason);
  return server.leftAtMs - sinceMs;
}

class Server extends LanServer {
  readonly ids: SessionId[] = [];
  leave: Leave | undefined;
  leftAtMs = 0;
  readonly #network: MemoryNetwork;

  constructor(network: MemoryNetwork) {
    super();
    this.#network = network;
  }

  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(id: SessionId): void {
    this.ids.push(id);
  }
  onClientLeave(_: SessionId, leave: Leave): void {
    this.leave = leave;
    this.leftAtMs = this.#network.clock.nowMs();
  }
  onRecv(): void {}
  onError(): void {}
}

class Client extends LanClient {
  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {}
  onSend(): void {}
  onError(): void {}
}
