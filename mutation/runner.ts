/**
 * A test runner for Stryker: loads a room's tests once and runs them for one mutant after another in the same
 * process, each mutant only against the tests that reach it, up to the first that fails. A process per mutant and
 * test file (what its own runners for `node:test` do) costs ten times as much.
 *
 * What a mutant leaves behind must not blame the next: a test that fails is run again without the mutant, and where
 * it fails then, too, everything is loaded afresh and the mutant tried again.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { CoverageData, StrykerOptions } from "@stryker-mutator/api/core";
import { commonTokens, declareClassPlugin, PluginKind, tokens } from "@stryker-mutator/api/plugin";
import {
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  type TestRunnerCapabilities,
  TestStatus,
  toMutantRunResult,
} from "@stryker-mutator/api/test-runner";
import fc from "fast-check";
import { type CollectedTest, type TestBody, type TestContext, takeCollected } from "./collected-tests.ts";

/** What the code that Stryker made reads and writes. */
interface Instruments {
  readonly activeMutant: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: { static: CoverageData; perTest: Record<string, CoverageData> };
}

interface Options {
  readonly testFiles: readonly string[];
}

/** See watchdog.ts. */
const watch = new Float64Array(new SharedArrayBuffer(16)).fill(Number.POSITIVE_INFINITY, 0, 1);
/** Each mutated place asks which mutant is active: there a test that is too late is ended. */
const instruments: Instruments = {
  get activeMutant() {
    if (watch[1] !== 0) throw new Error("The mutant runs on without an end");
    return activeMutant;
  },
};
let activeMutant: string | undefined;
Object.assign(globalThis, { __stryker__: instruments });

/** In the copy that Stryker makes: the processor time of each test without a mutant. */
const CPU_MS_FILE = ".cpu-ms.json";
const CPU_MS_MORE = 1000;
const CPU_FACTOR = 5;
/** What a test says beside its verdict is for people. */
const CONTEXT: TestContext = { diagnostic() {} };

class InProcessRunner implements TestRunner {
  static inject = tokens(commonTokens.options);
  readonly #options: Options;
  #loads = 0;
  #tests = new Map<string, CollectedTest & { readonly file: string }>();
  #cpuMs: Readonly<Record<string, number>> = {};
  /** Told of errors that no test has caught. */
  #onUncaught: (error: unknown) => void = () => {};

