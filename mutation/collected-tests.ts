/** Stands in for `node:test` in the tests that the runner loads: it collects them, so that they run once per mutant. */

export interface CollectedTest {
  readonly name: string;
  readonly body: () => unknown;
}

const around: string[] = [];
const collected: CollectedTest[] = [];

export function test(name: string, body: () => unknown): void {
  collected.push({ name: [...around, name].join(" > "), body });
}

export function describe(name: string, body: () => void): void {
  around.push(name);
  body();
  around.pop();
}

/** The tests since the last call. */
export function takeCollected(): CollectedTest[] {
  return collected.splice(0);
}
