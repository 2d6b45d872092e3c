// The frame around the screens: addresses, the menu, and whether the server is there.

import { bus, get, listen, watch } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { problem, announce } from "./tell.js";
import { silence } from "./sound.js";
import { learn } from "./learn.js";
import { live } from "./live.js";
import { play } from "./play.js";
import { record } from "./record.js";
import { share } from "./share.js";
import { shelf } from "./shelf.js";

/**
 * A screen gets where it stands and until when, and returns its element and its title.
 * @typedef {object} Place
 * @property {string | null} id
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal
 * @property {(path: string) => void} go
 *
 * @typedef {{element: HTMLElement, title: string}} Screen
 */

/** @type {Record<string, {label: string, screen: (place: Place) => Promise<Screen>}>} */
const SCREENS = {
  shelf: { label: "Shelf", screen: shelf },
  record: { label: "Record", screen: record },
  learn: { label: "Learn", screen: learn },
  play: { label: "Play", screen: play },
  live: { label: "Live", screen: live },
  share: { label: "Share", screen: share },
};
const ADDRESS = /^\/(shelf|record|learn|play|live|share)(?:\/([A-Za-z0-9_-]+))?\/?$/;

/** For so long, the screen before stays while the next one is fetched. */
const PATIENCE_MS = 400;

const main = /** @type {HTMLElement} */ (document.getElementById("screen"));
let left = new AbortController();
let isFirst = true;
/** The address of the screen that is shown. */
let current = "";

/** @param {string} path @param {boolean} [isReplaced] */
function go(path, isReplaced = false) {
  history[isReplaced ? "replaceState" : "pushState"](null, "", path);
  void show();
}

async function show() {
  const { pathname, search } = location;
  current = pathname + search;
  const found = ADDRESS.exec(pathname);
  left.abort();
  silence();
  const mine = (left = new AbortController());
  const name = found?.[1] ?? "shelf";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const said = problem();
  const isUnknown = !found && pathname !== "/";
  if (isUnknown) said.show(new Error(`There is no screen at ${decodeAddress(pathname)}. This is the shelf.`));
  const waiting = setTimeout(() => {
    if (!mine.signal.aborted) main.replaceChildren(h("p.waiting", { role: "status" }, "Loading …"));
  }, PATIENCE_MS);
  let screen;
  try {
    screen = await SCREENS[name].screen({
      id: found?.[2] ?? null,
      query: new URLSearchParams(search),
      signal: mine.signal,
      go,
    });
  } catch (error) {
    if (mine.signal.aborted) return;
    screen = failed(name, error);
  } finally {
    clearTimeout(waiting);
  }
  if (mine.signal.aborted) return;
  document.title = `${screen.title} · Oscine studio`;
  main.replaceChildren(said.element, screen.element);
  if (!isFirst) {
    const title = /** @type {HTMLElement | null} */ (main.querySelector("h1"));
    title?.focus({ preventScroll: true });
    scrollTo(0, 0);
    announce(screen.title);
  }
  isFirst = false;
}

/** @param {string} path */
function decodeAddress(path) {
  try {
    return decodeURI(path).slice(0, 80);
  } catch {
    return path.slice(0, 80);
  }
}

/**
 * A screen that could not be shown says why; when the server is back it is tried again.
 * @param {string} name
 * @param {unknown} error
 */
function failed(name, error) {
  const status = /** @type {any} */ (error).status;
  if (status === undefined) throw error;
  const words = /** @type {Error} */ (error).message;
  const label = SCREENS[name].label;
  const element = h(
    "div",
    {},
    h("header.head", {}, h("h1", { tabindex: "-1" }, label)),
    h(
      "div.empty",
      { role: "alert" },
      h("p", {}, words),
      h(
        "div.actions",
        {},
        h("button", { type: "button", onclick: show }, "Try again"),
        h("a.button", { href: `/${name}` }, label),
      ),
    ),
  );
  bus.addEventListener("back", () => void show(), { signal: left.signal });
  return { element, title: label };
}

/** Links inside the page change the screen without loading the page anew. @param {MouseEvent} event */
function follow(event) {
  const link = /** @type {Element} */ (event.target).closest?.("a");
  if (
    !link ||
    event.defaultPrevented ||
    event.button ||
    event.ctrlKey ||
    event.metaKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  if (
    link.target ||
    link.hash ||
    link.hasAttribute("download") ||
    link.origin !== location.origin ||
    !ADDRESS.test(link.pathname)
  )
    return;
  event.preventDefault();
  go(link.pathname + link.search);
}

function menu() {
  const links = Object.entries(SCREENS).map(([name, { label }]) =>
    h("a", { href: `/${name}` }, icon(/** @type {any} */ (name)), h("span", {}, label)),
  );
  /** @type {HTMLElement} */ (document.getElementById("menu")).append(...links);
}

/** What the worker does, below the menu. */
function worker() {
  const place = /** @type {HTMLElement} */ (document.getElementById("worker"));
  const refresh = async () => {
    const { worker: state, queue, version } = await get("/api/health");
    const waiting = queue > 0 ? `, ${queue} waiting` : "";
    place.textContent =
      { idle: "The worker is idle", busy: `The worker is busy${waiting}`, down: "The worker is down" }[
        /** @type {string} */ (state)
      ] ?? "";
    place.dataset.state = state;
    place.title = `Oscine ${version}`;
  };
  void watch(new AbortController().signal, refresh);
}

const banner = /** @type {HTMLElement} */ (document.getElementById("banner"));
bus.addEventListener("lost", () => {
  banner.hidden = false;
  banner.textContent =
    "The server does not answer. What you did here is kept, and this page looks for the server every " +
    "2 seconds. If it was stopped, start it with: oscine studio";
});
bus.addEventListener("back", () => {
  banner.hidden = true;
  banner.textContent = "";
  announce("The server is back.");
});

document.addEventListener("click", follow);
window.addEventListener("popstate", () => location.pathname + location.search !== current && void show());
// A file that misses its place must not replace the page.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
menu();
listen();
worker();
void show();
