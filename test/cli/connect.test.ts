/** `lanwire connect`: lines to packets and back, nothing lost at the end of either, and how it ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { Packet, type SessionId } from "../../src/index.ts";
import { freePorts } from "../docs/workshop.ts";
import { Command, stands } from "./command.ts";
import { rawServer, type TestServer, testServer } from "./peers.ts";

const echo = (server: TestServer, id: SessionId, packet: Packet): void => {
  server.sendPacket(id, packet);
};

describe("lanwire connect", { concurrency: 2 }, () => {
  test("sends each line, the last without a line feed too, shows what comes back, and leaves in order", async (t) => {
    const { server, target } = await testServer(t, echo);
    const command = new Command(t, ["connect", target, "--wait-ms", "300"]).input("one\ntwo\r\nthrée");
    assert.deepEqual(await command.ends(0), ["one", "two\\x0d", "thrée"]);
    assert.deepEqual(server.texts, ["one", "two\r", "thrée"]);
    assert.equal(await server.left, "peer-closed");
  });

  test("sends 200 000 lines of a pipe before it leaves", async (t) => {
    const { server, target } = await testServer(t);
    const lines = Array.from({ length: 200_000 }, (_, i) => `line ${i}`);
    await new Command(t, ["connect", target, "--wait-ms", "0"]).input(`${lines.join("\n")}\n`).ends(0);
    assert.equal(await server.left, "peer-closed");
    assert.deepEqual(server.texts, lines);
  });

  test("waits for answers from the last one on, for as long as they keep coming", async (t) => {
    const { target } = await testServer(t, async (server, id, packet) => {
      for (let i = 0; i < 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, 200)); // each within the 600 ms, together beyond
        server.sendPacket(id, packet.copy());
      }
    });
    const command = new Command(t, ["connect", target, "--wait-ms", "600"]).input("again\n");
    assert.deepEqual(await command.ends(0), ["again", "again", "again", "again"]);
  });

  test("puts hex on the wire byte for byte, and shows hex", async (t) => {
    const got = Promise.withResolvers<Buffer>();
    const target = await rawServer(t, (socket) => {
      socket.on("data", (bytes: Buffer) => {
        got.resolve(bytes);
        socket.end(Buffer.from("02004f4b", "hex"));
      });
    });
    const args = ["connect", target, "--framing", "u16le", "--format", "hex", "--wait-ms", "forever"];
    const command = new Command(t, args).input(" 21 4E 01000000 \n");
    assert.deepEqual(await command.ends(0), ["4f4b"]);
    assert.equal((await got.promise).toString("hex"), "0600214e01000000");
  });

  for (const [framing, wire] of [
    ["u8", "026869"],
    ["u24be", "0000026869"],
    ["erlangPacket4", "000000026869"],
    ["3,be,includes-header", "0000056869"],
    ["2,le", "02006869"],
  ] as const) {
    test(`--framing ${framing} is ${wire} for hi`, async (t) => {
      const got = Promise.withResolvers<Buffer>();
      const target = await rawServer(t, (socket) => {
        socket.on("data", (bytes: Buffer) => {
          got.resolve(bytes);
          socket.end();
        });
      });
      await new Command(t, ["connect", target, "--framing", framing, "--wait-ms", "forever"])
        .input("hi")
        .ends(0);
      assert.equal((await got.promise).toString("hex"), wire);
    });
  }

  test("json: packets with hex, text where it is text, and the events", async (t) => {
    const { server, target } = await testServer(t, echo);
    const command = new Command(t, ["connect", target, "--format", "json", "--wait-ms", "300"]);
    const out = await command
      .input('{"text":"hé"}\n\n{"hex":"00 ff"}\n{"session":7,"hex":"68","text":"h"}\n')
      .ends(0);
    assert.deepEqual(
      out.map((line) => JSON.parse(line)),
      [
        { event: "join" },
        { hex: "68c3a9", text: "hé" },
        { hex: "00ff" },
        { hex: "68", text: "h" },
        { event: "leave", reason: "disconnected", notSent: { packets: 0, bytes: 0 } },
      ],
    );
    assert.equal(server.packets.length, 3);
  });

  test("a line that is no packet is told with its number and left out, and the exit code is 1", async (t) => {
    const { server, target } = await testServer(t);
    const args = ["connect", target, "--format", "json", "--wait-ms", "0"];
    const lines = [
      '{"text":"a"}',
      "nonsense",
      '{"hex":"0"}',
      '{"hex":"61","text":"b"}',
      '{"text":""}',
      '{"txt":"a"}',
    ];
    const command = new Command(t, args).input(`${lines.join("\n")}\n{"text":"z"}\n`);
    await command.ends(1);
    assert.deepEqual(server.texts, ["a", "z"]);
    const told = command.err.all.filter((line) => line.includes("is not sent"));
    assert.deepEqual(
      told.map((line) => /^line (\d+)/.exec(line)?.[1]),
      ["2", "3", "4", "5", "6"],
    );
    assert.match(told[3]!, /PACKET_EMPTY/);
  });

  test("a line longer than a packet is told, whatever its length, and what is behind it is sent", async (t) => {
    const { server, target } = await testServer(t);
    const command = new Command(t, ["connect", target, "--packet-bytes-max", "10", "--wait-ms", "0"]);
    await command.input(`${"x".repeat(11)}\n${"y".repeat(500_000)}\n0123456789\n`).ends(1);
    assert.deepEqual(server.texts, ["0123456789"]);
    assert.match(command.err.text, /line 1 is not sent/);
    assert.match(command.err.text, /line 2 is not sent/);
  });

  test("exit code 1 where nobody listens, with the code of the error", async (t) => {
    const [port] = await freePorts(1);
    const command = new Command(t, ["connect", `127.0.0.1:${port}`]).input("");
    assert.deepEqual(await command.ends(1), []);
    assert.match(command.err.text, /^CONNECT_FAILED: .*ECONNREFUSED/);
  });

  test("--retry-ms waits for a server that starts later, and gives up with the last failure", async (t) => {
    const [port] = await freePorts(1);
    const late = new Command(t, ["connect", `127.0.0.1:${port}`, "--retry-ms", "200"]).input("");
    await late.ends(1);
    assert.match(late.err.text, /^CONNECT_FAILED: .*ECONNREFUSED/);
    const command = new Command(t, [
      "connect",
      `127.0.0.1:${port}`,
      "--retry-ms",
      "30000",
      "--wait-ms",
      "200",
    ]);
    command.input("there\n");
    await once(command.child, "spawn");
    const server = createServer((socket) => socket.pipe(socket)).listen(port, "127.0.0.1");
    t.after(() => server.close());
    assert.deepEqual(await command.ends(0), ["there"]);
  });

  test("exit code 1 where the peer is lost or closes before the input's end, 0 where it closes after", async (t) => {
    const reset = new Command(t, ["connect", await rawServer(t, (socket) => socket.resetAndDestroy())]);
    await reset.ends(1);
    const closed = new Command(t, ["connect", await rawServer(t, (socket) => socket.end())]);
    await closed.ends(1);
    assert.match(closed.err.text, /left: peer-closed\n.*before the input did/s);
    const target = await rawServer(t, (socket) => socket.once("data", () => socket.end()));
    const args = ["connect", target, "--heartbeat", "off", "--wait-ms", "forever"];
    await new Command(t, args).input("x\n").ends(0);
  });

  test("a peer that does not read holds back whoever writes to stdin, and gets all once it reads", async (t) => {
    const gate = Promise.withResolvers<void>();
    const total = 64 * 1024 * 1024;
    let received = 0;
    const all = Promise.withResolvers<void>();
    const target = await rawServer(t, async (socket) => {
      socket.pause();
      await gate.promise;
      socket.on("data", (bytes: Buffer) => {
        received += bytes.length;
        if (received >= (total / 1000) * 1003) all.resolve();
      });
      socket.resume();
    });
    const command = new Command(t, ["connect", target, "--heartbeat", "off", "--wait-ms", "0"]);
    const line = Buffer.from(`${"x".repeat(999)}\n`);
    let written = 0;
    const chunk = Buffer.concat(Array.from({ length: 64 }, () => line));
    const writeOn = (): void => {
      while (written < total) {
        written += chunk.length;
        if (!command.child.stdin.write(chunk)) return;
      }
      command.child.stdin.end();
    };
    command.child.stdin.on("drain", writeOn);
    writeOn();
    await stands(() => written);
    // The send queue has 16 MiB, the kernel's buffers some: far from all was read from us.
    assert.ok(
      written < total * 0.75,
      `${written} of ${total} bytes were taken from a peer that reads nothing`,
    );
    gate.resolve();
    await command.ends(0);
    await all.promise;
  });

  test("a stdout that nobody reads holds back the peer, and gets all once it is read", async (t) => {
    const count = 40_000;
    const { server, target } = await testServer(t, () => {}, { sendQueueBytesMax: 2 * 1024 * 1024 });
    const command = new Command(t, ["connect", target, "--wait-ms", "forever"], { reads: false });
    command.child.stdin.end();
    const id = await server.joined;
    const packet = new Packet().writeBytes(Buffer.alloc(1000, 0x61));
    let sent = 0;
    const sendOn = (): void => {
      while (sent < count && server.sendPacket(id, packet)) sent++;
      if (sent === count) server.disconnect(id);
    };
    server.onSendReady = sendOn;
    sendOn();
    await stands(() => sent);
    assert.ok(sent < count * 0.75, `${sent} of ${count} packets were taken though nobody reads`);
    let bytes = 0;
    command.child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(command.child, "close");
    assert.equal(command.child.exitCode, 0, command.err.text);
    assert.equal(bytes, count * 1001);
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    test(`${signal} leaves in order: exit code ${code}`, async (t) => {
      const { server, target } = await testServer(t);
      const command = new Command(t, ["connect", target]);
      command.child.stdin.write("last words\n");
      await command.err.match(/joined/);
      await arrived(server);
      command.child.kill(signal);
      await command.ends(code);
      assert.equal(await server.left, "peer-closed");
      assert.deepEqual(server.texts, ["last words"]);
    });
  }
});

/** Resolves once the server has a packet. */
async function arrived(server: TestServer): Promise<void> {
  while (server.packets.length === 0) await new Promise((resolve) => setImmediate(resolve));
}
