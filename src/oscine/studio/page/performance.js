// One melody: its pitch and loudness on the piano roll, saved as they are edited, and an instrument that
// plays it.

import { ask, bus, get, watch } from "./api.js";
import { Curves } from "./curves.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { head } from "./parts.js";
import { rendering } from "./rendering.js";
import { roll } from "./roll.js";
import { playButton } from "./sound.js";
import { problem } from "./tell.js";

const SAVED_AFTER_MS = 500;

/** @param {import("./app.js").Place} place @returns {Promise<import("./app.js").Screen>} */
export async function performance({ id, query, signal }) {
  const address = `/api/performances/${id}`;
  const first = await get(address, signal);
  const said = problem();
  const body = h("div.stack", {});
  const asked = query.get("instrument");
  const back = asked ? `/play?instrument=${encodeURIComponent(asked)}` : "/play";
  const file = h(
    "a.button",
    {
      href: `${address}/f0.csv`,
      download: "",
      hidden: true,
      title: "The pitch as a file, which oscine analyze and oscine transfer read",
    },
    icon("download"),
    "f0.csv",
  );
  const element = h(
    "div",
    {},
    head(first.name, h("a.back", { href: back }, icon("back"), "All melodies"), file),
    said.element,
    body,
  );
  let isBuilt = false;

  const refresh = async () => {
    if (isBuilt) return;
    const now = await get(address, signal);
    if (now.state === "failed") {
      said.show(new Error(now.error || now.reasons?.[0] || "This sound has no melody that could be found."));
      body.replaceChildren();
      return;
    }
    if (now.state !== "ready") {
      body.replaceChildren(h("p.progress", { role: "status" }, "Pitch and loudness are being measured …"));
      return;
    }
    const measured = await get(`${address}/curves`, signal);
    if (isBuilt) return;
    isBuilt = true;
    file.hidden = false;
    body.replaceChildren(...(await editor(now, measured)));
  };

  /** @param {any} now @param {any} measured */
  async function editor(now, measured) {
    const curves = new Curves(measured);
    const saved = saving(curves, address, signal, measured.edited ? now.name : null);
    const input = playButton({
      label: `the input, ${now.name}`,
      source: () => `${address}/audio`,
      span: () => [from, null],
      ontime: (second) => view.follow(second),
      onerror: said.show,
    });
    let from = 0;
    const view = roll({
      curves,
      measured,
      signal,
      onedit: () => (saved.edited(), output.stale()),
      onplay: () => input.click(),
      onseek: (second) => (from = second),
    });
    const output = await rendering({
      performance: now,
      query,
      signal,
      flush: saved.flush,
      ontime: (second) => view.follow(second),
    });
    const top = h("div.roll-top", {}, input, h("span", {}, "Input, from the cursor"), saved.element);
    return [h("section.panel", { "aria-label": "Pitch and loudness" }, top, view.element), output.element];
  }
  await refresh();
  void watch(signal, refresh, said.show);
  return { element, title: first.name };
}

/**
 * Edits go to the server by themselves.
 * @param {Curves} curves
 * @param {string} address
 * @param {AbortSignal} signal
 * @param {string | null} name Of the file, when it was saved before.
 */
function saving(curves, address, signal, name) {
  const state = h("span", {}, name ? "The curves were edited before." : "As measured");
  const said = problem();
  let savedVersion = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Promise<void> | null} */
  let running = null;
  const isSaved = () => savedVersion === curves.version;
  const save = async () => {
    clearTimeout(timer);
    if (isSaved()) return;
    while (!isSaved()) {
      const { version } = curves;
      state.textContent = "Saving …";
      try {
        await ask("PUT", `${address}/curves`, curves.toJSON());
      } catch (error) {
        state.textContent = "Not saved yet";
        throw error;
      }
      savedVersion = version;
    }
    said.clear();
    state.textContent = "Saved";
  };
  const flush = () => (running ??= save().finally(() => (running = null)));
  const quietly = () => flush().catch(said.show);
  // What could not be saved when the screen was left is saved when the server is back.
  const over = new AbortController();
  const leave = () => void quietly().then(() => isSaved() && signal.aborted && over.abort());
  bus.addEventListener("back", leave, { signal: over.signal });
  signal.addEventListener("abort", leave);
  window.addEventListener("beforeunload", (event) => isSaved() || (void quietly(), event.preventDefault()), {
    signal: over.signal,
  });
  return {
    element: h("span.saving", {}, state, said.element),
    edited() {
      state.textContent = "Edited …";
      clearTimeout(timer);
      timer = setTimeout(quietly, SAVED_AFTER_MS);
    },
    flush,
  };
}
