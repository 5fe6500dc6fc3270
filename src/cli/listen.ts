/**
 * `lanwire listen`: netcat for frames, the accepting side. Lines of stdin become packets to all sessions (json: to one),
 * their packets lines on stdout.
 *
 * Invariant: a line of input is read only while somebody is joined, and the next only once every session has taken
 * the one before: nothing is sent to nobody, and the slowest session sets the pace.
 */
import type { LanError } from "../base/errors.ts";
import type { ClientInfo } from "../engine/server-contract.ts";
import type { Packet } from "../packet/packet.ts";
import type { Leave } from "../session/leave.ts";
import type { SessionId } from "../session/session-id.ts";
import type { Arguments, CommandSpec } from "./arguments.ts";
import type { Command } from "./command.ts";
import { END_EXITS, EXIT, type OutsideEnd, UsageError } from "./exit.ts";
import { Input } from "./input.ts";
import { eventLine, type JsonEvent, LINE_FORMATS, type LineFormat, packetLine } from "./line-formats.ts";
import { addressText, FRAME_OPTIONS, serverOptions, TLS_OPTIONS } from "./link-arguments.ts";
import { CommandServer, packetBytesMaxOf } from "./links.ts";
import { Quiet } from "./quiet.ts";
import { DRAIN_MS, leaveText, PATIENT, readWaitMs, STREAM_OPTIONS } from "./streams.ts";
import type { Terminal } from "./terminal.ts";

const spec: CommandSpec = {
  name: "listen",
  summary: "netcat for frames: a server whose lines in and out are packets",
  usage: "[--ip IP] [--port PORT] | --path P [options]",
  about:
    "A server for trying things out. Each packet that comes becomes a line on stdout, each line of stdin a packet to every session; what happens is told on stderr. Input waits while nobody is joined. It runs until Ctrl-C.",
  options: [
    {
      heading: "Link",
      table: {
        ip: { value: "IP", help: "address to listen on (default 127.0.0.1)" },
        port: { value: "PORT", help: "port to listen on (default 7000; 0 lets the system choose)" },
        path: { value: "P", help: "a Unix socket or named pipe in place of --ip and --port" },
        ...FRAME_OPTIONS,
      },
    },
    { heading: "TLS", table: TLS_OPTIONS },
    {
      heading: "Lines",
      table: {
        ...STREAM_OPTIONS,
        echo: { help: "send every packet back where it came from; no lines in or out" },
        discard: { help: "take every packet and show none; the count is told when the session leaves" },
        once: { help: "one session alone, and end when it has left" },
        "wait-ms": {
          value: "N|forever",
          help: "after the end of the input: end once nothing came for that long (default forever)",
        },
      },
    },
  ],
  positionalsMax: 0,
  examples: [
    { command: "lanwire listen --port 7000", does: "shows what comes, sends what you type to everybody" },
    {
      command: "lanwire listen --port 7000 --echo",
      does: "something for bench and for first tries of a client",
    },
    {
      command: "lanwire listen --port 7000 --framing u16le --format json --once",
      does: "one C++ client, its packets and its leave as JSON",
    },
  ],
};

export const listen: Command = { spec, run };

type Mode = "lines" | "echo" | "discard";

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const format = args.choice("format", LINE_FORMATS) ?? "text";
  const waitMs = readWaitMs(args) ?? Number.POSITIVE_INFINITY;
  const [isNet, once] = [args.has("net"), args.has("once")];
  if (args.has("echo") && args.has("discard"))
    throw new UsageError("--echo and --discard exclude each other");
  const mode = args.has("echo") ? "echo" : args.has("discard") ? "discard" : "lines";
  const { ip, port, path, ...options } = serverOptions(args);
  const server = new Server(isNet, mode, format, terminal);
  const address = { ...(path === undefined ? { ip: ip!, port: port! } : { path }) };
  const packetBytesMax = packetBytesMaxOf(isNet, { port: 1, ...frameOnly(options) });
  const bound = await server.start({
    ...options,
    ...address,
    ...PATIENT,
    ...(once ? { maxSessions: 1 } : {}),
  });
  server.tellListening(path === undefined ? { ip: bound.ip, port: bound.port } : { path });

  const input = new Input(terminal, {
    format,
    packetBytesMax,
    deliver: (packet, session) => server.deliver(packet, session),
  });
  const over = mode === "lines" ? inputOver(server, input, terminal, waitMs) : never();
  const ends: Promise<Leave | OutsideEnd | "quiet">[] = [over, terminal.told];
  if (once) ends.push(server.firstLeave);
  const end = await Promise.race(ends);
  input.stop();
  await server.stop({ drainMs: DRAIN_MS });
  if (typeof end === "string" && end !== "quiet") return END_EXITS[end];
  const isFine = input.refused === 0 && server.notSentPackets === 0 && (end === "quiet" || inOrder(end));
  return isFine ? EXIT.fine : EXIT.failed;
}

function inOrder({ reason }: Leave): boolean {
  return reason === "peer-closed";
}

