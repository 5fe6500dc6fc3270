/**
 * Framings as they are typed: `--framing u16be`, `--framing erlangPacket2`, `--framing 3,be,includes-header`.
 *
 *     NAME | PRESET | BYTES,le|be[,includes-header]
 */
import {
  FRAMING_PRESETS,
  type Framing,
  type FramingName,
  type FramingPreset,
} from "../framing/length-header.ts";
import { either, nearest } from "./arguments.ts";
import { UsageError } from "./exit.ts";

const FRAMING_NAMES: readonly FramingName[] = ["u8", "u16le", "u16be", "u24le", "u24be", "u32le", "u32be"];

/** @throws UsageError */
export function readFraming(text: string): Framing {
  const name = FRAMING_NAMES.find((each) => each === text);
  if (name !== undefined) return name;
  if (Object.hasOwn(FRAMING_PRESETS, text)) return FRAMING_PRESETS[text as FramingPreset];
  const format = /^([1-4]),(le|be)(,includes-header)?$/.exec(text);
  if (format !== null) {
    const [, width, endian, counted] = format;
    const lengthBytes = Number(width) as 1 | 2 | 3 | 4;
    return {
      lengthBytes,
      endian: endian === "le" ? "little" : "big",
      includesHeader: counted !== undefined,
    };
  }
  throw new UsageError(`--framing cannot be "${text}"${hintFor(text)}`);
}

function hintFor(text: string): string {
  const presets = Object.keys(FRAMING_PRESETS);
  const near = nearest(text, [...FRAMING_NAMES, ...presets]);
  if (near.length > 0) return `; did you mean ${either(near)}?`;
  return `: take one of ${[...FRAMING_NAMES, ...presets].join(", ")}, or BYTES,le|be[,includes-header] such as 3,be`;
}
