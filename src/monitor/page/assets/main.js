/**
 * The page: model, connection, and one view at a time, chosen by the address.
 *
 *     #/                             all servers
 *     #/server/7                     one server, all its figures
 *     #/chart/110/7,8                one figure of these servers
 *
 * Keys anywhere: / looks for a server, t changes the theme, Escape leads back.
 */
import { announce } from "./announcer.js";
import { ChartView } from "./chart-view.js";
import { Connection } from "./connection.js";
import { byId, setText } from "./dom.js";
import { showDuration } from "./format.js";
import { Model } from "./model.js";
import { Overview } from "./overview.js";
import { Painter } from "./painter.js";
import { nextTheme, readTheme } from "./preferences.js";
import { ServerView } from "./server-view.js";
import { TimeWindow } from "./time-window.js";

/** @typedef {Overview | ServerView | ChartView} View */

const model = new Model();
const painter = new Painter();
const timeWindow = new TimeWindow(() => model.now());
const parts = { model, painter, window: timeWindow };
const main = byId("main");

/** @type {View | undefined} */
let view;
let isRouted = false;
let lostMs = 0;

/** @returns {View} */
function makeView() {
  const [, name, first, second = ""] = location.hash.split("/");
  const serverNos = (name === "server" ? (first ?? "") : second).split(",").filter(isNumber).map(Number);
  timeWindow.suggestFor(oldestJoin(serverNos));
  if (name === "server" && isNumber(first)) return new ServerView(parts, Number(first));
  if (name === "chart" && isNumber(first) && serverNos.length > 0)
    return new ChartView(parts, Number(first), serverNos);
  return new Overview(model, painter);
}

/**
 * Since when one of these servers reports, as far as is known; long ago where it joined before.
 * @param {readonly number[]} serverNos
 */
function oldestJoin(serverNos) {
  const sinces = serverNos.map((serverNo) => {
    const server = model.servers.get(serverNo);
    return server?.joins === 1 ? server.state.sinceMs : 0;
  });
  return Math.min(...sinces, model.now());
}

/** @param {string | undefined} text */
function isNumber(text) {
  return /^-?\d{1,10}$/.test(text ?? "");
}

function route() {
  if (location.hash === "#main") return; // the skip link
  const hadView = view !== undefined;
  view?.close();
  view = makeView();
  main.replaceChildren(view.root);
  if (!hadView) return;
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

function paintConnection() {
  const state = byId("link-state");
  const banner = byId("banner");
  document.body.classList.toggle("is-lost", model.hasSnapshot && !model.isConnected);
  if (model.isConnected) {
    lostMs = 0;
    state.dataset.state = "live";
    setText(byId("link-text"), "live");
    banner.hidden = true;
    return;
  }
  if (lostMs === 0) lostMs = Date.now();
  state.dataset.state = model.hasSnapshot ? "lost" : "connecting";
  setText(byId("link-text"), model.hasSnapshot ? "not connected" : "connecting");
  banner.hidden = !model.hasSnapshot && Date.now() - lostMs < 2000;
  setText(
    banner,
    model.hasSnapshot
      ? `⚠ No connection to the monitor for ${showDuration(Date.now() - lostMs)}. What you see is old; trying again.`
      : "⚠ The monitor cannot be reached. Trying again.",
  );
}

const themeButton = byId("theme");
let theme = readTheme();
const THEME_TEXTS = { auto: "◐ Auto", dark: "☾ Dark", light: "☀ Light" };

function paintTheme() {
  setText(themeButton, THEME_TEXTS[theme]);
  themeButton.setAttribute("aria-label", `theme: ${theme}; change it`);
}

function themeChanged() {
  if (view !== undefined && "themeChanged" in view) view.themeChanged();
}

function switchTheme() {
  theme = nextTheme(theme);
  paintTheme();
  themeChanged();
}

/** @param {KeyboardEvent} event */
function key(event) {
  const isTyping = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (isTyping) /** @type {HTMLElement} */ (event.target).blur();
    else if (location.hash.length > 2) location.hash = "#/";
  } else if (isTyping) return;
  else if (event.key === "/") {
    event.preventDefault();
    if (!(view instanceof Overview)) location.hash = "#/";
    setTimeout(() => view instanceof Overview && view.focusSearch(), 0);
  } else if (event.key === "t") switchTheme();
}

model.listen((change) => {
  // A view that an address asked for before there was anything to show is made again with what there is.
  if (change.kind === "servers" && model.hasSnapshot && !isRouted) {
    isRouted = true;
    route();
  } else view?.changed(change);
  if (change.kind === "connection" || (change.kind === "second" && !model.isConnected)) paintConnection();
});
setInterval(() => {
  model.tick();
  timeWindow.tick();
}, 1000);
announce(model);
paintTheme();
paintConnection();
themeButton.addEventListener("click", switchTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);
addEventListener("keydown", key);
addEventListener("hashchange", route);
route();
new Connection(model).connect();
