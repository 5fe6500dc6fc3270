/** Fixtures on worker threads, links over TCP. The test calls the handles; events run on the threads. */
import type { NetClientOptions, NetServerOptions } from "../../src/index.ts";
import { LiveWorld } from "./live-world.ts";
import { type Backstage, type ClientRig, ServerRig } from "./rigs.ts";
import type { EventRecord, Script } from "./script.ts";
import type { ScriptedClient } from "./scripted-client.ts";
import type { ScriptedServer } from "./scripted-server.ts";
import { ThreadStage } from "./thread-stage.ts";
import type { DialOptions, Feature } from "./world.ts";

/** Which sides run on threads, and on how many. */
export interface ThreadOptions {
  readonly server?: NonNullable<NetServerOptions["workerThreads"]>;
  readonly client?: NonNullable<NetClientOptions["workerThreads"]>;
}

const OFF_THREADS: readonly Feature[] = ["network", "test's thread"];

/** Times that threads and links come round, so that what one leads to on the other is there too. */
const SETTLE_ROUNDS = 3;

export class ThreadWorld extends LiveWorld {
  /** A network does not cross to a thread, so none can be wrapped; and events run there. */
  override readonly features: ReadonlySet<Feature> = featuresOnThreads();
  readonly #threads: ThreadOptions;
  readonly #stages: ThreadStage[] = [];

  constructor(threads: ThreadOptions) {
    super("tcp");
    this.#threads = threads;
  }

  override stage(
    fixture: ScriptedServer | ScriptedClient,
    script: Script,
    tell: (record: EventRecord) => void,
  ): Backstage {
    const workerThreads = this.#threads[fixture.side];
    if (workerThreads === undefined) return super.stage(fixture, script, tell);
    const stage = new ThreadStage(script, tell);
    this.#stages.push(stage);
    fixture.enter(stage.handle(() => this.nowMs()));
    const options = { workerThreads, workerData: stage.dataFor };
    return { options, perform: (actions) => stage.perform(structuredClone(actions)) };
  }

  protected override isOnThreads(side: "server" | "client"): boolean {
    return this.#threads[side] !== undefined;
  }

  /** Clients join in the order in which they were asked for, also where each joins on another thread. */
  override async client(
    to: { readonly dial: DialOptions },
    options: NetClientOptions = {},
    script: Script = [],
  ): Promise<ClientRig> {
    const joins = (): number => (to instanceof ServerRig ? to.log.of("join").length : 0);
    const before = joins();
    const client = await super.client(to, options, script);
    if (to instanceof ServerRig)
      await this.until(() => joins() > before || client.log.of("leave").length > 0);
    return client;
  }

  override until<T>(goal: Promise<T>): Promise<T>;
  override until(goal: () => boolean): Promise<void>;
  override async until<T>(goal: Promise<T> | (() => boolean)): Promise<T | undefined> {
    try {
      if (typeof goal !== "function") return await super.until(goal);
      await super.until(goal);
      return undefined;
    } finally {
      this.#hear();
    }
  }

  override async pass(ms: number): Promise<void> {
    await super.pass(ms);
    this.#hear();
  }

  override async settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) {
      await this.#ping();
      await super.settle();
      await this.#ping();
    }
  }

  async #ping(): Promise<void> {
    await this.until(Promise.all(this.#stages.map((stage) => stage.ping())));
  }

  #hear(): void {
    for (const stage of this.#stages) stage.hear();
  }
}

function featuresOnThreads(): ReadonlySet<Feature> {
  return new Set([...new LiveWorld("tcp").features].filter((feature) => !OFF_THREADS.includes(feature)));
}