function frameOnly({ framing, packetBytesMax, code, key }: ReturnType<typeof serverOptions>): object {
  return Object.fromEntries(
    Object.entries({ framing, packetBytesMax, code, key }).filter(([, value]) => value !== undefined),
  );
}

async function inputOver(server: Server, input: Input, terminal: Terminal, waitMs: number): Promise<"quiet"> {
  await server.somebody();
  await input.pump(terminal.stdin);
  await (waitMs === Number.POSITIVE_INFINITY ? never() : server.quiet.reached(waitMs));
  return "quiet";
}

function never(): Promise<never> {
  return new Promise(() => {});
}

/** What is known of a session beside its id. */
interface Joined {
  packets: number;
  bytes: number;
  /** Replaced each time it was resolved: the session has room again, or has left. */
  changed: PromiseWithResolvers<void>;
}

class Server extends CommandServer {
  readonly quiet: Quiet = new Quiet(() => this.stats().queuedBytes > 0 || this.#terminal.lines.isFull);
  readonly firstLeave: Promise<Leave>;
  notSentPackets = 0;
  readonly #tellFirstLeave: (leave: Leave) => void;
  readonly #mode: Mode;
  readonly #format: LineFormat;
  readonly #terminal: Terminal;
  readonly #sessions = new Map<SessionId, Joined>();
  #arrival = Promise.withResolvers<void>();

  constructor(isNet: boolean, mode: Mode, format: LineFormat, terminal: Terminal) {
    super(isNet);
    this.#mode = mode;
    this.#format = format;
    this.#terminal = terminal;
    const left = Promise.withResolvers<Leave>();
    this.firstLeave = left.promise;
    this.#tellFirstLeave = left.resolve;
  }

  tellListening(address: { ip?: string; port?: number; path?: string }): void {
    this.#event({ event: "listening", ...address });
    this.#terminal.notice(`listening on ${addressText(address)}`);
  }

  /** Resolves once at least one session is joined. */
  async somebody(): Promise<void> {
    while (this.#sessions.size === 0) await this.#arrival.promise;
  }

  /** Sends to one session or to all that are joined; resolves when each has taken it or has left. */
  async deliver(packet: Packet, session: SessionId | undefined): Promise<string | undefined> {
    if (session !== undefined) {
      return (await this.#send(session, packet)) ? undefined : `there is no session ${session}`;
    }
    for (;;) {
      await this.somebody();
      const taken = await Promise.all([...this.#sessions.keys()].map((id) => this.#send(id, packet)));
      if (taken.includes(true)) return undefined;
    }
  }

  /** Sends as soon as there is room; false where the session has left before. */
  async #send(id: SessionId, packet: Packet): Promise<boolean> {
    for (;;) {
      const joined = this.#sessions.get(id);
      if (joined === undefined) return false;
      if (this.sendPacket(id, packet)) return true;
      await joined.changed.promise;
    }
  }

  onClientJoin(id: SessionId, { ip, port }: ClientInfo): void {
    this.#sessions.set(id, { packets: 0, bytes: 0, changed: Promise.withResolvers() });
    this.#event({ event: "join", session: id, ...(ip === "" ? {} : { ip, port }) });
    this.#terminal.notice(`session ${id} joined${ip === "" ? "" : ` from ${addressText({ ip, port })}`}`);
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }

  onClientLeave(id: SessionId, leave: Leave): void {
    const { packets, bytes, changed } = this.#sessions.get(id)!;
    this.#sessions.delete(id);
    changed.resolve();
    const { reason, notSent } = leave;
    this.notSentPackets += notSent.packets;
    this.#event({ event: "leave", session: id, reason, notSent });
    const text = leaveText(`session ${id} left`, leave);
    this.#terminal.notice(`${text}; ${packets} packets (${bytes} bytes) came from it`);
    this.#tellFirstLeave(leave);
  }

  onRecv(id: SessionId, packet: Packet): Promise<void> | undefined {
    const joined = this.#sessions.get(id)!;
    joined.packets++;
    joined.bytes += packet.length;
    this.quiet.touch();
    switch (this.#mode) {
      case "lines":
        return this.#terminal.lines.write(packetLine(this.#format, packet.bytes, id));
      case "echo":
        return this.sendPacket(id, packet) ? undefined : this.#send(id, packet).then(() => {});
      case "discard":
        return undefined;
    }
  }

  override onSendReady(id: SessionId): void {
    const joined = this.#sessions.get(id);
    joined?.changed.resolve();
    if (joined !== undefined) joined.changed = Promise.withResolvers();
  }

  onError(error: LanError): void {
    const whose = error.sessionId === undefined ? "" : `session ${error.sessionId}: `;
    this.#terminal.problem(`${whose}${error.code}: ${error.message}`);
  }

  #event(event: JsonEvent): void {
    if (this.#format === "json" && this.#mode === "lines") void this.#terminal.lines.write(eventLine(event));
  }
}
