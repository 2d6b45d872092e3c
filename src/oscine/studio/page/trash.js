// What was deleted, until it is restored or deleted for good.

import { ask, get, watch } from "./api.js";
import { h, keyed } from "./dom.js";
import { focusTitle, once, problem } from "./tell.js";
import { day } from "./words.js";

/**
 * The trash of a screen.
 * @param {object} options
 * @param {"instrument" | "collection" | "take" | "run" | "performance"} options.kind
 * @param {string | null} [options.owner] Of whose things; null for all.
 * @param {AbortSignal} options.signal
 * @param {() => Promise<unknown>} options.refresh Of the screen, when something was restored.
 */
export function trash({ kind, owner = null, signal, refresh }) {
  const said = problem();
  const title = h("summary", {});
  const list = h("ul.trash", {});
  const element = h("details", { hidden: true }, title, list, said.element);
  const update = async () => {
    const all = await get("/api/trash", signal);
    const mine = all.filter(
      (/** @type {any} */ one) => one.kind === kind && (owner === null || one.owner === owner),
    );
    show(mine);
    title.textContent = `Trash (${mine.length})`;
    element.hidden = !mine.length;
  };
  const row = (/** @type {any} */ { id, name, deleted }) => {
    const act = (/** @type {string} */ method, /** @type {string} */ address) =>
      said.during(async () => {
        await ask(method, address);
        await Promise.all([update(), refresh()]);
        focusTitle();
      });
    const restore = h("button", { type: "button", "aria-label": `Restore ${name}` }, "Restore");
    const label = `Delete ${name} for good`;
    const forget = h("button.plain", { type: "button", "aria-label": label }, "Delete for good");
    once(restore, () => act("POST", `/api/${kind}s/${id}/restore`));
    once(forget, async () => {
      if (confirm(`${label}? This can't be undone.`)) await act("DELETE", `/api/trash/${id}`);
    });
    const words = h("span", {}, name, h("small", {}, ` deleted on ${day(deleted)}`));
    return { element: h("li", {}, words, restore, forget), update: () => {} };
  };
  const show = keyed(list, row);
  void watch(signal, update, said.show);
  return element;
}
