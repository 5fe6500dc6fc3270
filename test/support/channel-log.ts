/** What is told on lanwire's channels on this thread, in order, as long as the test runs. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { TestContext } from "node:test";
import { CHANNELS, type ChannelMessages, type ChannelName } from "../../src/index.ts";

export type ChannelRecord = {
  [Name in ChannelName]: { readonly channel: Name; readonly message: ChannelMessages[Name] };
}[ChannelName];

export class ChannelLog {
  readonly records: ChannelRecord[] = [];

  /** @param hear is told each message as it comes, too */
  constructor(t: TestContext, hear: (record: ChannelRecord) => void = () => {}) {
    for (const channel of Object.keys(CHANNELS)) {
      const listener = (message: unknown): void => {
        const record = { channel, message } as ChannelRecord;
        this.records.push(record);
        hear(record);
      };
      subscribe(channel, listener);
      t.after(() => unsubscribe(channel, listener));
    }
  }

  /** The messages of one channel, of one side where that is said. */
  of<Name extends ChannelName>(channel: Name, side?: "server" | "client"): ChannelMessages[Name][] {
    return this.records
      .filter((record) => record.channel === channel && (side ?? record.message.side) === record.message.side)
      .map(({ message }) => message as ChannelMessages[Name]);
  }
}
