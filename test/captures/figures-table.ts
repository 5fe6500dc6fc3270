/** The table of figures as the dissector has it: a copy, since Wireshark reads no TypeScript. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FIGURES } from "../../src/monitor/figures.ts";

export const DISSECTOR: string = fileURLToPath(new URL("../../tools/lanwire.lua", import.meta.url));

const PART = /(?<=^-- figures:begin\n)[\s\S]*?(?=^-- figures:end$)/m;

/** What stands between the two marks. */
export function tableInDissector(): string {
  return PART.exec(readFileSync(DISSECTOR, "utf8"))?.[0] ?? "";
}

/** What has to stand there. */
export function tableOfFigures(): string {
  const rows = FIGURES.map(({ type, group, name, unit, scale }) => {
    const texts = [`${group} ${name}`, unit].map((text) => JSON.stringify(text));
    return `  [${type}] = { ${texts.join(", ")}, ${scale} },\n`;
  });
  return `local FIGURES = {\n${rows.join("")}}\n`;
}
