/**
 * `lanwire connect`: netcat for frames. Lines of stdin become packets to the server, its packets lines on stdout.
 *
 *     stdin --> Input --> sendPacket          waits while the send queue is full
 *     stdout <-- LinesOut <-- onRecv          waits while nobody reads stdout
 *
 * Invariant: an end of input loses nothing: everything taken goes to the kernel first, then what comes back is read until
 * it was quiet for `--wait-ms`, then the link is closed in order.
 */
import type { LanError } from "../base/errors.ts";
import type { NetClientOptions } from "../net/options.ts";
import type { Packet } from "../packet/packet.ts";
import type { Leave } from "../session/leave.ts";
import type { Arguments, CommandSpec } from "./arguments.ts";
import type { Command } from "./command.ts";
import { END_EXITS, EXIT } from "./exit.ts";
import { Input } from "./input.ts";
import { eventLine, LINE_FORMATS, type LineFormat, packetLine } from "./line-formats.ts";
import { addressText, CLIENT_OPTIONS, clientOptions, FRAME_OPTIONS, TLS_OPTIONS } from "./link-arguments.ts";
import { CommandClient, packetBytesMaxOf } from "./links.ts";
import { Quiet } from "./quiet.ts";
import { DRAIN_MS, leaveText, PATIENT, readWaitMs, STREAM_OPTIONS } from "./streams.ts";
import type { Terminal } from "./terminal.ts";

const WAIT_MS = 1000;

const spec: CommandSpec = {
  name: "connect",
  summary: "netcat for frames: joins a server; lines in and out are packets",
  usage: "HOST:PORT | --path P [options]",
  about:
    "Joins a LanServer, or whoever speaks the framing. Each line of stdin becomes a packet, each packet that comes becomes a line on stdout; what happens is told on stderr. At the end of the input everything is sent, then what comes back is read until nothing came for --wait-ms.",
  options: [
    { heading: "Link", table: { ...CLIENT_OPTIONS, ...FRAME_OPTIONS } },
    { heading: "TLS", table: TLS_OPTIONS },
    {
      heading: "Lines",
      table: {
        ...STREAM_OPTIONS,
        "wait-ms": {
          value: "N|forever",
          help: `after the end of the input: leave once nothing came for that long (default ${WAIT_MS})`,
        },
      },
    },
  ],
  positionalsMax: 1,
  examples: [
    {
      command: "printf 'hello\\n' | lanwire connect 127.0.0.1:7000",
      does: "sends one packet and shows what comes back",
    },
    {
      command: "echo '214e 01000000' | lanwire connect 127.0.0.1:7000 --framing u16le --format hex",
      does: "logs in at a C++ monitoring server, byte for byte",
    },
    {
      command: "lanwire connect 127.0.0.1:7000 --format json --wait-ms forever </dev/null",
      does: "listens only, until the server closes",
    },
  ],
};

export const connect: Command = { spec, run };

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const format = args.choice("format", LINE_FORMATS) ?? "text";
  const waitMs = readWaitMs(args) ?? WAIT_MS;
  const isNet = args.has("net");
  const options: NetClientOptions = { ...clientOptions(args), ...PATIENT };
  const client = new Client(isNet, format, terminal);
  const packetBytesMax = packetBytesMaxOf(isNet, options);
  const joined = await Promise.race([client.join(options), terminal.told]);
  if (joined !== "joined") return END_EXITS[joined];
  const { serverIp, ...address } = options;
  const target = addressText({ ...address, ...(serverIp === undefined ? {} : { ip: serverIp }) });
  terminal.notice(`joined ${target}`);

  const input = new Input(terminal, { format, packetBytesMax, deliver: (packet) => client.deliver(packet) });
  const sent = input.pump(terminal.stdin).then(() => client.quiet.reached(waitMs));
  const end = await Promise.race([sent.then(() => "quiet" as const), client.left, terminal.told]);
  const hasEnded = terminal.stdin.readableEnded;
  input.stop();
  if (typeof end === "string") await client.leave();
  if (typeof end === "string" && end !== "quiet") return END_EXITS[end];
  const leave = await client.left;
  if (leave.reason === "disconnected" || (leave.reason === "peer-closed" && hasEnded))
    return codeOf(leave, input);
  if (!hasEnded) terminal.problem(`the link ended before the input did, at line ${input.lines}`);
  return EXIT.failed;
}

function codeOf({ notSent }: Leave, { refused }: Input): number {
  return notSent.packets === 0 && refused === 0 ? EXIT.fine : EXIT.failed;
}

class Client extends CommandClient {
  readonly quiet: Quiet = new Quiet(() => this.stats().queuedBytes > 0 || this.#terminal.lines.isFull);
  readonly left: Promise<Leave>;
  readonly #tellLeft: (leave: Leave) => void;
  readonly #format: LineFormat;
  readonly #terminal: Terminal;
  #ready = Promise.withResolvers<void>();
  #hasJoined = false;
  #hasLeft = false;
  #lastFailure: LanError | undefined;

  constructor(isNet: boolean, format: LineFormat, terminal: Terminal) {
    super(isNet);
    this.#format = format;
    this.#terminal = terminal;
    const left = Promise.withResolvers<Leave>();
    this.left = left.promise;
    this.#tellLeft = left.resolve;
  }

  /** @throws LanError as connect(); after --retry-ms what the last attempt failed with */
  async join(options: NetClientOptions): Promise<"joined"> {
    try {
      await this.connect(options);
      return "joined";
    } catch (error) {
      throw this.#lastFailure ?? error;
    }
  }

  /** Sends as soon as there is room; why not, where the link ended first. */
  async deliver(packet: Packet): Promise<string | undefined> {
    while (!this.sendPacket(packet)) {
      if (this.#hasLeft) return "the link has ended";
      await Promise.race([this.#ready.promise, this.left]);
    }
    return undefined;
  }

  /** Leaves in order; a server that does not let it end is left without. */
  async leave(): Promise<void> {
    const late = setTimeout(() => void this.disconnect({ now: true }), DRAIN_MS);
    await this.disconnect();
    clearTimeout(late);
  }

  override onEnterJoinServer(): void {
    this.#hasJoined = true;
    if (this.#format === "json") void this.#terminal.lines.write(eventLine({ event: "join" }));
  }

  onRecv(packet: Packet): Promise<void> | undefined {
    this.quiet.touch();
    return this.#terminal.lines.write(packetLine(this.#format, packet.bytes, undefined));
  }

  override onSendReady(): void {
    this.#ready.resolve();
    this.#ready = Promise.withResolvers();
  }

  onLeaveServer(leave: Leave): void {
    this.#hasLeft = true;
    const { reason, notSent } = leave;
    if (this.#format === "json")
      void this.#terminal.lines.write(eventLine({ event: "leave", reason, notSent }));
    this.#terminal.notice(leaveText("left", leave));
    this.#tellLeft(leave);
    void this.disconnect(); // with --retry-ms: one link is what was asked for
  }

  onError(error: LanError): void {
    if (this.#hasJoined) this.#terminal.error(error);
    else this.#lastFailure = error;
  }
}
