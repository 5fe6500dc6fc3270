/** Above which value this reader's tiles of a figure are red. Kept in this browser; the monitor is told nothing. */
import { h } from "./dom.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Figure} Figure */

/**
 * @param {Model} model
 * @param {Figure} figure
 */
export function thresholdEditor(model, figure) {
  const input = h("input", {
    type: "number",
    id: "limit",
    step: "any",
    placeholder: "never",
    "aria-label": `red above, in ${figure.unit || "the figure's number"}`,
  });
  const back = h(
    "button",
    { type: "button", class: "quiet", "aria-label": "back to the monitor's limit" },
    "Default",
  );
  const fill = () => {
    const limit = model.limits.of(figure);
    input.value = limit === undefined ? "" : String(limit / figure.scale);
    back.hidden = !model.limits.isOwn(figure.type);
  };
  input.addEventListener("change", () => {
    if (!input.validity.valid) return;
    model.setLimit(figure.type, input.value === "" ? null : input.valueAsNumber * figure.scale);
    fill();
  });
  back.addEventListener("click", () => {
    model.setLimit(figure.type, undefined);
    fill();
    input.focus();
  });
  fill();
  return h(
    "div",
    { class: "limit" },
    h("label", { for: "limit" }, "Red above"),
    input,
    h("span", { class: "unit" }, figure.unit),
    back,
  );
}
