/** Stands in for `node:test` in the tests that the runner loads: it collects them, so that they run once per mutant. */

/** What there is of a test's context. */
export interface TestContext {
  diagnostic(message: string): void;
}

export type TestBody = (t: TestContext) => unknown;

export interface CollectedTest {
  readonly name: string;
  readonly body: TestBody;
}

const around: string[] = [];
const collected: CollectedTest[] = [];

export function test(name: string, body: TestBody): void {
  collected.push({ name: [...around, name].join(" > "), body });
}

export { test as it };

export function describe(name: string, body: () => void): void {
  around.push(name);
  body();
  around.pop();
}

/** The tests since the last call. */
export function takeCollected(): CollectedTest[] {
  return collected.splice(0);
}
