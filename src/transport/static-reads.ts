/**
 * Reads of an accepted socket into memory that its receiver names. For dialled sockets that is the documented option
 * `onread`; an accepted one was made by its server without it.
 */
import net from "node:net";

/** The documented `onread` option of node:net. */
export interface StaticReads {
  buffer(): Uint8Array;
  callback(byteLength: number): boolean;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** Under which symbols node:net keeps what `onread` says. */
interface ReadSlots {
  /** True until the first buffer is asked for, then what the next read fills. */
  readonly buffer: symbol;
  readonly nextBuffer: symbol;
  readonly callback: symbol;
}

type Slotted = Record<symbol, unknown> & { _handle: { useUserBuffer?(bytes: Uint8Array): void } | null };

/** As a socket that was made with `onread` shows them; null where it does not. Looked for once. */
let readSlots: ReadSlots | null | undefined;

function findReadSlots(): ReadSlots | null {
  const onread: StaticReads = { buffer: () => NOTHING, callback: () => true };
  // The types know no function for `onread.buffer`.
  const probe = new net.Socket({ onread } as unknown as net.SocketConstructorOpts);
  const shown = probe as unknown as Slotted;
  const symbols = Object.getOwnPropertySymbols(probe);
  const buffer = symbols.find((symbol) => symbol.description === "kBuffer" && shown[symbol] === true);
  const nextBuffer = symbols.find((symbol) => shown[symbol] === onread.buffer);
  const callback = symbols.find((symbol) => shown[symbol] === onread.callback);
  if (buffer === undefined || nextBuffer === undefined || callback === undefined) return null;
  return { buffer, nextBuffer, callback };
}

/**
 * Gives an accepted socket the static reads that `onread` gives a dialled one, as its constructor would have: nothing
 * is made anew for it. It has read nothing yet (`pauseOnConnect`). Not documented, but the same from Node 22 to 26;
 * false, and nothing changed, where it is not.
 */
export function readStatically(accepted: net.Socket, reads: StaticReads): boolean {
  readSlots ??= findReadSlots();
  const socket = accepted as unknown as Slotted;
  const handle = socket._handle;
  if (readSlots === null || handle === null || typeof handle.useUserBuffer !== "function") return false;
  if (socket[readSlots.buffer] !== null) return false;
  const first = reads.buffer();
  socket[readSlots.buffer] = first;
  socket[readSlots.nextBuffer] = reads.buffer;
  socket[readSlots.callback] = reads.callback;
  handle.useUserBuffer(first);
  return true;
}
