/**
 * `lanwire bench`: loads a peer that is already there, and checks what it answers.
 *
 *     join all links --> run for --seconds --> what is under way is awaited --> leave --> report
 *
 * Invariant: a result is good (exit code 0) only where every message came back whole and in order, or, one-way, where
 * the kernel took every byte and each link ended in order.
 */
import type { NetClientOptions } from "../net/options.ts";
import type { Arguments, CommandSpec } from "./arguments.ts";
import { Latencies } from "./bench-latencies.ts";
import { BenchLink, type LinkPlan } from "./bench-link.ts";
import { amount, type BenchResult, reportText } from "./bench-report.ts";
import { Schedule } from "./bench-schedule.ts";
import type { Command } from "./command.ts";
import { END_EXITS, EXIT, type OutsideEnd, UsageError } from "./exit.ts";
import { CLIENT_OPTIONS, clientOptions, FRAME_OPTIONS, TLS_OPTIONS } from "./link-arguments.ts";
import { packetBytesMaxOf } from "./links.ts";
import type { Terminal } from "./terminal.ts";

const SIZE_BYTES = 64;
const SECONDS = 5;
/** With a rate the schedule is not to be held back by slow answers, so it may have many under way. */
const OUTSTANDING_AT_RATE = 10_000;
const PROGRESS_MS = 200;

const spec: CommandSpec = {
  name: "bench",
  summary: "loads a running peer; messages/s, latencies, everything checked",
  usage: "HOST:PORT | --path P [options]",
  about:
    "Sends numbered messages to a peer that is running already and, in mode echo, sends each back (such as lanwire listen --echo). Tells messages/s and latencies, and checks that every message came back whole and in order. With --rate a message's latency counts from when it was due, not from when it left: a stall counts for all that it held back.",
  options: [
    {
      heading: "Load",
      table: {
        mode: { value: "echo|one-way", help: "wait for answers (default), or only send" },
        size: { value: "N", help: `bytes of payload, from 4 (default ${SIZE_BYTES})` },
        outstanding: {
          value: "N",
          help: `messages under way on each link (default 1; with --rate ${OUTSTANDING_AT_RATE})`,
        },
        links: { value: "N", help: "links at the same time (default 1)" },
        seconds: { value: "S", help: `how long (default ${SECONDS}), fractions allowed` },
        rate: { value: "N", help: "messages per second, over all links (default: as many as go)" },
        "answer-ms": { value: "N", help: "how long the last answers may take (default 5000)" },
        json: { help: "the result as one line of JSON" },
        quiet: { help: "no progress line (there is none anyway where stderr is no terminal)" },
      },
    },
    { heading: "Link", table: { ...CLIENT_OPTIONS, ...FRAME_OPTIONS } },
    { heading: "TLS", table: TLS_OPTIONS },
  ],
  positionalsMax: 1,
  examples: [
    { command: "lanwire bench 127.0.0.1:7000", does: "round trips, one at a time" },
    {
      command: "lanwire bench 127.0.0.1:7000 --links 4 --outstanding 100 --seconds 2",
      does: "as much as goes over four links",
    },
    {
      command: "lanwire bench 127.0.0.1:7000 --rate 1000 --seconds 2 --json",
      does: "latencies under a load that is known",
    },
  ],
};

export const bench: Command = { spec, run };

