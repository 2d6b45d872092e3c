// Parts that several screens share: the head, empty states, progress, choices of instruments.

import { ask, finished } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { focusTitle, once, toast } from "./tell.js";
import { sentence } from "./words.js";

/**
 * The head of a screen.
 * @param {string} title
 * @param {import("./dom.js").Child} lead
 * @param {...(import("./dom.js").Child | import("./dom.js").Child[])} actions
 */
export function head(title, lead, ...actions) {
  return h(
    "header.head",
    {},
    h("div", {}, h("h1", { tabindex: "-1" }, title), lead && h("p.lead", {}, lead)),
    h("div.actions", {}, ...actions),
  );
}

/**
 * What to do where there is nothing yet.
 * @param {string} title
 * @param {string} words
 * @param {...import("./dom.js").Child} actions
 */
export function empty(title, words, ...actions) {
  return h(
    "div.empty",
    {},
    h("h2", {}, title),
    h("p", {}, words),
    actions.length > 0 && h("div.actions", {}, ...actions),
  );
}

/** A bar of progress with its words. @param {string} label */
export function progress(label) {
  const bar = h("progress", { max: "1", value: "0", "aria-label": label });
  const words = h("span", { role: "status" });
  const cancel = h("button.plain", { type: "button" }, "Cancel");
  const element = h("div.progress", { hidden: true }, h("div.progress-top", {}, words, cancel), bar);
  return {
    element,
    cancel,
    /** @param {number | null} share @param {string} text */
    show(share, text) {
      element.hidden = false;
      if (share === null) bar.removeAttribute("value");
      else bar.value = share;
      if (words.textContent !== text) words.textContent = text;
    },
    end() {
      if (cancel === document.activeElement) focusTitle();
      element.hidden = true;
    },
  };
}

/**
 * Wait for a job and show how far it is, with a way to cancel it.
 * @param {{id: string, what: string}} job
 * @param {ReturnType<typeof progress>} bar
 * @param {AbortSignal} signal
 */
export async function shown(job, bar, signal) {
  bar.show(null, `${job.what} …`);
  bar.cancel.onclick = () => void ask("DELETE", `/api/jobs/${job.id}`).catch(() => {}); // it is over already
  try {
    return await finished(
      job,
      ({ state, share, what }) =>
        bar.show(
          state === "queued" || !share ? null : share,
          state === "queued" ? "Waiting for the worker …" : `${what} …`,
        ),
      signal,
    );
  } finally {
    bar.end();
  }
}

const DOUBLE_CLICK_MS = 500;
/** When a button that deletes was last pressed. */
let clickedAt = -Infinity;

/**
 * A button that deletes something, which can be undone.
 * @param {object} options
 * @param {string} options.address Of what is deleted; `/restore` behind it brings it back.
 * @param {string} options.name
 * @param {() => Promise<unknown>} options.refresh
 * @param {ReturnType<typeof import("./tell.js").problem>} options.said
 * @param {() => void} [options.before]
 */
export function removeButton({ address, name, refresh, said, before = () => {} }) {
  const remove = async () => {
    const done = await said.during(async () => {
      before();
      await ask("DELETE", address);
      await refresh();
    });
    if (!done) return;
    const act = async () => {
      await ask("POST", `${address}/restore`);
      await refresh();
    };
    toast(`${sentence(name)} was deleted.`, { label: "Undo", act });
  };
  const button = h(
    "button.plain.square.above",
    { type: "button", "aria-label": `Delete ${name}`, title: "Delete" },
    icon("trash"),
  );
  // The second click of a double click would delete what has moved up into the place.
  button.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    const isByPointer = event.detail > 0;
    if (isByPointer && performance.now() - clickedAt < DOUBLE_CLICK_MS) event.stopImmediatePropagation();
    clickedAt = performance.now();
  });
  return once(button, remove);
}

/**
 * What the browser keeps for a place: the job that it shows, also after the page or the server was closed.
 * @param {string} key
 */
export const lasting = (key) => ({
  /** @returns {any} */
  get: () => JSON.parse(localStorage.getItem(key) ?? "null"),
  /** @param {any} value */
  set: (value) => localStorage.setItem(key, JSON.stringify(value)),
  clear: () => localStorage.removeItem(key),
});

/**
 * A choice of instruments.
 * @param {any[]} instruments
 * @param {string} [chosen]
 * @param {Record<string, any>} [attributes]
 */
export function instrumentSelect(instruments, chosen, attributes = {}) {
  const group = (/** @type {string} */ kind, /** @type {string} */ label) => {
    const some = instruments.filter((one) => one.kind === kind);
    return some.length
      ? h(
          "optgroup",
          { label },
          some.map(({ id, name }) => h("option", { value: id }, name)),
        )
      : null;
  };
  const element = h("select", attributes, group("mine", "Yours"), group("bundled", "In the package"));
  if (chosen && instruments.some(({ id }) => id === chosen)) element.value = chosen;
  return element;
}

/**
 * What was typed into a form is kept in this tab until it is sent.
 * @param {HTMLFormElement} form
 * @param {string} key
 */
export function draft(form, key) {
  const named = () =>
    /** @type {any[]} */ (
      [...form.elements].filter(
        (one) => /** @type {any} */ (one).name && /** @type {any} */ (one).type !== "password",
      )
    );
  const stored = JSON.parse(sessionStorage.getItem(key) ?? "{}");
  for (const one of named()) {
    const value = stored[one.name];
    if (value === undefined) continue;
    if (one.type === "radio") one.checked = one.value === value;
    else if (one.type === "checkbox") one.checked = value;
    else if (one.tagName !== "SELECT" || [...one.options].some((option) => option.value === value))
      one.value = value;
  }
  form.addEventListener("input", () => {
    /** @type {Record<string, any>} */
    const values = {};
    for (const one of named()) {
      if (one.type === "radio") values[one.name] = one.checked ? one.value : values[one.name];
      else values[one.name] = one.type === "checkbox" ? one.checked : one.value;
    }
    sessionStorage.setItem(key, JSON.stringify(values));
  });
  return { isOld: Object.keys(stored).length > 0, clear: () => sessionStorage.removeItem(key) };
}
