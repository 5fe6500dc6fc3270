/** What a Leave tells: the reason, what was taken and not handed to the kernel, and the cause where there is one. */
import assert from "node:assert/strict";
import { LEAVE_REASONS, type LeaveReason, Packet } from "../../src/index.ts";
import { clog, frameBytes, QUEUE_FRAMES } from "../support/clog.ts";
import { frame, numbered, utf8 } from "../support/frames.ts";
import type { EventRecord } from "../support/script.ts";
import { WatchedNetwork } from "../support/watched-network.ts";
import type { Subject, Tell } from "./suite.ts";

const NOTHING = { packets: 0, bytes: 0 };

export const leaveReasons: Subject = {
  name: "leave",
  tests(tell) {
    reasons(tell);
    framesThatCannotBe(tell);
    notSent(tell);
  },
};

function assertLeave(record: EventRecord, reason: LeaveReason): void {
  assert(Object.hasOwn(LEAVE_REASONS, reason));
  assert.equal(record.leave?.reason, reason);
  assert.deepEqual(record.leave.notSent, NOTHING);
}

function reasons(tell: Tell): void {
  tell("peer-closed: the peer closed in order", async (world) => {
    const { server, peer } = await world.rawPair();
    peer.end();
    const record = await server.event("leave");
    assertLeave(record, "peer-closed");
    assert.equal(record.leave?.cause, undefined);
  });

  tell("peer-closed: in the middle of a frame", async (world) => {
    const { server, peer } = await world.rawPair();
    void peer.send(frame(utf8("whole")));
    void peer.send(frame(utf8("cut short")).subarray(0, 7));
    peer.end();
    assertLeave(await server.event("leave"), "peer-closed");
    assert.equal(server.log.of("recv").length, 1);
  });

  tell(
    "reset: the peer reset the connection, and the cause tells of it",
    async (world) => {
      const { server, peer } = await world.rawPair();
      peer.reset();
      const record = await server.event("leave");
      assertLeave(record, "reset");
      assert.match(String(record.leave?.cause?.code), /ECONNRESET|EPIPE/);
      assert.equal(server.log.of("error").length, 0);
    },
    "reset",
  );

  for (const code of ["ECONNRESET", "EPIPE", "ECONNABORTED", "EOF"]) {
    tell(
      `reset: where the system calls it ${code}`,
      async (world) => {
        const network = new WatchedNetwork(world.network);
        const { client } = await world.pair({}, { options: { network } });
        network.failLinks(Object.assign(new Error(`write ${code}`), { code }));
        const record = await client.event("leave");
        assertLeave(record, "reset");
        assert.equal(record.leave?.cause?.code, code);
        assert.equal(client.log.of("error").length, 0);
      },
      "network",
    );
  }

  tell(
    "reset: the client's server reset the connection",
    async (world) => {
      const { client, peer } = await world.rawServed();
      peer.reset();
      assertLeave(await client.event("leave"), "reset");
    },
    "reset",
  );

  tell("peer-closed: the client's server closed in order", async (world) => {
    const { client, peer } = await world.rawServed();
    peer.end();
    assertLeave(await client.event("leave"), "peer-closed");
  });

  tell("disconnected: on both sides it is the one who called disconnect that says so", async (world) => {
    const { server, client, sessionId } = await world.pair();
    server.server.disconnect(sessionId);
    assertLeave(await server.event("leave"), "disconnected");
    assertLeave(await client.event("leave"), "peer-closed");
  });

  tell("server-stopped: the application called stop()", async (world) => {
    const { server } = await world.pair();
    await server.stop();
    assertLeave(await server.event("leave"), "server-stopped");
  });

  tell("a leave has reason and notSent, and a cause only where there is one", async (world) => {
    const { server, client } = await world.pair();
    await client.disconnect();
    const { leave } = await server.event("leave");
    assert.deepEqual(leave, { reason: "peer-closed", notSent: NOTHING, cause: undefined });
  });
}

