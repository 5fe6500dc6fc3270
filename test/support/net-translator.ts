/**
 * A network for raw peers that write and read the default Lan framing, while Net frames are on the wire:
 *
 *     raw peer --| u32 LE length | payload |--> NetTranslator --| Net frame |--> the class under test
 *
 * With the test's own codec. Of a frame that is not whole its code crosses with the first byte, and its length
 * with the header; the rest waits for the end of the payload, whose sum comes first.
 */
import type { Network } from "../../src/index.ts";
import type {
  Acceptor,
  Connection,
  ConnectionReceiver,
  DialOptions,
  Incoming,
  Listener,
  ListenOptions,
} from "../../src/testing.ts";
import { frame, HEADER_BYTES, payloads } from "./frames.ts";
import { AGREED, NET_HEADER_BYTES, netFrame, netFrames } from "./net-frames.ts";

const READ_BYTES = 65_536;
const RAND_KEY = 0xa5;
/** What a Net frame can tell. */
const LENGTH_MAX = 65_535;

export class NetTranslator implements Network {
  readonly clock: Network["clock"];
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
    this.clock = network.clock;
  }

  listen(options: ListenOptions, acceptor: Acceptor): Promise<Listener> {
    return this.#network.listen(options, {
      onIncoming: (incoming) => acceptor.onIncoming(translatedIncoming(incoming)),
      onAcceptError: (error) => acceptor.onAcceptError(error),
    });
  }

  async dial(options: DialOptions, signal: AbortSignal): Promise<Connection> {
    return new TranslatedConnection(await this.#network.dial(options, signal));
  }
}

function translatedIncoming(incoming: Incoming): Incoming {
  return {
    remote: incoming.remote,
    local: incoming.local,
    accept: () => new TranslatedConnection(incoming.accept()),
    refuse: () => incoming.refuse(),
  };
}

class TranslatedConnection implements Connection {
  readonly #connection: Connection;
  #receiver: ConnectionReceiver | undefined;
  /** Written, and no whole frame yet. */
  #begun: Buffer = Buffer.alloc(0);
  /** Read, and no whole frame yet. */
  #arrived: Uint8Array = new Uint8Array(0);
  /** Bytes on the wire of the frame that is begun. */
  #crossed = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get remote(): Connection["remote"] {
    return this.#connection.remote;
  }
  get local(): Connection["local"] {
    return this.#connection.local;
  }

  open(receiver: ConnectionReceiver): void {
    this.#receiver = receiver;
    const buffer = new Uint8Array(READ_BYTES);
    this.#connection.open({
      readBuffer: () => buffer,
      onRead: (byteLength) => this.#read(buffer.subarray(0, byteLength), receiver),
      onWritten: () => receiver.onWritten(),
      onEnd: () => receiver.onEnd(),
      onClosed: (error) => receiver.onClosed(error),
    });
  }

  write(chunks: readonly Uint8Array[]): void {
    const clear = Buffer.concat([this.#begun, ...chunks]);
    const wire: Uint8Array[] = [];
    let at = 0;
    for (const content of payloads(clear, true)) {
      wire.push(netFrame(content, RAND_KEY).subarray(this.#crossed));
      this.#crossed = 0;
      at += HEADER_BYTES + content.length;
    }
    this.#begun = clear.subarray(at);
    const begun = beginningOf(this.#begun);
    wire.push(begun.subarray(this.#crossed));
    this.#crossed = begun.length;
    const bytes = Buffer.concat(wire);
    if (bytes.length > 0) this.#connection.write([bytes]);
    else setImmediate(() => this.#receiver?.onWritten());
  }

  pause(): void {
    this.#connection.pause();
  }
  resume(): void {
    this.#connection.resume();
  }
  end(): void {
    this.#connection.end();
  }
  destroy(): void {
    this.#connection.destroy();
  }
  reset(): void {
    this.#connection.reset();
  }

  #read(bytes: Uint8Array, receiver: ConnectionReceiver): void {
    const stream = Buffer.concat([this.#arrived, bytes]);
    const frames = netFrames(stream);
    this.#arrived = stream.subarray(
      frames.reduce((sum, { payload }) => sum + NET_HEADER_BYTES + payload.length, 0),
    );
    const clear = Buffer.concat(frames.map(({ payload }) => frame(payload)));
    for (let at = 0; at < clear.length; ) {
      const room = receiver.readBuffer();
      const count = clear.copy(room, 0, at);
      at += count;
      receiver.onRead(count);
    }
  }
}

/** What crosses of a frame that is not whole. One that no Net frame can be is as long as a Net frame can be. */
function beginningOf(begun: Buffer): Buffer {
  if (begun.length === 0) return begun;
  if (begun.length < HEADER_BYTES) return Buffer.of(AGREED.code);
  const header = Buffer.of(AGREED.code, 0, 0, RAND_KEY);
  header.writeUInt16LE(Math.min(LENGTH_MAX, begun.readUInt32LE(0)), 1);
  return header;
}
