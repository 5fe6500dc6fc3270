/** In a process of its own: runs one test file as `node --test` does, and prints each event as a line of JSON. */
import { run } from "node:test";

export interface DriverArgs {
  readonly file: string;
  /** Only the tests with names that match. */
  readonly only?: string;
}

export type TestEvent =
  | { readonly event: "begun"; readonly name: string }
  | { readonly event: "passed"; readonly name: string }
  | { readonly event: "failed"; readonly name: string; readonly why: string }
  /** The file, not a test in it. */
  | { readonly event: "broken"; readonly why: string };

const args = JSON.parse(process.argv[2]!) as DriverArgs;
const tell = (event: TestEvent): void => console.log(JSON.stringify(event));
/** With a process of its own for the file, as in `npm test`. */
const tests = run({
  files: [args.file],
  ...(args.only === undefined ? {} : { testNamePatterns: [new RegExp(args.only)] }),
});
const isFile = (name: string): boolean => args.file.endsWith(name) || name.endsWith(args.file);
tests.on("test:dequeue", ({ name }) => {
  if (!isFile(name)) tell({ event: "begun", name });
});
tests.on("test:pass", ({ name, skip, todo }) => {
  if (!isFile(name) && skip === undefined && todo === undefined) tell({ event: "passed", name });
});
tests.on("test:fail", ({ name, todo, details }) => {
  if (todo !== undefined) return;
  const { error } = details;
  const cause: unknown = error.cause ?? error;
  const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  tell(isFile(name) ? { event: "broken", why } : { event: "failed", name, why });
});
// Nothing is told until somebody reads.
for await (const _ of tests);
