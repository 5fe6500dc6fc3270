/** What the library says of one session, held against what its model has counted. */
import type { End } from "./end.ts";

export interface Figures {
  readonly received: { readonly packets: number; readonly bytes: number };
  readonly sent: { readonly packets: number; readonly bytes: number };
  readonly queuedBytes: number;
}

export function compareFigures(end: End, { received, sent, queuedBytes }: Figures): void {
  const equal = (figure: string, told: number, wanted: number): void => {
    if (told !== wanted) end.fail(`stats say ${figure} ${told}, it is ${wanted}`);
  };
  equal("queuedBytes", queuedBytes, end.sending.queuedBytes);
  equal("sent.bytes", sent.bytes, end.sending.completedBytes);
  equal("sent.packets", sent.packets, end.sending.completedPackets);
  equal("received.bytes", received.bytes, end.receiving.lane.readBytes);
  equal("received.packets", received.packets, end.countedPackets);
}
