/** `lanwire listen`: what comes as lines, lines to everybody, and the modes that help scripts. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Command, listening, stands } from "./command.ts";

/** A bare TCP client that keeps what it received. */
class Peer {
  received: Buffer = Buffer.alloc(0);
  readonly #socket: Socket;
  readonly closed: Promise<unknown>;

  constructor(t: TestContext, target: string) {
    const [host, port] = target.split(":");
    this.#socket = connect(Number(port), host);
    this.closed = once(this.#socket, "close").catch(() => {});
    this.#socket.on("error", () => {});
    this.#socket.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    t.after(() => this.#socket.destroy());
  }

  send(hex: string): this {
    this.#socket.write(Buffer.from(hex, "hex"));
    return this;
  }

  end(): void {
    this.#socket.end();
  }

  /** Resolves once it has received this and nothing else. */
  async got(hex: string): Promise<void> {
    while (this.received.length < hex.length / 2) await once(this.#socket, "data");
    assert.equal(this.received.toString("hex"), hex);
  }
}

describe("lanwire listen", { concurrency: 2 }, () => {
  test("shows packets as lines and sends lines to every session", async (t) => {
    const command = await listening(t, "--framing", "u16le");
    const [one, two] = [new Peer(t, command.target), new Peer(t, command.target)];
    one.send("02006869");
    await command.out.match(/^hi\n/);
    await command.err.match(/joined.*joined/s);
    command.child.stdin.write("yo\n");
    await Promise.all([one.got("0200796f"), two.got("0200796f")]);
    one.end();
    await command.err.match(/session \d+ left: peer-closed; 1 packets \(2 bytes\) came from it/);
    command.child.kill("SIGINT");
    await command.ends(130);
    await two.closed;
  });

  test("input waits until somebody is there: nothing is sent to nobody", async (t) => {
    const command = (await listening(t, "--framing", "u8")).input("first\nsecond\n") as Awaited<
      ReturnType<typeof listening>
    >;
    await new Peer(t, command.target).got("0566697273740673 65636f6e64".replace(/ /g, ""));
  });

  test("json: a packet to one session alone, and why a session left", async (t) => {
    const command = await listening(t, "--framing", "u8", "--format", "json");
    const [, port] = await command.out.match(/^{"event":"listening","ip":"127.0.0.1","port":(\d+)}\n/);
    assert.equal(command.target, `127.0.0.1:${port}`);
    const one = new Peer(t, command.target);
    const [, first] = await command.out.match(
      /{"event":"join","session":(\d+),"ip":"127.0.0.1","port":\d+}\n/,
    );
    const two = new Peer(t, command.target).send("0161");
    const [, second] = await command.out.match(/{"session":(\d+),"hex":"61","text":"a"}\n/);
    command.child.stdin.write(
      `{"session":${second},"text":"b"}\n{"session":12345,"text":"c"}\n{"hex":"ff"}\n`,
    );
    await Promise.all([one.got("01ff"), two.got("016201ff")]);
    await command.err.match(/line 2 is not sent: there is no session 12345\n/);
    one.end();
    await command.out.match(
      new RegExp(
        `{"event":"leave","session":${first},"reason":"peer-closed","notSent":{"packets":0,"bytes":0}}\n`,
      ),
    );
  });

  test("--echo sends back what came, also to a peer that reads late", async (t) => {
    const command = await listening(t, "--echo", "--framing", "u16be");
    const peer = new Peer(t, command.target).send("000378797a0000");
    await peer.got("000378797a0000");
    assert.equal(command.out.text, "");
  });

  test("--discard counts; --once ends after the first session, 0 in order and 1 where it was lost", async (t) => {
    const fine = await listening(t, "--discard", "--once", "--framing", "u8");
    new Peer(t, fine.target).send("01610162").end();
    assert.deepEqual(await fine.ends(0), []);
    assert.match(fine.err.text, /left: peer-closed; 2 packets \(2 bytes\)/);

    const lost = await listening(t, "--once");
    const [host, port] = lost.target.split(":");
    const socket = connect(Number(port), host);
    await lost.err.match(/joined/);
    socket.resetAndDestroy();
    await lost.ends(1);
    assert.match(lost.err.text, /left: reset/);
  });

  test("--once with --wait-ms ends by itself once the input is over and it is quiet", async (t) => {
    const command = await listening(t, "--once", "--wait-ms", "100", "--framing", "u8");
    command.input("bye\n");
    const peer = new Peer(t, command.target);
    await command.ends(0);
    await peer.closed;
    await peer.got("03627965");
  });

  test("--net speaks Net frames with code and key; a wrong key is told and loses that session alone", async (t) => {
    const command = await listening(t, "--net", "--code", "0x77", "--key", "0x32", "--format", "hex");
    const vector = "7706005a18ea522250e1d0";
    new Peer(t, command.target).send(vector);
    await command.out.match(/^214e01000000\n/);
    new Peer(t, command.target).send(vector.replace(/d0$/, "d1"));
    await command.err.match(/left: frame-checksum-wrong/);
    const client = new Command(t, ["connect", command.target, "--net", "--wait-ms", "0"]).input("net");
    await client.ends(0);
    await command.out.match(/\n6e6574\n$/);
  });

  test("TLS both ways: the certificate is checked, by its name, unless told otherwise", async (t) => {
    const file = (name: string): string =>
      fileURLToPath(new URL(`../net/fixtures/certificates/${name}`, import.meta.url));
    const own = ["--tls-cert", file("server.pem"), "--tls-key", file("server.key")];
    const command = await listening(t, "--net", "--tls", ...own);
    const connect = (...args: string[]): Command =>
      new Command(t, ["connect", command.target, "--net", "--tls", "--wait-ms", "0", ...args]).input(
        "secret\n",
      );
    await connect("--tls-ca", file("ca.pem")).ends(0);
    await command.out.match(/^secret\n/);
    const stranger = connect();
    await stranger.ends(1);
    assert.match(stranger.err.text, /^(?:TLS_FAILED|CONNECT_FAILED): /);
    await connect("--tls-insecure").ends(0);
    await command.out.match(/^secret\nsecret\n/);
  });

  test("--path takes a Unix socket", { skip: process.platform === "win32" }, async (t) => {
    const path = join(tmpdir(), `lanwire-cli-${process.pid}.sock`);
    const command = new Command(t, ["listen", "--path", path, "--once"]);
    await command.err.match(/listening on .*\.sock\n/);
    await new Command(t, ["connect", "--path", path, "--wait-ms", "0"]).input("local\n").ends(0);
    assert.deepEqual(await command.ends(0), ["local"]);
  });

  test("a port that is taken: exit code 1 with the code of the error", async (t) => {
    const { target } = await listening(t);
    const second = new Command(t, ["listen", "--port", target.split(":")[1]!]);
    await second.ends(1);
    assert.match(second.err.text, /^LISTEN_FAILED: .*EADDRINUSE/);
  });

  test("a reader that has gone (| head -1) ends it in order: exit code 0", async (t) => {
    const command = await listening(t, "--framing", "u8");
    const peer = new Peer(t, command.target).send("0161");
    await command.out.match(/a\n/);
    command.child.stdout.destroy();
    peer.send("0162");
    assert.equal(await command.end(), 0, command.err.text);
    await peer.closed;
  });

  test("the second Ctrl-C ends it at once, with a peer that takes nothing", async (t) => {
    const command = await listening(t, "--heartbeat", "off");
    const [host, port] = command.target.split(":");
    const socket = connect(Number(port), host);
    t.after(() => socket.destroy());
    socket.pause();
    socket.on("error", () => {});
    await command.err.match(/joined/);
    const line = `${"x".repeat(99_999)}\n`;
    for (let i = 0; i < 300; i++) command.child.stdin.write(line);
    await stands(() => -command.child.stdin.writableLength);
    command.child.kill("SIGINT");
    assert.equal(
      await Promise.race([command.end(), new Promise((resolve) => setTimeout(resolve, 500, "it drains"))]),
      "it drains",
    );
    const before = performance.now();
    command.child.kill("SIGINT");
    assert.equal(await command.end(), 130);
    assert.ok(performance.now() - before < 3000, "it drained on");
  });
});
