/**
 * A strict reader of Prometheus' text format 0.0.4, written from its description: what it takes, Prometheus takes.
 * @throws Error that names the line, for everything that is not as it should be.
 */
export interface Metric {
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/;
const VALUE = /^(?:NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

export function parseMetrics(text: string): Map<string, Metric> {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line does not end");
  const metrics = new Map<string, { type: Metric["type"]; help: string; samples: Sample[] }>();
  let current = "";
  let help: { name: string; text: string } | undefined;
  const seen = new Set<string>();
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    const fail = (why: string): never => {
      throw new Error(`line ${i + 1}: ${why}: ${line}`);
    };
    const [, kind, about = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (!NAME.test(about)) fail("no name");
      if (metrics.has(about) || help !== undefined) fail("a HELP out of its place");
      if (rest.replaceAll(/\\[\\n]/g, "").includes("\\")) fail("an escape that is none");
      help = { name: about, text: plainOf(rest) };
    } else if (kind === "TYPE") {
      if (help?.name !== about) fail("a TYPE without its HELP");
      if (rest !== "counter" && rest !== "gauge") fail("a type that is not used here");
      metrics.set(about, { type: rest as Metric["type"], help: help!.text, samples: [] });
      [current, help] = [about, undefined];
    } else {
      if (help !== undefined) fail("a HELP without its TYPE");
      const sample = readSample(line, fail);
      if (sample.name !== current) fail("a sample that is not behind its TYPE");
      const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (seen.has(key)) fail("a sample twice");
      seen.add(key);
      metrics.get(current)!.samples.push({ labels: sample.labels, value: sample.value });
    }
  }
  return metrics;
}

function readSample(
  line: string,
  fail: (why: string) => never,
): { name: string; labels: Record<string, string>; value: number } {
  const name = /^[^{ ]+/.exec(line)?.[0] ?? fail("no sample");
  if (!NAME.test(name)) fail("no name");
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    for (;;) {
      const [pair, label, value] = LABEL.exec(rest) ?? fail("no label");
      if (Object.hasOwn(labels, label!)) fail("a label twice");
      if (label!.startsWith("__")) fail("a label that is Prometheus' own");
      labels[label!] = plainOf(value!);
      rest = rest.slice(pair!.length);
      if (rest.startsWith("}")) break;
      if (!rest.startsWith(",")) fail("labels without a comma between");
      rest = rest.slice(1);
    }
    rest = rest.slice(1);
  }
  if (!rest.startsWith(" ") || !VALUE.test(rest.slice(1))) fail("no value");
  const text = rest.slice(1);
  return { name, labels, value: Number(text.replace("Inf", "Infinity")) };
}

function plainOf(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}
