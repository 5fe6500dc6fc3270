/**
 * npm run fuzz -- [--seconds 30] [--cases 5000000] [--seed N] [--target decoder,mail] [--replay decoder:12345]
 *
 *     server     broken frames and random streams against live servers, for --seconds at least
 *     decoder    streams with every length header, in every way of cutting them
 *     reader     random bytes, read by every method of a packet
 *     batch      packets on their way between threads, and bytes that are none
 *     mail       sends, posts, arrivals, leaves and deaths of threads, in random order
 *     options    random and hostile values for every option
 *
 * All of them share --cases. Each case follows from the seed and its number: --replay makes one again and tells what it
 * is made of.
 */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { fuzzInProcess } from "./in-process.ts";
import { attackServer } from "./server-attack.ts";
import { TARGETS, targetNamed } from "./targets/all.ts";
import { runCases } from "./targets/run-cases.ts";

const SERVER = "server";
const SERVER_SHARE = 20;

interface Options {
  readonly seconds: number;
  readonly cases: number;
  readonly seed: number;
  readonly targets: readonly string[];
  readonly replay: { readonly target: string; readonly index: number } | undefined;
}

const options = optionsFrom(process.argv.slice(2));
process.exitCode = (await (options.replay === undefined ? fuzz(options) : replay(options, options.replay)))
  ? 0
  : 1;

/** The options, or an end of the process that says what is wrong with them. */
function optionsFrom(args: string[]): Options {
  try {
    return optionsOf(args);
  } catch (error) {
    console.error(`fuzz: ${(error as Error).message}`);
    process.exit(1);
  }
}

function optionsOf(args: string[]): Options {
  const all = [SERVER, ...TARGETS.map(({ name }) => name)];
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "30" },
      cases: { type: "string", default: "5000000" },
      seed: { type: "string", default: String(randomBytes(4).readUInt32LE()) },
      target: { type: "string", default: all.join(",") },
      replay: { type: "string" },
    },
  });
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (text === "" || !Number.isSafeInteger(value) || value < 0)
      throw new Error(`--${name} takes a whole number, not "${text}"`);
    return value;
  };
  const targets = values.target.split(",");
  const [target, index] = values.replay?.split(":") ?? [];
  for (const name of target === undefined ? targets : [target])
    if (!all.includes(name)) throw new Error(`there is no target "${name}", only ${all.join(", ")}`);
  return {
    seconds: number("seconds", values.seconds),
    cases: number("cases", values.cases),
    seed: number("seed", values.seed),
    targets,
    replay: target === undefined ? undefined : { target, index: number("replay", index ?? "") },
  };
}

/** Everything that was asked for; whether it passed. */
async function fuzz({ seconds, cases, seed, targets }: Options): Promise<boolean> {
  const shareOf = (name: string): number => targetNamed(name)?.share ?? SERVER_SHARE;
  const shares = targets.reduce((sum, name) => sum + shareOf(name), 0);
  console.log(`fuzz: seed ${seed}, ${cases} cases: ${targets.join(", ")}`);
  let made = 0;
  let failures = 0;
  for (const name of targets) {
    const wanted = Math.ceil((cases * shareOf(name)) / shares);
    const target = targetNamed(name);
    const outcome =
      target === undefined
        ? await attackServer({ seconds, cases: wanted, seed })
        : await fuzzInProcess(target, seed, wanted);
    made += outcome.cases;
    failures += outcome.failures;
    const perSecond = Math.round((outcome.cases * 1000) / outcome.ms);
    console.log(
      `${name.padEnd(12)} ${outcome.cases} cases in ${(outcome.ms / 1000).toFixed(1)} s: ${perSecond} /s, ${outcome.failures} failed`,
    );
  }
  const verdict = failures === 0 ? "passed" : `FAILED with ${failures} problems`;
  console.log(`verdict      ${made} cases, ${verdict}, seed ${seed}`);
  return failures === 0;
}

/** One case again; whether it passes now. */
async function replay(
  { seed, seconds }: Options,
  { target, index }: { target: string; index: number },
): Promise<boolean> {
  const inProcess = targetNamed(target);
  if (inProcess === undefined)
    return (await attackServer({ seconds, cases: 0, seed, only: index })).failures === 0;
  try {
    await runCases(inProcess, seed, index, index + 1, { note: console.log });
    console.log(`verdict      ${target}, case ${index} passes`);
    return true;
  } catch (error) {
    console.error(error);
    return false;
  }
}
