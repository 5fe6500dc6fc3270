/**
 * MonitorAgent: tells a monitor, once a second, how the servers and clients of this program, the process and the host
 * are.
 *
 *     stats() of each --.
 *     process ----------+--> 20002 each, once a second --> LanClient of its own --> monitor
 *     host -------------'
 *
 * Invariant: it only asks, and whatever fails in here stays in here: a figure is lost, `onError` is told, and the next
 * second comes. Its own link is not among what it reports. Nothing of it keeps the process alive.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { LanError } from "../base/errors.ts";
import { flag, invalidOption, readOptions, show, wholeNumber } from "../base/options.ts";
import { LanClient } from "../lan/lan-client.ts";
import { type LanClientOptions, lanClientSettings } from "../lan/options.ts";
import { Packet } from "../packet/packet.ts";
import { tcpNetwork } from "../transport/tcp.ts";
import { backgroundNetwork } from "./background-network.ts";
import { figureOf } from "./figures.ts";
import { type BaseValue, HostSampler, hostValues } from "./host-figures.ts";
import { classOf, LinkSampler, type Watchable, type WatchableClass } from "./link-figures.ts";
import { MONITOR_DEFAULTS } from "./options.ts";
import { ProcessSampler, processValues } from "./process-figures.ts";
import { I32_MAX, I32_MIN, REPORT_FRAMING, writeLogin, writeUpdate } from "./protocol.ts";

export interface MonitorAgentOptions {
  /** Which server this is, for the monitor: any i32. Of two with one number the monitor keeps the newer. */
  serverNo: number;
  /** Servers and clients whose `stats()` are reported, summed per class. Default none. */
  watch?: readonly Watchable[];
  /** Whether the process is reported. Default true. */
  process?: boolean;
  /** Whether the host is reported; one agent per host is enough. Default true. */
  host?: boolean;
}

/** Where the monitor is. The options of `LanClient.connect` that matter here, with the monitor's defaults. */
export type MonitorAgentLink = Pick<
  LanClientOptions,
  "serverIp" | "port" | "path" | "bindIp" | "framing" | "network"
>;

const LINK_NAMES = ["serverIp", "port", "path", "bindIp", "framing", "network"];
const INTERVAL_MS = 1000;
/** When in each second of the system's clock: in its middle, so that each report finds a second of its own. */
const PHASE_MS = 500;
/** Rates over less than this would say nothing. */
const EARLY_MS_MAX = 100;
/** The monitor says nothing on this link, and delays start over only after it did: so they stay short. */
const RECONNECT = { minDelayMs: 100, maxDelayMs: 2000 };
/** Room for reports of more than a minute while the monitor does not read. */
const QUEUE_BYTES_MAX = 64 * 1024;

interface Running {
  readonly link: ReportLink;
  readonly clock: Clock;
  readonly links: LinkSampler;
  readonly process: ProcessSampler | undefined;
  readonly host: HostSampler | undefined;
  timer: Timer;
}

/**
 * @example
 * const agent = new MonitorAgent({ serverNo: 1, watch: [server, client] });
 * agent.start({ serverIp: "10.0.0.5", port: 7700 });
 */
export class MonitorAgent {
  readonly #serverNo: number;
  readonly #watched: readonly (readonly [WatchableClass, Watchable])[];
  readonly #reportsProcess: boolean;
  readonly #reportsHost: boolean;
  readonly #packet = new Packet();
  #running: Running | undefined;

  /** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
  constructor(options: MonitorAgentOptions) {
    const given = readOptions(options, ["serverNo", "watch", "process", "host"], "make a monitor agent");
    this.#serverNo = wholeNumber("serverNo", given.serverNo, I32_MIN, I32_MAX);
    this.#watched = watchedOf(given.watch ?? []);
    this.#reportsProcess = flag("process", given.process ?? true);
    this.#reportsHost = flag("host", given.host ?? true);
  }

  /** What failed: the monitor could not be reached, the link broke. The agent goes on by itself. */
  onError(_error: LanError): void {}

