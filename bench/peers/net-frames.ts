/**
 * node:net by hand, the receiving half: u32le length and payload, as a careful user writes it. Chunks are kept
 * until a frame is whole and then joined once; every message is handed over as a view.
 */
export function frameReader(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let have = 0;
  let need = 4;
  return (chunk) => {
    have += chunk.length;
    if (have < need) {
      chunks.push(chunk);
      return;
    }
    let bytes = chunk;
    if (chunks.length > 0) {
      chunks.push(chunk);
      bytes = Buffer.concat(chunks, have);
      chunks = [];
    }
    let at = 0;
    need = 4;
    while (have - at >= 4) {
      const end = at + 4 + bytes.readUInt32LE(at);
      if (end > have) {
        need = end - at;
        break;
      }
      onMessage(bytes.subarray(at + 4, end));
      at = end;
    }
    have -= at;
    if (have > 0) chunks.push(at === 0 ? bytes : bytes.subarray(at));
  };
}