  constructor(options: StrykerOptions) {
    this.#options = (options as unknown as { inProcess: Options }).inProcess;
  }

  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    // The same random tests for every mutant, and no search for a smaller failure.
    fc.configureGlobal({ seed: 1, endOnFailure: true });
    process.on("uncaughtException", (error) => this.#onUncaught(error));
    process.on("unhandledRejection", (error) => this.#onUncaught(error));
    new Worker(new URL("./watchdog.ts", import.meta.url), { workerData: watch }).unref();
    const project = pathToFileURL(`${process.cwd()}/`).href;
    const standIns: Readonly<Record<string, string>> = {
      "node:test": new URL("./collected-tests.ts", import.meta.url).href,
      "node:assert/strict": new URL("./quick-assert.ts", import.meta.url).href,
    };
    registerHooks({
      resolve: (specifier, context, next) => {
        const standIn = context.parentURL?.startsWith(`${project}test/`) ? standIns[specifier] : undefined;
        if (standIn !== undefined) return { url: standIn, format: "module-typescript", shortCircuit: true };
        const found = next(specifier, context);
        if (!found.url.startsWith(project) || found.url.includes("/node_modules/")) return found;
        const url = `${found.url}${found.url.includes("?") ? "&" : "?"}load=${this.#loads}`;
        return { ...found, url };
      },
    });
  }

  async dryRun(): Promise<DryRunResult> {
    await this.#load();
    const tests = await this.#run([...this.#tests.keys()], false);
    writeFileSync(CPU_MS_FILE, JSON.stringify(this.#cpuMs));
    const { mutantCoverage } = instruments;
    return { status: DryRunStatus.Complete, tests, ...(mutantCoverage && { mutantCoverage }) };
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { testFilter, hitLimit, mutantActivation, reloadEnvironment } = options;
    this.#cpuMs = JSON.parse(readFileSync(CPU_MS_FILE, "utf8")) as Record<string, number>;
    const isStatic = mutantActivation === "static";
    const isFresh = reloadEnvironment || this.#loads === 0;
    instruments.hitLimit = hitLimit;
    instruments.hitCount = hitLimit === undefined ? undefined : 0;
    try {
      activeMutant = isStatic ? options.activeMutant.id : undefined;
      if (isFresh) await this.#load();
    } catch (error) {
      const failed = { id: "loading", name: "loading", timeSpentMs: 0, failureMessage: String(error) };
      const tests: TestResult[] = [{ ...failed, status: TestStatus.Failed }];
      return toMutantRunResult({ status: DryRunStatus.Complete, tests });
    }
    activeMutant = options.activeMutant.id;
    const tests = await this.#run(testFilter ?? [...this.#tests.keys()], true);
    const endless = determineHitLimitReached(instruments.hitCount, hitLimit) ?? tooLate();
    watch[1] = 0;
    activeMutant = instruments.hitCount = undefined;
    const failed = tests.find(({ status }) => status === TestStatus.Failed);
    if (failed !== undefined && !isStatic && !isFresh) {
      const [again] = await this.#run([failed.id], true);
      if (again!.status === TestStatus.Failed) return this.mutantRun({ ...options, reloadEnvironment: true });
    }
    return toMutantRunResult(endless ?? { status: DryRunStatus.Complete, tests });
  }

  /** Loads code and tests, also what was loaded before. */
  async #load(): Promise<void> {
    this.#loads++;
    this.#tests.clear();
    takeCollected();
    for (const file of this.#options.testFiles) {
      await import(pathToFileURL(resolve(file)).href);
      for (const test of takeCollected()) {
        let id = `${file}: ${test.name}`;
        while (this.#tests.has(id)) id += " again";
        this.#tests.set(id, { ...test, file });
      }
    }
  }

  async #run(ids: readonly string[], untilFailure: boolean): Promise<TestResult[]> {
    const results: TestResult[] = [];
    const measured: Record<string, number> = {};
    for (const id of ids) {
      const { name, file, body } = this.#tests.get(id)!;
      instruments.currentTestId = id;
      const beganAt = performance.now();
      const beganAtCpuMs = cpuMs();
      watch[0] = beganAtCpuMs + CPU_MS_MORE + CPU_FACTOR * (this.#cpuMs[id] ?? Number.POSITIVE_INFINITY);
      const failure = await this.#failureOf(body);
      measured[id] = cpuMs() - beganAtCpuMs;
      const result = { id, name, fileName: file, timeSpentMs: performance.now() - beganAt };
      if (failure === undefined) results.push({ ...result, status: TestStatus.Success });
      else results.push({ ...result, status: TestStatus.Failed, failureMessage: failure });
      if (failure !== undefined && untilFailure) break;
    }
    watch[0] = Number.POSITIVE_INFINITY;
    if (!untilFailure) this.#cpuMs = measured;
    instruments.currentTestId = undefined;
    return results;
  }

  async #failureOf(body: TestBody): Promise<string | undefined> {
    const uncaught = new Promise<never>((_, reject) => {
      this.#onUncaught = reject;
    });
    uncaught.catch(() => {});
    try {
      await Promise.race([uncaught, Promise.resolve(body(CONTEXT)).then(() => setImmediate())]);
      return undefined;
    } catch (error) {
      return String(error) || "failed";
    } finally {
      this.#onUncaught = () => {};
    }
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function tooLate(): DryRunResult | undefined {
  if (watch[1] === 0) return undefined;
  return { status: DryRunStatus.Timeout, reason: "A test took a multiple of its processor time" };
}

export const strykerPlugins: readonly unknown[] = [
  declareClassPlugin(PluginKind.TestRunner, "in-process", InProcessRunner),
];

export const strykerValidationSchema: object = {
  properties: {
    inProcess: {
      type: "object",
      properties: {
        testFiles: { type: "array", items: { type: "string" } },
      },
    },
  },
};