interface BenchPlan extends LinkPlan {
  readonly seconds: number;
  readonly rate: number | undefined;
  readonly answerMs: number;
}

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const options = clientOptions(args);
  const plan = readPlan(args, options);
  const latencies = new Latencies();
  const change = { changed: Promise.withResolvers<void>() };
  const onChange = (): void => {
    change.changed.resolve();
    change.changed = Promise.withResolvers();
  };
  const links = Array.from(
    { length: plan.links },
    (_, index) => new BenchLink(plan, index, latencies, onChange),
  );
  let told: OutsideEnd | null = null;
  void terminal.told.then((end) => {
    told = end;
    onChange();
  });
  await joinAll(links, options, terminal);

  const schedule = new Schedule(performance.now(), plan.seconds, plan.rate);
  for (const link of links) link.begin(schedule);
  const progress = showProgress(terminal, links, plan, schedule);
  const isOver = (): boolean => told !== null || links.every(({ left }) => left !== null);
  await sendAll(links, schedule, plan, isOver);
  schedule.cut(performance.now());
  await answered(links, schedule.endMs + plan.answerMs, change, isOver);
  const measuredMs = performance.now() - schedule.startMs;
  const lost = links.flatMap(({ left }) => (left === null ? [] : [left.reason]));
  await leaveAll(links, plan);
  const seconds = (plan.mode === "echo" ? measuredMs : performance.now() - schedule.startMs) / 1000;
  progress();

  const result = resultOf(plan, links, latencies, seconds, lost);
  tell(result, args.has("json"), terminal);
  return told === null ? (result.ok ? EXIT.fine : EXIT.failed) : END_EXITS[told as OutsideEnd];
}

function readPlan(args: Arguments, options: NetClientOptions): BenchPlan {
  const isNet = args.has("net");
  const mode = args.choice("mode", ["echo", "one-way"]) ?? "echo";
  const rate = args.positive("rate", 1e9);
  const sizeMax = packetBytesMaxOf(isNet, options);
  if (mode === "one-way" && args.has("outstanding"))
    throw new UsageError("--outstanding has no meaning one-way: nothing is answered");
  return {
    isNet,
    mode,
    rate,
    sizeBytes: args.whole("size", 4, sizeMax) ?? Math.min(SIZE_BYTES, sizeMax),
    outstanding: args.whole("outstanding", 1, 1_000_000) ?? (rate === undefined ? 1 : OUTSTANDING_AT_RATE),
    links: args.whole("links", 1, 10_000) ?? 1,
    seconds: args.positive("seconds", 86_400) ?? SECONDS,
    answerMs: args.whole("answer-ms", 0, 2 ** 31 - 1) ?? 5000,
  };
}

/** @throws LanError where one cannot: the others leave */
async function joinAll(
  links: readonly BenchLink[],
  options: NetClientOptions,
  terminal: Terminal,
): Promise<void> {
  const joining = await Promise.allSettled(links.map((link) => link.connect(options)));
  const failed = joining.find((each) => each.status === "rejected");
  if (failed === undefined) return;
  await Promise.all(links.map((link) => link.disconnect({ now: true })));
  terminal.problem(
    `${joining.filter(({ status }) => status === "fulfilled").length} of ${links.length} links joined`,
  );
  throw failed.reason;
}

/** Sleeps shorter than a timer can measure are spent polling. */
const POLL_MS = 2;
/** How often it is looked at whether the run is over. */
const LOOK_MS = 20;

/** Resolves once everything that is due within the run was sent, could not be sent by then, or it is over. */
async function sendAll(
  links: readonly BenchLink[],
  schedule: Schedule,
  { answerMs }: BenchPlan,
  isOver: () => boolean,
): Promise<void> {
  const lastMs = schedule.endMs + (schedule.hasRate ? answerMs : 0);
  for (;;) {
    for (const link of links) link.pump();
    const nowMs = performance.now();
    if (isOver() || nowMs >= lastMs) return;
    if (nowMs >= schedule.endMs && links.every((link) => link.left !== null || link.dueAndNotSent === 0))
      return;
    const nextMs = schedule.hasRate
      ? Math.min(...links.map((link) => link.nextDueMs))
      : Number.POSITIVE_INFINITY;
    const sleepMs = Math.min(nextMs - nowMs - POLL_MS, lastMs - nowMs, LOOK_MS);
    await new Promise<void>((resolve) =>
      sleepMs > 0 ? setTimeout(resolve, sleepMs) : setImmediate(resolve),
    );
  }
}

