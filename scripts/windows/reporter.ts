/**
 * Runs inside Node for Windows: a line of JSON for each thing that happens to a test, in the order in which it
 * happens. TAP tells a nested test only behind its parent; where a file hangs, that would be never.
 */
import type { TestEvent } from "node:test/reporters";

/** What happened to a test; `id` is the same in both of its lines. "over": a suite, which is no test itself. */
export type Line =
  | { readonly at: "started" | "over"; readonly id: string; readonly name: string }
  | { readonly at: "passed" | "todo"; readonly id: string; readonly name: string }
  | { readonly at: "skipped"; readonly id: string; readonly name: string; readonly reason: string }
  | { readonly at: "failed"; readonly id: string; readonly name: string; readonly error: string };

type Completed = Extract<TestEvent, { type: "test:complete" }>["data"];

// biome-ignore lint/style/noDefaultExport: node:test takes a reporter from there
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type === "test:dequeue") {
      const { data } = event;
      yield lineOf({ at: "started", id: idOf(data), name: data.name });
    } else if (event.type === "test:complete") {
      yield lineOf(completed(event.data));
    }
  }
}

function completed(data: Completed): Line {
  const { name, details, skip, todo } = data;
  const id = idOf(data);
  if (skip !== undefined && skip !== false) return { at: "skipped", id, name, reason: String(skip) };
  if (todo !== undefined && todo !== false) return { at: "todo", id, name };
  if (details.type === "suite" && !isBroken(details.error)) return { at: "over", id, name };
  if (details.passed) return { at: "passed", id, name };
  const cause: unknown = details.error?.cause ?? details.error;
  return { at: "failed", id, name, error: cause instanceof Error ? String(cause.stack) : String(cause) };
}

/** A suite that fails only because a test in it did is no failure of its own. */
function isBroken(error: Error | undefined): boolean {
  return error !== undefined && (error as { failureType?: string }).failureType !== "subtestsFailed";
}

function idOf({
  name,
  nesting,
  line,
  column,
}: {
  name: string;
  nesting: number;
  line?: number;
  column?: number;
}) {
  return `${nesting}:${line}:${column}:${name}`;
}

function lineOf(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}
