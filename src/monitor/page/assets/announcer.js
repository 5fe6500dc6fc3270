/**
 * Tells what must not be missed: a server that goes down or comes back is spoken by screen readers, and the window's
 * title counts those that are down, for a page in a tab behind others.
 */
import { byId } from "./dom.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Change} Change */
/** @typedef {import("./model.js").Server} Server */

/** @param {Model} model */
export function announce(model) {
  const live = byId("announcer");
  model.listen((change) => {
    if (change.kind === "server" && change.was !== change.server.state.at) {
      live.textContent = sentence(change.server);
    }
    if (change.kind === "server" || change.kind === "servers" || change.kind === "connection") {
      document.title = titleOf(model);
    }
  });
}

/** @param {Server} server */
function sentence({ name, state }) {
  switch (state.at) {
    case "up":
      return `${name} is up.`;
    case "down":
      return `${name} is down: ${state.reason}.`;
    case "missing":
      return `${name} has not come back since the monitor restarted.`;
  }
}

/** @param {Model} model */
function titleOf(model) {
  if (!model.isConnected) return "(no connection) lanwire monitor";
  const down = [...model.servers.values()].filter(({ state }) => state.at !== "up").length;
  return down === 0 ? "lanwire monitor" : `(${down} down) lanwire monitor`;
}
