// What the page says: for screen readers, in toasts with an undo, and beside the action that failed.

import { h } from "./dom.js";

const TOAST_MS = 12000;
const TOAST_LOOK_MS = 500;

/** Give the focus to the title of the screen, where what had it has gone. */
export function focusTitle() {
  /** @type {HTMLElement | null} */ (document.querySelector("h1"))?.focus({ preventScroll: true });
}

/** Say something to screen readers. @param {string} text */
export function announce(text) {
  const place = /** @type {HTMLElement} */ (document.getElementById("said"));
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
}

/**
 * Show a sentence at the edge for a while; it stays while it has the focus or the pointer.
 * @param {string} text
 * @param {{label: string, act: () => Promise<unknown> | unknown}} [action]
 */
export function toast(text, action) {
  const place = /** @type {HTMLElement} */ (document.getElementById("toasts"));
  const end = () => {
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    if (hadFocus) focusTitle();
  };
  const act = action && h("button.plain", { type: "button", onclick: run }, action.label);
  const words = h("span", {}, text);
  const close = h("button.plain.square", { type: "button", "aria-label": "Dismiss", onclick: end }, "×");
  const element = h("div.toast", {}, words, act, close);
  const isHeld = () => element.matches(":hover") || element.contains(document.activeElement);
  const timer = setInterval(() => {
    if (!element.isConnected) clearInterval(timer);
    else if (!isHeld() && performance.now() - heldAt > TOAST_MS) end();
    else if (isHeld()) heldAt = performance.now();
  }, TOAST_LOOK_MS);
  let heldAt = performance.now();
  place.append(element);
  act?.focus({ preventScroll: true }); // what was deleted had the focus; the undo is next to the hand
  async function run() {
    try {
      await action?.act();
      end();
    } catch (error) {
      words.textContent = /** @type {Error} */ (error).message;
    }
  }
}

/**
 * A place for what went wrong, beside the action.
 * @returns {{
 *   element: any,
 *   clear: () => void,
 *   show: (error: unknown) => void,
 *   during: (action: () => Promise<unknown>) => Promise<boolean>,
 * }}
 */
export function problem() {
  const element = h("p.problem", { role: "alert", hidden: true });
  const clear = () => {
    element.hidden = true;
    element.textContent = "";
  };
  const show = (/** @type {unknown} */ error) => {
    if (error instanceof DOMException && error.name === "AbortError") return;
    element.hidden = false;
    element.textContent = error instanceof Error ? error.message : String(error);
  };
  /**
   * Do something and show its error.
   * @param {() => Promise<unknown>} action
   * @returns {Promise<boolean>} Whether it went well.
   */
  const during = async (action) => {
    clear();
    try {
      await action();
      return true;
    } catch (error) {
      show(error);
      return false;
    }
  };
  return { element, clear, show, during };
}

/**
 * A button that can't be pressed twice while its action runs.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} action
 */
export function once(button, action) {
  button.addEventListener("click", () => void alone(button, action));
  return button;
}

/**
 * A form that can't be sent twice while it is being sent.
 * @param {HTMLFormElement} form
 * @param {() => Promise<unknown>} action
 */
export function sends(form, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void alone(/** @type {HTMLElement} */ (form.querySelector("[type=submit]")), action);
  });
}

/** Buttons whose action runs. @type {WeakSet<HTMLElement>} */
const running = new WeakSet();

/** @param {HTMLElement} button @param {() => Promise<unknown>} action */
async function alone(button, action) {
  if (running.has(button) || button.getAttribute("aria-disabled") === "true") return;
  running.add(button);
  button.setAttribute("aria-disabled", "true");
  try {
    await action();
  } finally {
    running.delete(button);
    button.removeAttribute("aria-disabled");
  }
}
