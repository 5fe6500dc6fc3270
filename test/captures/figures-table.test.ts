/** Needs no Wireshark: the dissector's own table of figures. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { tableInDissector, tableOfFigures } from "./figures-table.ts";

it("tools/lanwire.lua has the table of src/monitor/figures.ts, row for row: take what is expected here", () => {
  assert.equal(tableInDissector(), tableOfFigures());
});
