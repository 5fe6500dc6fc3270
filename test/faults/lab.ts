/**
 * Two hosts and a cable on one Linux machine: two network namespaces, a veth pair, and faults on it.
 *
 *     namespace "server"  10.77.0.1 --- cable --- 10.77.0.2  namespace "client"
 *
 * Packets are dropped, refused and lost where they arrive, so the sender notices what a sender would. What is made
 * here is unmade by a janitor, a process that waits until this one lets go of a pipe: at the test's end, and also on
 * SIGINT, a crash or SIGKILL. It first kills what still runs in the namespaces.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { TestContext } from "node:test";
import type { LanClientOptions } from "../../src/index.ts";
import type { Side, Wire } from "./link.ts";
import type { Command } from "./peer.ts";

const SIDES = ["server", "client"] as const;
const ADDRESS = { server: "10.77.0.1", client: "10.77.0.2" } as const;

/** What a kernel of the lab holds for a socket each way at the most, so that buffers are full soon. */
const SOCKET_BYTES_MAX = 256 * 1024;

/** Removes the namespaces; with a namespace its end of the cable goes, and with that the other. */
const JANITOR = `
trap '' INT TERM HUP
cat > /dev/null
for name in "$@"; do ip netns pids "$name" 2> /dev/null | xargs -r kill -9; done
for name in "$@"; do ip netns del "$name"; done
`;

/** Why there can be no lab here; undefined where there can. */
export function noLab(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  for (const [command, install] of [
    ["ip", "iproute2"],
    ["tc", "iproute2"],
    ["nft", "nftables"],
  ] as const) {
    if (spawnSync(command, ["-V"], { stdio: "ignore" }).status !== 0) {
      return `${command} is not here: apt-get install ${install}`;
    }
  }
  const name = newName();
  const made = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (made.status !== 0) return `no network namespace can be made: ${made.stderr.trim()}`;
  run("ip", "netns", "del", name);
  return undefined;
}

export class Lab implements Wire {
  readonly listenAt: Wire["listenAt"] = { ip: ADDRESS.server, port: 7000 };
  /** The sender's kernel and the receiver's. */
  readonly heldBytesMax: number = 2 * SOCKET_BYTES_MAX;
  readonly #names: Record<Side, string> = { server: newName(), client: newName() };

  constructor(t: Pick<TestContext, "after">) {
    const { names } = this;
    const janitor = spawn("sh", ["-c", JANITOR, "janitor", ...names], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true, // Ctrl-C is not for it
    });
    const cleaned = once(janitor, "close");
    t.after(async () => {
      janitor.stdin.end();
      await cleaned;
      const left = execFileSync("ip", ["netns", "list"], { encoding: "utf8" });
      for (const name of names) assert.ok(!left.includes(name), `${name} is still there`);
    });
    const [server, client] = SIDES.map((side) => this.#names[side]) as [string, string];
    for (const name of names) run("ip", "netns", "add", name);
    const cable = `link add cable netns ${server} type veth peer name cable netns ${client}`;
    run("ip", ...cable.split(" "));
    for (const side of SIDES) {
      const inside = ["-n", this.#names[side]];
      run("ip", ...inside, "address", "add", `${ADDRESS[side]}/24`, "dev", "cable");
      // As on a cable, what is lost is a packet of 1500 bytes and not a bundle of them.
      run("ip", ...inside, "link", "set", "cable", "up", "gso_max_segs", "1");
      for (const buffer of ["tcp_wmem", "tcp_rmem"]) {
        const set = `echo 4096 65536 ${SOCKET_BYTES_MAX} > /proc/sys/net/ipv4/${buffer}`;
        this.#within(side, "sh", "-c", set);
      }
    }
  }

  /** Of the namespaces, which are all that there is outside of this process. */
  get names(): readonly string[] {
    return Object.values(this.#names);
  }

  async dialAt(port: number): Promise<LanClientOptions> {
    return { serverIp: ADDRESS.server, port };
  }

  within(side: Side): Command {
    return { command: "ip", args: ["netns", "exec", this.#names[side]] };
  }

  /** Every packet that arrives at one of the sides is dropped without a word; by default at both. */
  drop(...at: Side[]): void {
    this.#filter(at, "drop");
  }

  /** Every packet that arrives is answered with RST, as by a firewall that forgot the connection. */
  reset(...at: Side[]): void {
    this.#filter(at, "tcp flags & rst == 0 reject with tcp reset");
  }

  /** So many of a hundred packets are lost, each way; the kernel's randomness has no seed. */
  lose(percent: number): void {
    this.#filter([], `numgen random mod 100 < ${percent} counter drop`);
  }

  /** How many packets `lose` has lost so far. */
  lost(): number {
    const counts = SIDES.map((side) => {
      const rules = this.#within(side, "nft", "list ruleset");
      return Number(/counter packets (\d+)/.exec(rules)?.[1]);
    });
    return counts.reduce((sum, count) => sum + count);
  }

  heal(): void {
    for (const side of SIDES) this.#within(side, "nft", "flush", "ruleset");
  }

  /** What leaves that side does so at this rate at the most. */
  limit(side: Side, bytesPerSecond: number): void {
    const rate = `${bytesPerSecond * 8}bit`;
    this.#within(
      side,
      ..."tc qdisc replace dev cable root tbf rate".split(" "),
      rate,
      "burst",
      "32kb",
      "limit",
      "256kb",
    );
  }

  #filter(at: readonly Side[], rule: string): void {
    const table = `table inet faults { chain in { type filter hook input priority 0; iifname "cable" ${rule}; }; }`;
    for (const side of at.length === 0 ? SIDES : at) {
      this.#within(side, "nft", `flush ruleset; ${table}`);
    }
  }

  #within(side: Side, ...command: string[]): string {
    const { command: enter, args } = this.within(side);
    return run(enter, ...args, ...command);
  }
}

function newName(): string {
  return `lanwire-${randomBytes(4).toString("hex")}`;
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { stdio: "pipe", encoding: "utf8" });
}
