/**
 * A fixture with everything that a test needs around it: how to start it, what it told, and commands to it.
 * The public methods of the class are called on `server` and `client`, which are the handles.
 */
import assert from "node:assert/strict";
import type {
  ErrorCode,
  ListenAddress,
  NetClientOptions,
  NetServerOptions,
  SessionId,
} from "../../src/index.ts";
import type { RawListener, RawPeer } from "../../src/testing.ts";
import { EventLog, type Where } from "./event-log.ts";
import type { Action, EventName, EventRecord, Script } from "./script.ts";
import type { ScriptedClient } from "./scripted-client.ts";
import type { ScriptedServer } from "./scripted-server.ts";
import type { DialOptions, World } from "./world.ts";

/** The test's end of a fixture's stage. */
export interface Backstage {
  /** Runs the actions where the events run. */
  perform(actions: readonly Action[]): Promise<unknown[]>;
  /** What start() or connect() need beside, so that the fixture finds its stage. */
  readonly options: Partial<NetServerOptions & NetClientOptions>;
}

abstract class Rig {
  readonly log: EventLog = new EventLog();
  /** Codes of errors that may be told; any other fails the test. */
  readonly expected: Set<string> = new Set();
  protected readonly world: World;
  protected readonly backstage: Backstage;

  constructor(world: World, fixture: ScriptedServer | ScriptedClient, script: Script) {
    this.world = world;
    this.backstage = world.stage(fixture, script, (record) => this.log.push(record));
  }

  /** Waits for an event; gives its record. */
  event(name: EventName, where: Where = {}): Promise<EventRecord> {
    return this.world.until(this.log.next(name, where));
  }

  /** Waits for an error and expects it. */
  async error(code: ErrorCode, where: Where = {}): Promise<EventRecord> {
    this.expect(code);
    const record = await this.event("error", where);
    assert.equal(record.error?.code, code, `onError told: ${record.error?.message}`);
    return record;
  }

  /** Errors that the test brings about on purpose. */
  expect(...codes: ErrorCode[]): void {
    for (const code of codes) this.expected.add(code);
  }

  /** Does things outside of events, on the fixture; gives the results. */
  command(...actions: Action[]): Promise<unknown[]> {
    return this.world.until(this.backstage.perform(actions));
  }

  async open(gate: string): Promise<void> {
    await this.command({ do: "open", gate });
  }
}

export class ServerRig extends Rig {
  readonly server: ScriptedServer;
  /** Whether it speaks a framing of its own instead of the world's protocol. */
  isPlain = false;
  #dial: DialOptions | undefined;

  constructor(world: World, server: ScriptedServer, script: Script) {
    super(world, server, script);
    this.server = server;
  }

  /** Starts the server at an address of the world's, or where `options` say. */
  async start(options: NetServerOptions = {}): Promise<ListenAddress> {
    const where = "port" in options ? this.world.linkOptions : this.world.listenOptions();
    this.log.begin();
    this.isPlain = options.framing !== undefined;
    const { protocol } = this.world;
    const defaults = { ...protocol.defaults(options), ...protocol.serverDefaults };
    const address = await this.world.until(
      this.server.start({ ...where, ...defaults, ...options, ...this.backstage.options }),
    );
    this.#dial = this.world.dialOptions(address);
    return address;
  }

  stop(options: { drainMs?: number } = {}): Promise<void> {
    return this.world.until(this.server.stop(options));
  }

  /** How a client gets here. */
  get dial(): DialOptions {
    assert(this.#dial !== undefined, "the server was not started");
    return this.#dial;
  }

  /** Waits for the nth join; gives its session id. */
  async joined(nth = 1): Promise<SessionId> {
    return (await this.event("join", { nth })).sessionId as SessionId;
  }
}

export class ClientRig extends Rig {
  readonly client: ScriptedClient;

  constructor(world: World, client: ScriptedClient, script: Script) {
    super(world, client, script);
    this.client = client;
  }

  /** Connects; resolves when connect() does. */
  connect(to: { readonly dial: DialOptions }, options: NetClientOptions = {}): Promise<void> {
    return this.world.until(this.connecting(to, options));
  }

  /** The same, with the promise of connect() as it is. */
  connecting(to: { readonly dial: DialOptions }, options: NetClientOptions = {}): Promise<void> {
    const defaults = this.world.protocol.defaults(options);
    return this.client.connect({ ...to.dial, ...defaults, ...options, ...this.backstage.options });
  }

  disconnect(options: { now?: boolean } = {}): Promise<void> {
    return this.world.until(this.client.disconnect(options));
  }
}

/** A listener for raw peers, and how a client gets there. */
export interface RawServer {
  readonly listener: RawListener;
  readonly dial: DialOptions;
  /** Waits for the next peer. */
  accept(): Promise<RawPeer>;
}