  /** Whether the monitor is there. */
  get connected(): boolean {
    return (this.#running?.link.stats().sessions ?? 0) > 0;
  }

  /**
   * Reports from now on; returns at once. Where the monitor is not there, it is tried again until `stop`.
   * @throws LanError OPTION_UNKNOWN, OPTION_INVALID, ALREADY_RUNNING
   */
  start(options: MonitorAgentLink = {}): void {
    if (this.#running !== undefined)
      throw new LanError("ALREADY_RUNNING", "Cannot start: the monitor agent reports already");
    const settings = linkOptions(options);
    const { clock } = settings.network;
    const link = new ReportLink(this.#serverNo, (error) => this.onError(error));
    this.#running = {
      link,
      clock,
      links: new LinkSampler(this.#watched, clock.nowMs()),
      process: this.#reportsProcess ? new ProcessSampler() : undefined,
      host: this.#reportsHost ? new HostSampler() : undefined,
      timer: this.#nextReport(clock),
    };
    link.connect(settings).catch(() => {}); // only ever ended by stop(): all else is tried again
  }

  /** Leaves the monitor and reports no more. May start again. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.timer.cancel();
    running.process?.close();
    await running.link.disconnect();
  }

  /**
   * Reports a figure of the program's own now.
   * @param type - the data type, 0 to 255; those from 200 on are no one's.
   * @param value - as on the wire; what does not fit an i32 saturates.
   * @returns false where the monitor is not there or does not keep up: then the figure is lost.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE for another type.
   */
  report(type: number, value: number): boolean {
    const running = this.#running;
    return running !== undefined && this.#send(running, type, value);
  }

  #nextReport(clock: Clock): Timer {
    const untilMs = INTERVAL_MS - ((clock.epochMs() + INTERVAL_MS - PHASE_MS) % INTERVAL_MS);
    // A timer may come before its time by the wall's clock: then this second has been reported.
    const delayMs = untilMs < EARLY_MS_MAX ? untilMs + INTERVAL_MS : untilMs;
    return clock.after(delayMs, () => this.#reportAll());
  }

  #reportAll(): void {
    const running = this.#running;
    if (running === undefined) return;
    running.timer = this.#nextReport(running.clock);
    try {
      for (const [type, value] of sampled(running))
        this.#send(running, type, value * figureOf(type).metricScale);
    } catch (cause) {
      running.link.tell(
        new LanError("REPORT_FAILED", "Cannot report this second: sampling failed", { cause }),
      );
    }
  }

  #send({ link, clock }: Running, dataType: number, value: number): boolean {
    const unixTime = Math.floor(clock.epochMs() / 1000);
    return link.sendPacket(writeUpdate(this.#packet, { dataType, value, unixTime }));
  }
}

function sampled({ clock, links, process, host }: Running): BaseValue[] {
  return [
    ...links.sample(clock.nowMs()),
    ...(process === undefined ? [] : processValues(process.sample())),
    ...(host === undefined ? [] : hostValues(host.sample())),
  ];
}

/** The link to the monitor. */
class ReportLink extends LanClient {
  readonly #serverNo: number;
  readonly #onFailure: (error: LanError) => void;

  constructor(serverNo: number, onFailure: (error: LanError) => void) {
    super();
    this.#serverNo = serverNo;
    this.#onFailure = onFailure;
  }

  override onEnterJoinServer(): void {
    this.sendPacket(writeLogin(new Packet(), this.#serverNo));
  }

  override onLeaveServer(): void {
    // It connects again by itself.
  }

  override onRecv(): void {
    // The monitor sends nothing.
  }

  override onSend(): void {}

  override onError(error: LanError): void {
    this.#onFailure(error);
  }

  /** As the link tells its own failures. */
  tell(error: LanError): void {
    try {
      this.#onFailure(error);
    } catch (cause) {
      process.emitWarning(`onError threw ${String(cause)}`, "LanwireWarning");
    }
  }
}

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
function linkOptions(
  given: MonitorAgentLink,
): LanClientOptions & Required<Pick<LanClientOptions, "network">> {
  const options = readOptions(given, LINK_NAMES, "start the monitor agent");
  const settings = {
    framing: REPORT_FRAMING,
    ...(options.path === undefined ? { port: MONITOR_DEFAULTS.port } : {}),
    ...options,
    heartbeat: false,
    sendQueueBytesMax: QUEUE_BYTES_MAX,
    packetBytesMax: 255,
    reconnect: RECONNECT,
  } as const satisfies LanClientOptions;
  lanClientSettings(settings); // connect() would only tell it to a promise
  return { ...settings, network: backgroundNetwork(options.network ?? tcpNetwork) };
}

function watchedOf(watch: unknown): (readonly [WatchableClass, Watchable])[] {
  if (!Array.isArray(watch)) throw invalidOption("watch", `must be a list, is ${show(watch)}`);
  return watch.map((link: unknown) => {
    const name = classOf(link);
    if (name === undefined)
      throw invalidOption("watch", `has ${show(link)}, which is no server and no client of lanwire`);
    return [name, link as Watchable] as const;
  });
}
