/** The table: every protection that `npm run test:teeth` takes out. By rows, in files of a size that can be read. */
import type { Protection } from "./protection.ts";
import { ROWS_1_TO_3 } from "./rows-1-to-3.ts";
import { ROWS_4_TO_5 } from "./rows-4-to-5.ts";
import { ROWS_6_TO_7 } from "./rows-6-to-7.ts";
import { ROWS_8_TO_10 } from "./rows-8-to-10.ts";
import { ROWS_11_TO_12 } from "./rows-11-to-12.ts";
import { ROWS_13_TO_14 } from "./rows-13-to-14.ts";
import { ROWS_15_TO_16 } from "./rows-15-to-16.ts";
import { ROWS_17_TO_18 } from "./rows-17-to-18.ts";

export const PROTECTIONS: readonly Protection[] = [
  ...ROWS_1_TO_3,
  ...ROWS_4_TO_5,
  ...ROWS_6_TO_7,
  ...ROWS_8_TO_10,
  ...ROWS_11_TO_12,
  ...ROWS_13_TO_14,
  ...ROWS_15_TO_16,
  ...ROWS_17_TO_18,
];
