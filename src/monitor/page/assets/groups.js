/** Figures under headings, on a card and on a server's page alike: in one order, whenever they come. */

/** The order of the headings; others behind, in the order in which they came. */
const GROUPS = ["host", "process", "LanServer", "LanClient", "NetServer", "NetClient"];

/** @param {string | undefined} group */
function rank(group) {
  const at = GROUPS.indexOf(group ?? "");
  return at < 0 ? GROUPS.length : at;
}

/**
 * Puts a group's element in its place.
 * @param {HTMLElement} parent whose children have a data-group each
 * @param {HTMLElement} element
 */
export function insertGroup(parent, element) {
  const own = rank(element.dataset.group);
  const next = [...parent.children].find(
    (other) => rank(/** @type {HTMLElement} */ (other).dataset.group) > own,
  );
  parent.insertBefore(element, next ?? null);
}

/**
 * Puts a figure's element in its place: by type.
 * @param {HTMLElement} group whose children have a data-type each
 * @param {HTMLElement} element
 */
export function insertFigure(group, element) {
  const own = Number(element.dataset.type);
  const next = [...group.children].find(
    (other) => Number(/** @type {HTMLElement} */ (other).dataset.type) > own,
  );
  group.insertBefore(element, next ?? null);
}