/** Resolves once nothing is under way any more, or it is too late for that. */
async function answered(
  links: readonly BenchLink[],
  latestMs: number,
  change: { readonly changed: PromiseWithResolvers<void> },
  isOver: () => boolean,
): Promise<void> {
  let isLate = false;
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => {
      isLate = true;
      late.resolve();
    },
    Math.max(0, latestMs - performance.now()),
  );
  while (!isLate && !isOver() && links.some(({ left, outstanding }) => left === null && outstanding > 0))
    await Promise.race([change.changed.promise, late.promise]);
  clearTimeout(timer);
}

/** In order, within the time that answers have; then without. */
async function leaveAll(links: readonly BenchLink[], { answerMs }: BenchPlan): Promise<void> {
  const timer = setTimeout(() => {
    for (const link of links) void link.disconnect({ now: true });
  }, answerMs);
  await Promise.all(links.map((link) => link.disconnect()));
  clearTimeout(timer);
}

function resultOf(
  plan: BenchPlan,
  links: readonly BenchLink[],
  latencies: Latencies,
  seconds: number,
  lost: readonly string[],
): BenchResult {
  const sum = (of: (link: BenchLink) => number): number => links.reduce((total, link) => total + of(link), 0);
  const isEcho = plan.mode === "echo";
  const notSent = sum(({ left }) => left?.notSent.packets ?? 0);
  const messages = isEcho ? sum(({ received }) => received) : sum(({ sent }) => sent) - notSent;
  const checks = {
    wrong: sum(({ wrong }) => wrong),
    missing: isEcho ? sum(({ outstanding }) => outstanding) : notSent,
    dueAndNotSent: sum(({ dueAndNotSent }) => dueAndNotSent),
    linksLost: lost,
  };
  const { wrong, missing, dueAndNotSent } = checks;
  return {
    mode: plan.mode,
    links: plan.links,
    outstanding: plan.outstanding,
    sizeBytes: plan.sizeBytes,
    rate: plan.rate ?? null,
    seconds,
    messages,
    messagesPerSecond: messages / seconds,
    bytesPerSecond: (messages * plan.sizeBytes) / seconds,
    latencyMicros: isEcho ? latencies.micros : null,
    histogram: latencies.buckets,
    lateMicros: plan.rate === undefined ? null : latencies.lateMicros,
    checks,
    ok: wrong + missing + dueAndNotSent + lost.length === 0 && messages > 0,
  };
}

function tell(result: BenchResult, asJson: boolean, terminal: Terminal): void {
  const text = asJson
    ? `${JSON.stringify(result)}\n`
    : reportText(
        result,
        (line) => terminal.styled("green", line, terminal.stdout),
        (line) => terminal.styled("red", line, terminal.stdout),
      );
  void terminal.lines.write(Buffer.from(text));
}

/** A line that is written over on stderr, where that is a terminal; the answer ends it. */
function showProgress(
  terminal: Terminal,
  links: readonly BenchLink[],
  { mode, seconds }: BenchPlan,
  schedule: Schedule,
): () => void {
  const { stderr } = terminal;
  if (!stderr.isTTY || terminal.isQuiet) return () => {};
  let before = { count: 0, atMs: schedule.startMs };
  const show = (): void => {
    const atMs = performance.now();
    const count = links.reduce((total, link) => total + (mode === "echo" ? link.received : link.sent), 0);
    const perSecond = ((count - before.count) / (atMs - before.atMs)) * 1000;
    before = { count, atMs };
    const done = Math.min(1, (atMs - schedule.startMs) / (seconds * 1000));
    const text = `${Math.round(done * 100)} %  ${amount(count)} messages  ${amount(perSecond)}/s`;
    stderr.write(`\r${text.slice(0, (stderr.columns || 80) - 1)}\x1b[K`);
  };
  const timer = setInterval(show, PROGRESS_MS);
  terminal.change(() => stderr.write("\r\x1b[K"));
  return () => {
    clearInterval(timer);
    terminal.restore();
  };
}
