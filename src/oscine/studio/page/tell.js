// What the page says: for screen readers, in toasts with an undo, and beside the action that failed.

import { h } from "./dom.js";

const TOAST_MS = 12000;

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
  const end = () => element.remove();
  const act = action && h("button.plain", { type: "button", onclick: run }, action.label);
  const words = h("span", {}, text);
  const close = h("button.plain.square", { type: "button", "aria-label": "Dismiss", onclick: end }, "×");
  const element = h("div.toast", {}, words, act, close);
  /** @type {number} */
  let timer;
  const wait = () => (timer = setTimeout(end, TOAST_MS));
  const hold = () => clearTimeout(timer);
  element.addEventListener("pointerenter", hold);
  element.addEventListener("focusin", hold);
  element.addEventListener("pointerleave", wait);
  element.addEventListener("focusout", wait);
  place.append(element);
  act?.focus({ preventScroll: true }); // what was deleted had the focus; the undo is next to the hand
  wait();
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
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      await action();
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
  return button;
}
