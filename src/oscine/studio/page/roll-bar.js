// The tools of the piano roll.

import { h, freshId } from "./dom.js";
import { icon } from "./icons.js";

/** @param {any} actions */
export function rollBar(actions) {
  const button = (
    /** @type {string} */ label,
    /** @type {string} */ title,
    /** @type {() => void} */ act,
    /** @type {any} */ drawing = null,
  ) =>
    h(
      "button.tool",
      {
        type: "button",
        title: `${label}${title ? ` (${title})` : ""}`,
        "aria-label": drawing && label,
        onclick: act,
      },
      drawing ? icon(drawing) : label,
    );
  const name = freshId();
  const selecting = h("input", { type: "radio", name, checked: true, onchange: () => actions.tool(false) });
  const drawing = h("input", { type: "radio", name, onchange: () => actions.tool(true) });
  const undo = button("Undo", "Ctrl + Z", actions.undo, "undo");
  const redo = button("Redo", "Ctrl + Y", actions.redo, "redo");
  const group = (/** @type {string} */ label, /** @type {any[]} */ ...tools) =>
    h("div.tools", { role: "group", "aria-label": label }, tools);
  const element = h(
    "div.roll-bar",
    {},
    h(
      "fieldset.segments",
      {},
      h("legend.unseen", {}, "The pointer"),
      h("label", {}, selecting, h("span", {}, "Select")),
      h("label", {}, drawing, h("span", {}, "Draw")),
    ),
    group("History", undo, redo),
    group(
      "Pitch",
      button("Octave up", "Shift + ↑", () => actions.lift(12)),
      button("Octave down", "Shift + ↓", () => actions.lift(-12)),
      button("+1", "a semitone up, ↑", () => actions.lift(1)),
      button("−1", "a semitone down, ↓", () => actions.lift(-1)),
    ),
    group(
      "Shape",
      button("Snap", "to semitones, S", actions.snap),
      button("Flatten vibrato", "F", actions.flatten),
      button("Straight line", "L", actions.straight),
      button("Unvoiced", "U", actions.unvoice),
      button("As measured", "the pitch before all edits", actions.original),
    ),
    group("Loudness", button("Softer", "[", actions.softer), button("Louder", "]", actions.louder)),
    group(
      "Zoom",
      button("Zoom out", "−", () => actions.zoom(1 / 1.5), "minus"),
      button("Zoom in", "+", () => actions.zoom(1.5), "plus"),
    ),
  );
  return {
    element,
    toggleTool() {
      const isDrawing = !drawing.checked;
      drawing.checked = isDrawing;
      selecting.checked = !isDrawing;
      actions.tool(isDrawing);
    },
    /** @param {import("./curves.js").Curves} curves */
    update({ done, undone }) {
      for (const [one, left] of [
        [undo, done],
        [redo, undone],
      ])
        one.setAttribute("aria-disabled", String(left.length === 0));
    },
  };
}
