/**
 * `npm run bench:codec`: the Net frame's codec beside the same loops in C. Round by round both seal and open the same
 * frames, one after the other on the same core; told in nanoseconds of processor time per byte, so that others on the
 * machine count little. Ends with 1 where a median is more than twice that of C.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { NET_HEADER_BYTES, openFrame, sealFrame } from "../src/framing/net-codec.ts";
import { endChildrenWithParent, FREE, Unavailable } from "./harness/children.ts";
import { describeMachine, thisMachine } from "./harness/machine.ts";
import { median } from "./harness/table.ts";
import { cProgram } from "./peers/c-build.ts";

const { values: given } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    sizes: { type: "string", default: "65,1000,65535" },
  },
});

const KEY = 0x32;
/** What each side seals and opens in a row: stays in the cache, as what was just read or is about to be written does. */
const MEMORY_BYTES = 256 * 1024;
/** Of each round, and each side. */
const BYTES_PER_ROUND = 8 * 1024 * 1024;
const RATIO_MAX = 2;

/** Nanoseconds per payload byte. */
interface Speed {
  readonly seal: number;
  readonly open: number;
}

interface Work {
  readonly size: number;
  readonly frames: number;
  readonly rounds: number;
}

function workOf(size: number): Work {
  const frames = Math.max(1, Math.floor(MEMORY_BYTES / size));
  return { size, frames, rounds: Math.ceil(BYTES_PER_ROUND / (frames * size)) };
}

function here({ size, frames, rounds }: Work): Speed {
  const stride = NET_HEADER_BYTES + size;
  const view = new DataView(new ArrayBuffer(stride * frames));
  for (let i = 0; i < view.byteLength; i++) view.setUint8(i, i * 31 + (i >> 8) * 17);
  let wrong = 0;
  let sealing = 0;
  let opening = 0;
  for (let n = 0; n < rounds; n++) {
    const before = processorNs();
    for (let f = 0; f < frames; f++) sealFrame(KEY, (n + f) & 0xff, view, f * stride, (f + 1) * stride);
    const between = processorNs();
    for (let f = 0; f < frames; f++) if (!openFrame(KEY, view, f * stride, (f + 1) * stride)) wrong++;
    opening += processorNs() - between;
    sealing += between - before;
  }
  return speedOf(sealing, opening, wrong, { size, frames, rounds });
}

/** Of this thread alone: not the compiler's and the collector's. */
function processorNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

class Rival {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    this.#child = spawn(cProgram("net-codec"));
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async speed(work: Work): Promise<Speed> {
    this.#child.stdin.write(`${work.size} ${work.frames} ${work.rounds}\n`);
    const { value } = await this.#lines.next();
    const [sealing = 0, opening = 0, wrong = 0] = String(value).split(" ").map(Number);
    return speedOf(sealing, opening, wrong, work);
  }

  end(): void {
    this.#child.stdin.end();
  }
}

function speedOf(sealing: number, opening: number, wrong: number, { size, frames, rounds }: Work): Speed {
  if (wrong > 0) throw new Error(`${wrong} frames were opened wrong`);
  const bytes = size * frames * rounds;
  return { seal: sealing / bytes, open: opening / bytes };
}

async function main(): Promise<void> {
  endChildrenWithParent();
  console.log(describeMachine(thisMachine(FREE)));
  const rival = new Rival();
  let worst = 0;
  console.log("| frame | seal ns/B | in C | ratio | open ns/B | in C | ratio |");
  console.log("|---|---:|---:|---:|---:|---:|---:|");
  for (const size of given.sizes.split(",").map(Number)) {
    const work = workOf(size);
    here(work); // lets it be compiled
    const ours: Speed[] = [];
    const theirs: Speed[] = [];
    for (let round = 0; round < Number(given.rounds); round++) {
      ours.push(here(work));
      theirs.push(await rival.speed(work));
    }
    const cells: string[] = [];
    for (const what of ["seal", "open"] as const) {
      const [mine, other] = [ours, theirs].map((speeds) => median(speeds.map((speed) => speed[what])));
      const ratio = mine! / other!;
      worst = Math.max(worst, ratio);
      cells.push(mine!.toFixed(2), other!.toFixed(2), `${ratio.toFixed(2)}x`);
    }
    console.log(`| ${size} B | ${cells.join(" | ")} |`);
  }
  rival.end();
  if (worst <= RATIO_MAX) return;
  console.log(`\nFAILED: ${worst.toFixed(2)}x, and at most ${RATIO_MAX}x is promised`);
  process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  console.log(`left out: ${error.message}`);
}