function framesThatCannotBe(tell: Tell): void {
  tell(
    "frame-too-large: refused from the header alone, onError tells, the session is reset",
    async (world) => {
      const { server, peer, sessionId } = await world.rawPair({ options: { packetBytesMax: 1000 } });
      await world.until(peer.send(frame(new Uint8Array(1000))));
      await server.event("recv");
      await world.until(peer.send(frame(new Uint8Array(1001)).subarray(0, 4)));
      assertLeave(await server.event("leave"), "frame-too-large");
      const { error } = await server.error("FRAME_TOO_LARGE");
      assert.equal(error?.sessionId, sessionId);
      await world.until(peer.ended);
    },
  );

  tell("frame-too-large: 4 GiB announced on a link with the default options", async (world) => {
    const { server, peer } = await world.rawPair();
    server.expect("FRAME_TOO_LARGE");
    await world.until(peer.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff)));
    assertLeave(await server.event("leave"), "frame-too-large");
  });

  tell("frame-too-large: packets in front of it are handed over, none behind it", async (world) => {
    const { server, peer } = await world.rawPair();
    server.expect("FRAME_TOO_LARGE");
    const broken = Uint8Array.of(0, 0, 0, 0x7f);
    void peer.send(Buffer.concat([frame(utf8("before")), broken, frame(utf8("behind"))]));
    assertLeave(await server.event("leave"), "frame-too-large");
    assert.deepEqual(server.log.received().map(String), [utf8("before")].map(String));
  });

  tell(
    "frame-too-large: the peer sees a reset",
    async (world) => {
      const { server, peer } = await world.rawPair();
      server.expect("FRAME_TOO_LARGE");
      await world.until(peer.send(Uint8Array.of(0, 0, 0, 0x7f)));
      assert.equal((await world.until(peer.closed))?.code, "ECONNRESET");
    },
    "reset",
  );

  tell("frame-too-large: the client leaves the same way", async (world) => {
    const { client, peer } = await world.rawServed({ packetBytesMax: 10 });
    await world.until(peer.send(Uint8Array.of(11, 0, 0, 0)));
    assertLeave(await client.event("leave"), "frame-too-large");
    await client.error("FRAME_TOO_LARGE");
  });

  tell("frame-invalid: a length shorter than its own header", async (world) => {
    const framing = { lengthBytes: 2, endian: "little", includesHeader: true } as const;
    const { server, peer, sessionId } = await world.rawPair({ options: { framing } });
    await world.until(peer.send(Uint8Array.of(1, 0)));
    assertLeave(await server.event("leave"), "frame-invalid");
    const { error } = await server.error("FRAME_INVALID");
    assert.equal(error?.sessionId, sessionId);
  });

  tell("frame-invalid: the client leaves the same way", async (world) => {
    const framing = { lengthBytes: 4, endian: "big", includesHeader: true } as const;
    const { client, peer } = await world.rawServed({ framing });
    await world.until(peer.send(Uint8Array.of(0, 0, 0, 3)));
    assertLeave(await client.event("leave"), "frame-invalid");
    await client.error("FRAME_INVALID");
  });

  tell("a peer that sends what cannot be does not disturb the others", async (world) => {
    const { server, peer } = await world.rawPair({ script: [{ on: "recv", do: [{ do: "echo" }] }] });
    server.expect("FRAME_TOO_LARGE");
    const client = await world.client(server);
    await world.until(peer.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff)));
    await server.event("leave");
    client.client.sendPacket(Packet.from(utf8("fine")));
    await client.event("recv");
  });
}

function notSent(tell: Tell): void {
  tell(
    "notSent is exact where the peer does not read: what was taken less what onSend told",
    async (world) => {
      const { server, peer, taken, sent } = await clog(world);
      peer.reset();
      const { leave } = await server.event("leave");
      assert.equal(leave?.notSent.packets, taken() - sent());
      assert.equal(leave.notSent.bytes, (taken() - sent()) * frameBytes(world));
      assert(leave.notSent.packets > 0 && leave.notSent.packets <= QUEUE_FRAMES);
    },
  );

  tell("notSent counts frames with their headers", async (world) => {
    const options = { heartbeat: false, framing: "u16le" } as const;
    const { server, sessionId } = await world.rawPair({ options });
    for (const size of [1, 10, 100]) server.server.sendPacket(sessionId, Packet.from(new Uint8Array(size)));
    server.server.disconnect(sessionId, { now: true });
    const { leave } = await server.event("leave");
    assert.deepEqual(leave?.notSent, { packets: 3, bytes: 3 + 12 + 102 });
  });

  tell("notSent counts no heartbeat", async (world) => {
    const options = { heartbeat: { intervalMs: 10, timeoutMs: 10_000 } };
    const { server, taken, sessionId } = await clog(world, options);
    await world.pass(60);
    server.server.disconnect(sessionId, { now: true });
    const { leave } = await server.event("leave");
    assert.equal(leave?.notSent.bytes, leave!.notSent.packets * frameBytes(world));
    const sentBytes = server.log.of("send").reduce((sum, { size = 0 }) => sum + size, 0);
    const sentPackets = Math.floor(sentBytes / frameBytes(world));
    assert.equal(leave?.notSent.packets, taken() - sentPackets);
  });

  tell("notSent of an orderly end that the server drained is nothing", async (world) => {
    const { server, client, sessionId } = await world.pair();
    for (let n = 0; n < 100; n++) server.server.sendPacket(sessionId, Packet.from(numbered(n, 1000)));
    await client.event("recv", { nth: 100 });
    await client.disconnect();
    assertLeave(await server.event("leave"), "peer-closed");
  });

  tell("notSent of the client: what it had taken in the turn in which it left", async (world) => {
    const { client } = await world.rawServed({ heartbeat: false });
    for (let n = 0; n < 5; n++) client.client.sendPacket(Packet.from(numbered(n, 96)));
    await client.disconnect({ now: true });
    const { leave } = await client.event("leave");
    assert.deepEqual(leave?.notSent, { packets: 5, bytes: 5 * (world.protocol.headerBytes + 96) });
  });
}
