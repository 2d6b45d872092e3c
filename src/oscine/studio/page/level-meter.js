// The level of the microphone, with the highest peak held, and a warning when it clips.

import { h } from "./dom.js";

const QUIETEST_DB = -60;
const FALL_DB_PER_S = 30;
const HOLD_S = 1.5;
const CLIPPED = 0.995;
/** Below this a take is too quiet to be good. */
const QUIET_DB = -36;
const TOLD_EVERY_MS = 600;

const share = (/** @type {number} */ db) => Math.max(0, Math.min(1, 1 - db / QUIETEST_DB));

export class LevelMeter {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.signal = signal;
    this.bar = h("i.bar");
    this.hold = h("i.hold");
    this.track = h(
      "div.level",
      {
        role: "meter",
        "aria-label": "Level of the microphone",
        "aria-valuemin": QUIETEST_DB,
        "aria-valuemax": 0,
        "aria-valuenow": QUIETEST_DB,
      },
      this.bar,
      this.hold,
    );
    const marks = [-60, -48, -36, -24, -12, -6, 0].map((db) => {
      const mark = h("span", {}, db === 0 ? "0 dB" : `−${-db}`);
      mark.style.left = `${100 * share(db)}%`;
      return mark;
    });
    this.words = h("p.level-words", { role: "status" }, "");
    this.element = h(
      "div.level-meter",
      {},
      this.track,
      h("div.marks", { "aria-hidden": "true" }, marks),
      this.words,
    );
    this.rest();
  }

  /** Forget the warning. */
  clear() {
    this.clippedS = 0;
    this.loudestDb = -Infinity;
    this.tell("");
  }

  /** Show that nothing comes in. */
  rest() {
    this.db = QUIETEST_DB;
    this.heldDb = QUIETEST_DB;
    this.heldS = 0;
    this.heardS = 0;
    this.toldAt = 0;
    this.clear();
    this.show();
  }

  /** @param {Float32Array} block @param {number} rate */
  take(block, rate) {
    let peak = 0;
    for (const sample of block) peak = Math.max(peak, Math.abs(sample));
    const db = 20 * Math.log10(Math.max(peak, 1e-6));
    const seconds = block.length / rate;
    this.db = Math.max(db, (this.db ?? QUIETEST_DB) - FALL_DB_PER_S * seconds, QUIETEST_DB);
    this.heldS = (this.heldS ?? 0) + seconds;
    if (db >= (this.heldDb ?? QUIETEST_DB) || this.heldS > HOLD_S) {
      this.heldDb = this.db;
      this.heldS = 0;
    }
    this.heardS = (this.heardS ?? 0) + seconds;
    this.loudestDb = Math.max(this.loudestDb ?? -Infinity, db);
    if (peak >= CLIPPED) this.clippedS = this.heardS;
    this.show();
  }

  show() {
    const { db = QUIETEST_DB, heldDb = QUIETEST_DB } = this;
    this.bar.style.clipPath = `inset(0 ${100 * (1 - share(db))}% 0 0)`;
    this.hold.style.left = `${100 * share(heldDb)}%`;
    this.track.classList.toggle("clipped", Boolean(this.clippedS));
    const now = performance.now();
    if (now - (this.toldAt ?? 0) < TOLD_EVERY_MS) return;
    this.toldAt = now;
    this.track.setAttribute("aria-valuenow", db.toFixed(0));
    this.track.setAttribute("aria-valuetext", `${db.toFixed(0)} dB`);
    if (this.clippedS)
      this.tell(
        "Clipped: the loudest peaks were cut off. Play softer, move away, or lower the input level.",
        true,
      );
    else if ((this.heardS ?? 0) > 3 && (this.loudestDb ?? 0) < QUIET_DB)
      this.tell("Very quiet. Move closer, or raise the input level.", true);
    else if ((this.heardS ?? 0) > 1) this.tell("The level is fine.");
  }

  /** @param {string} text */
  tell(text, isWarning = false) {
    if (this.words.textContent === text) return;
    this.words.textContent = text;
    this.words.classList.toggle("warning", isWarning);
  }
}
