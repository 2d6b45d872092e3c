// Mouse, pen and finger on the piano roll: select, move a selection, draw pitch or loudness.

import { HIGHEST, LOWEST } from "./pitch-edits.js";
import { places, GUTTER } from "./roll-view.js";

/** How near a pointer has to be to the curve to take hold of it, in pixels. */
const NEAR = 12;

/** A pitch that may be written. @param {number} midi */
const within = (midi) => Math.max(LOWEST, Math.min(HIGHEST, midi));

/**
 * What the pointer asks for.
 * @typedef {object} Roll
 * @property {(from: number | null, to?: number) => void} select
 * @property {(isEdit?: boolean) => void} moved
 * @property {(frame: number) => void} cursorTo
 * @property {(second: number) => void} onseek
 */
/**
 * What the pointer does while it is down.
 * @typedef {object} Drag
 * @property {"select" | "lift" | "draw"} kind
 * @property {"midi" | "loud"} which
 * @property {number} frame Where it was last.
 * @property {number} value
 * @property {Float64Array} before The curve before.
 * @property {number} low First frame that was changed.
 * @property {number} high The one after the last.
 */

export class RollPointer {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./roll-view.js").Shown} shown
   * @param {Roll} roll
   */
  constructor(canvas, shown, roll) {
    this.canvas = canvas;
    this.shown = shown;
    this.roll = roll;
    this.isDrawing = false;
    /**
     * @type {Drag | null}
     */
    this.drag = null;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("lostpointercapture", () => this.up());
  }

  /** @param {PointerEvent} event */
  at(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    const geometry = places(this.shown, width, height);
    const { curves } = this.shown;
    const frame = Math.max(
      0,
      Math.min(curves.length - 1, Math.round(geometry.second(Math.max(x, GUTTER)) * curves.frameRate)),
    );
    return { x, y, frame, geometry, isLane: y > geometry.roll };
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button) return;
    const { y, frame, geometry, isLane } = this.at(event);
    const { curves, selection } = this.shown;
    const which = isLane ? "loud" : "midi";
    const value = isLane ? geometry.db(y) : within(geometry.midi(y));
    const isInside = selection !== null && frame >= selection[0] && frame < selection[1];
    const isNear = Math.abs(geometry.y(curves.midi[frame]) - y) < NEAR;
    const kind = this.isDrawing ? "draw" : isInside && isNear && !isLane ? "lift" : "select";
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { kind, which, frame, value, before: curves[which].slice(), low: curves.length, high: 0 };
    if (kind !== "draw") this.roll.cursorTo(frame);
    if (kind === "select") this.roll.select(null);
    if (kind === "draw") this.paint(frame, value);
    this.roll.onseek(frame / curves.frameRate);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.drag) return;
    const { y, frame, geometry } = this.at(event);
    const { curves, selection } = this.shown;
    const { kind, which, before } = this.drag;
    if (kind === "select") {
      this.roll.select(this.drag.frame, frame);
    } else if (kind === "lift" && selection) {
      let by = geometry.midi(y) - this.drag.value;
      if (event.shiftKey) by = Math.round(by);
      for (let i = selection[0]; i < selection[1]; i++) curves.midi[i] = within(before[i] + by);
      [this.drag.low, this.drag.high] = selection;
      this.roll.moved();
    } else if (kind === "draw") {
      this.paint(frame, which === "loud" ? geometry.db(y) : within(geometry.midi(y)));
    }
  }

  /** Write a line from the last place to this one. @param {number} frame @param {number} value */
  paint(frame, value) {
    const { drag, shown } = this;
    if (!drag) return;
    const n = Math.abs(frame - drag.frame);
    const step = Math.sign(frame - drag.frame);
    for (let i = 0; i <= n; i++)
      shown.curves[drag.which][drag.frame + step * i] =
        drag.value + ((value - drag.value) * i) / Math.max(1, n);
    drag.low = Math.min(drag.low, frame, drag.frame);
    drag.high = Math.max(drag.high, frame + 1, drag.frame + 1);
    drag.frame = frame;
    drag.value = value;
    this.roll.moved();
  }

  up() {
    const { drag, shown } = this;
    this.drag = null;
    if (!drag || drag.kind === "select" || drag.high <= drag.low) return;
    const { which, low, high, before } = drag;
    shown.curves.put(which, low, shown.curves[which].slice(low, high), before.slice(low, high));
    this.roll.moved(true);
  }
}
