// The curves of a performance, pitch and loudness, with undo and redo.

import { toHz, toMidi } from "./words.js";

const MOST_EDITS = 200;
/** The lowest loudness that is shown, and the lowest there is. */
export const [QUIETEST_DB, LEAST_DB] = [-80, -120];

/** @typedef {"midi" | "loud"} Which */
/** @typedef {{which: Which, from: number, before: Float64Array, after: Float64Array}} Edit */

/** Pitches as MIDI, NaN where there is none. @param {(number | null)[]} hz */
export const inMidi = (hz) => Float64Array.from(hz, (one) => (one && one > 0 ? toMidi(one) : NaN));

export class Curves {
  /** @param {{frame_rate: number, f0_hz: (number | null)[], loudness_db: (number | null)[]}} given */
  constructor({ frame_rate, f0_hz, loudness_db }) {
    this.frameRate = frame_rate;
    this.midi = inMidi(f0_hz);
    this.loud = Float64Array.from(loudness_db, (db) => db ?? LEAST_DB);
    /** @type {Edit[]} */
    this.done = [];
    /** @type {Edit[]} */
    this.undone = [];
    this.version = 0;
  }

  get length() {
    return this.midi.length;
  }

  get seconds() {
    return this.midi.length / this.frameRate;
  }

  /** @param {Which} which @param {number} from @param {Float64Array} after @param {Float64Array} [before] */
  put(which, from, after, before = this[which].slice(from, from + after.length)) {
    if (!after.length) return;
    this[which].set(after, from);
    this.done.push({ which, from, before, after });
    if (this.done.length > MOST_EDITS) this.done.shift();
    this.undone = [];
    this.version++;
  }

  /** @returns {boolean} Whether there was something to undo. */
  undo() {
    const edit = this.done.pop();
    if (!edit) return false;
    this[edit.which].set(edit.before, edit.from);
    this.undone.push(edit);
    this.version++;
    return true;
  }

  redo() {
    const edit = this.undone.pop();
    if (!edit) return false;
    this[edit.which].set(edit.after, edit.from);
    this.done.push(edit);
    this.version++;
    return true;
  }

  /** As the server takes them. */
  toJSON() {
    return {
      f0_hz: Array.from(this.midi, (midi) => (Number.isNaN(midi) ? null : Number(toHz(midi).toFixed(4)))),
      loudness_db: Array.from(this.loud, (db) => Number(db.toFixed(3))),
    };
  }
}
