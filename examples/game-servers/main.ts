/**
 * The classic trio, in processes of their own, and users that behave as users do:
 *
 *     npm run example:game -- [--users N] [--seconds S] [--kill] [--threads N] [--loads N] [--seed N]
 *
 *     load process --101, 102--> login server <--10001, 10002, 10003--> game server, chat server
 *          '--------201 to 402-----------------------------------------------^------------^
 *
 * At the end it proves that nothing was lost and nothing is left (`proofs.ts`), prints a summary, and exits with 0; or
 * with 1 and a line for each proof that broke.
 */
import { parseArgs } from "node:util";
import { brokenProofs } from "./proofs.ts";
import { summary } from "./summary.ts";
import { runTrio } from "./trio.ts";

const USAGE = `npm run example:game -- [options]
  --users N           users (default: 100)
  --seconds S         how long they play after everybody has come in (default: 10)
  --kill              kill the game server half-way, as kill -9 does, and start it again
  --threads N         worker threads of the login server's links to servers (default: 1)
  --loads N           load processes that share the users (default: 1)
  --token-ms N        how long a key opens (default: 10000)
  --settle-seconds N  how long anything may take that must happen (default: 300)
  --seed N            for what users do (default: a new one, shown)`;

const OPTIONS = {
  users: "100",
  seconds: "10",
  threads: "1",
  loads: "1",
  "token-ms": "10000",
  "settle-seconds": "300",
  seed: `${Date.now() % 1_000_000}`,
} as const;
type Options = Readonly<Record<keyof typeof OPTIONS, number>> & { readonly kill: boolean };

async function main(options: Options): Promise<void> {
  const { users, seconds, kill, threads, loads, seed } = options;
  const beganMs = performance.now();
  const note = (text: string): void =>
    console.log(`${((performance.now() - beganMs) / 1000).toFixed(1).padStart(5)} s  ${text}`);
  note(`${users} users, seed ${seed}`);
  const run = await runTrio({
    ...{ users, kill, threads, loads, seed, note },
    playMs: seconds * 1000,
    tokenLifeMs: options["token-ms"],
    settleMs: options["settle-seconds"] * 1000,
  });
  for (const line of summary(run)) console.log(line);
  const broken = brokenProofs(run);
  for (const line of broken) console.error(`broken: ${line}`);
  if (broken.length > 0) process.exitCode = 1;
  else
    console.log(
      "green: connects are accepts, no reply is outstanding, nobody spoke after departing, nothing is left",
    );
}

function readOptions(args: string[]): Options | "help" {
  const option = (name: keyof typeof OPTIONS) => ({ type: "string", default: OPTIONS[name] }) as const;
  const { values } = parseArgs({
    args,
    options: {
      users: option("users"),
      seconds: option("seconds"),
      threads: option("threads"),
      loads: option("loads"),
      "token-ms": option("token-ms"),
      "settle-seconds": option("settle-seconds"),
      seed: option("seed"),
      kill: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const users = wholeNumber("--users", values.users, 1);
  return {
    users,
    seconds: wholeNumber("--seconds", values.seconds),
    threads: wholeNumber("--threads", values.threads),
    loads: Math.min(users, wholeNumber("--loads", values.loads, 1)),
    "token-ms": wholeNumber("--token-ms", values["token-ms"], 1),
    "settle-seconds": wholeNumber("--settle-seconds", values["settle-seconds"], 1),
    seed: wholeNumber("--seed", values.seed),
    kill: values.kill,
  };
}

function wholeNumber(name: string, text: string, min: number = 0): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < min)
    throw new Error(`${name} takes a whole number from ${min} on, not "${text}"`);
  return Number(text);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n(--help tells the options)`);
  process.exitCode = 1;
}
