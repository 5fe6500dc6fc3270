/** The sessions that must feel nothing: numbered echoes, a few under way at any time, each checked to the last byte. */
import { LanClient, type LanError, type Leave, Packet } from "../../src/index.ts";
import { type FuzzLink, serverOptions } from "./links.ts";
import { TYPE_HEALTHY } from "./vocabulary.ts";

const TICK_MS = 4;
/** Echoes under way: a few all the time, and now and then a burst. */
const UNDER_WAY = 2;
const UNDER_WAY_IN_BURST = 40;
const TICKS_PER_BURST = 50;
const LENGTHS = [4, 5, 60, 250, 1400, 1900, 20_000];
/** How long the last echoes may take. */
const LAST_MS_MAX = 10_000;

export class HealthyClient extends LanClient {
  sent = 0;
  echoed = 0;
  slowestMs = 0;
  readonly #link: FuzzLink;
  readonly #problem: (text: string) => void;
  readonly #lengths: readonly number[];
  readonly #sentAtMs: number[] = [];
  readonly #packet = new Packet();
  #ticks = 0;
  #isLeaving = false;
  #isAstray = false;
  #ticking: NodeJS.Timeout | undefined;
  #allEchoed: () => void = () => {};

  constructor(link: FuzzLink, problem: (text: string) => void) {
    super();
    this.#link = link;
    this.#problem = (text) => problem(`the healthy session of ${link.name}: ${text}`);
    this.#lengths = LENGTHS.filter((length) => length <= link.packetBytesMax);
  }

  async join(port: number, secret: string): Promise<void> {
    const { framing, packetBytesMax, heartbeat } = serverOptions(this.#link);
    await this.connect({ port, framing: framing!, packetBytesMax: packetBytesMax!, heartbeat: heartbeat! });
    this.sendPacket(new Packet().writeUint16(TYPE_HEALTHY).writeBytes(Buffer.from(secret, "hex")));
    this.#ticking = setInterval(() => this.#topUp(), TICK_MS);
  }

  /** Waits for the echoes under way; returns how many never came. */
  async finish(): Promise<number> {
    clearInterval(this.#ticking);
    if (this.sent > this.echoed) {
      await new Promise<void>((resolve) => {
        this.#allEchoed = resolve;
        setTimeout(resolve, LAST_MS_MAX).unref();
      });
    }
    this.#isLeaving = true;
    await this.disconnect();
    return this.sent - this.echoed;
  }

  override onEnterJoinServer(): void {}
  override onSend(): void {}

  override onRecv(packet: Packet): void {
    const number = this.echoed++;
    const expected = this.#write(number).bytes;
    if (!this.#isAstray && Buffer.compare(packet.bytes, expected) !== 0) {
      this.#isAstray = true; // the numbers behind it do not fit either
      this.#problem(`echo ${number} is not what was sent (${packet.length} of ${expected.length} bytes)`);
    }
    this.slowestMs = Math.max(this.slowestMs, performance.now() - this.#sentAtMs.shift()!);
    if (this.echoed === this.sent) this.#allEchoed();
  }

  override onLeaveServer({ reason }: Leave): void {
    if (!this.#isLeaving) this.#problem(`it left: ${reason}`);
    clearInterval(this.#ticking);
  }

  override onError(error: LanError): void {
    this.#problem(error.message);
  }

  #topUp(): void {
    const underWay = this.#ticks++ % TICKS_PER_BURST === 0 ? UNDER_WAY_IN_BURST : UNDER_WAY;
    while (this.sent - this.echoed < underWay) {
      if (!this.sendPacket(this.#write(this.sent))) return;
      this.#sentAtMs.push(performance.now());
      this.sent++;
    }
  }

  /** Packet `number`: the number, and bytes that follow from it. */
  #write(number: number): Packet {
    const length = this.#lengths[number % this.#lengths.length]!;
    return this.#packet
      .clear()
      .writeUint32(number)
      .writeBytes(Buffer.alloc(length - 4, number % 251));
  }
}
