/**
 * How a thread comes to life. A worker's entry is the user's own module (so source, build, installed package and
 * single-file bundle all work the same); by importing lanwire it loads this file, which finds in `workerData`
 * that the worker is one of ours, waits for the module to be loaded, and looks for the class.
 *
 *     handle: new Worker(module) --> thread: module loads --> boot: class found --> "ready"
 *     handle: who to be          --> thread: instance made, driver attached     --> "serving", "joined", ...
 *
 * "The same class" on another thread is the export of that module with the same name and source text: a class
 * itself cannot cross, and asking the handle's own module for its exports would wait for a module that is
 * perhaps just waiting for `start`.
 */
import { isMainThread, MessagePort, workerData } from "node:worker_threads";
import { LanError } from "../base/errors.ts";
import type { Assigned, HostMessage, RemoteCause, ThreadMessage } from "./messages.ts";

/** Under this name a worker's `workerData` holds what boot needs. */
const BOOT_KEY = "lanwire";

/** How a class is told to a thread. */
export interface ClassReference {
  readonly module: string;
  readonly name: string;
  readonly source: string;
}

interface BootData {
  readonly reference: ClassReference;
  /** Leads to the handle. */
  readonly port: MessagePort;
}

/** Gives an instance on a thread the role that the handle asks for. */
type Become<Instance> = (instance: Instance, message: Assigned, port: MessagePort) => void;

/** The classes that threads can run, with what makes an instance of theirs serve. */
const roles = new Map<abstract new (...given: never[]) => object, Become<object>>();

const boot = bootData();
let stage: "loading" | "loaded" = boot === undefined ? "loaded" : "loading";
let startedInModule: LanError | undefined;
let own: { readonly thread: number; readonly workerData: unknown } | undefined;

if (boot !== undefined) queueMicrotask(() => void bringUp(boot));

/** This thread, if it is one of a server's or client's own. */
export function ownThread(): { readonly thread: number; readonly workerData: unknown } | undefined {
  return own;
}

/** Subclasses of `Base` may run on threads; called by its own file. */
export function runsOnThreads<Instance extends object>(
  Base: abstract new (...given: never[]) => Instance,
  become: Become<Instance>,
): void {
  roles.set(Base, become as Become<object>);
}

/** The worker's `workerData`. */
export function bootWorkerData(reference: ClassReference, port: MessagePort): object {
  return { [BOOT_KEY]: { reference, port } satisfies BootData };
}

/**
 * How to tell a thread which class to run.
 * @throws LanError THREAD_MODULE_MISSING
 */
export function referTo(Class: { name: string; module?: unknown }): ClassReference {
  const module = Object.hasOwn(Class, "module") ? Class.module : undefined;
  if (typeof module !== "string" || !URL.canParse(module)) {
    const why = `class ${Class.name} must say "static module = import.meta.url;"`;
    throw new LanError("THREAD_MODULE_MISSING", `Cannot run on worker threads: ${why}`);
  }
  return { module, name: Class.name, source: sourceOf(Class) };
}

/** @throws LanError THREAD_STARTED_IN_MODULE while a thread of ours is still loading the user's module. */
export function assertNotLoading(what: string): void {
  if (stage === "loaded") return;
  const cure = 'write "if (isMainThread)" around it (isMainThread is in node:worker_threads)';
  const why = `a worker thread is loading the module that calls it at its top: ${cure}`;
  startedInModule = new LanError("THREAD_STARTED_IN_MODULE", `Cannot ${what}: ${why}`);
  throw startedInModule;
}

/** An application's own workers have `workerData` of their own, which may be anything. */
function bootData(): BootData | undefined {
  if (isMainThread || workerData === null || typeof workerData !== "object") return undefined;
  const data = (workerData as Record<string, Partial<BootData> | null | undefined>)[BOOT_KEY];
  const isOurs = data?.port instanceof MessagePort && typeof data.reference?.source === "string";
  return isOurs ? (data as BootData) : undefined;
}

async function bringUp({ reference, port }: BootData): Promise<void> {
  const tell = (message: ThreadMessage): void => port.postMessage(message);
  try {
    const Class = classAmong(await import(reference.module), reference);
    stage = "loaded";
    if (startedInModule !== undefined) throw startedInModule;
    port.once("message", (message: HostMessage) => {
      if (message.kind !== "serve" && message.kind !== "connect") return;
      own = { thread: message.thread, workerData: message.workerData };
      const instance = new Class();
      for (const [Base, become] of roles) if (instance instanceof Base) become(instance, message, port);
    });
    tell({ kind: "ready" });
  } catch (cause) {
    const { code, message } =
      startedInModule ?? (cause instanceof LanError ? cause : loadFailure(reference, cause));
    tell({ kind: "failed", code, message, cause: remoteCause(cause) });
  }
}

function loadFailure({ module }: ClassReference, cause: unknown): LanError {
  return new LanError("THREAD_MODULE_FAILED", `Cannot load ${module} on a worker thread: ${cause}`, {
    cause,
  });
}

/** @throws LanError THREAD_CLASS_NOT_EXPORTED */
function classAmong(exports: Record<string, unknown>, reference: ClassReference): new () => object {
  const found = new Set(Object.values(exports).filter((value) => isClass(value, reference)));
  if (found.size !== 1) {
    const what = found.size === 0 ? "does not export" : "exports more than one";
    const why = `${reference.module} ${what} class ${reference.name}: write "export" before exactly that class`;
    throw new LanError("THREAD_CLASS_NOT_EXPORTED", `Cannot run on worker threads: ${why}`);
  }
  const [Class] = found;
  return Class as new () => object;
}

function isClass(value: unknown, { name, source }: ClassReference): boolean {
  if (typeof value !== "function" || value.name !== name || sourceOf(value) !== source) return false;
  return [...roles.keys()].some((Base) => value.prototype instanceof Base);
}

function sourceOf(Class: object): string {
  return Function.prototype.toString.call(Class);
}

/** How an error's cause crosses. */
export function remoteCause(cause: unknown): RemoteCause | undefined {
  if (cause === undefined) return undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  return { message: cause instanceof Error ? cause.message : String(cause), code };
}

/** The failure that a thread told. */
export function failureFrom(message: ThreadMessage & { kind: "failed" }): LanError {
  const { code, cause } = message;
  const error =
    cause === undefined ? undefined : Object.assign(new Error(cause.message), { code: cause.code });
  return new LanError(code, message.message, { cause: error });
}
