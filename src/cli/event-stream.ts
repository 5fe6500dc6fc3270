/**
 * Server-sent events out of a stream of bytes, as the HTML standard has them, as far as a monitor uses them.
 *
 *     event: values\n  data: {...}\n  data: more\n  \n        -> { name: "values", data: "{...}\nmore" }
 *     : a comment                                            -> nothing
 *
 * Invariant: an event that grows beyond EVENT_UNITS_MAX ends the stream with an error: memory stays bounded.
 */

export interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
}

const EVENT_UNITS_MAX = 64 * 1024 * 1024;

export async function* eventsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let text = "";
  let name = "message";
  let data: string[] = [];
  for await (const chunk of bytes) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > EVENT_UNITS_MAX) throw new Error("an event is longer than 64 Mi characters");
    const lines = text.split(/\r\n|\n|\r(?!$)/); // a last \r may be half of \r\n
    text = lines.pop()!;
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { name, data: data.join("\n") };
        [name, data] = ["message", []];
        continue;
      }
      const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
    }
  }
}
