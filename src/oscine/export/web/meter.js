// A display of pitch, as a note with its cents, and of level.

import { noteName } from "./piano.js";

const QUIETEST_DB = -60;
/** How fast a level falls, in dB per display. */
const FALL_DB = 1.5;
const SPOKEN_EVERY_MS = 500;

/** @param {string} tag @param {string} name */
function made(tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  return element;
}

/** @param {string[]} marks */
function scale(...marks) {
  const row = made("div", "scale");
  row.setAttribute("aria-hidden", "true");
  for (const mark of marks) {
    const text = document.createElement("span");
    text.textContent = mark;
    row.append(text);
  }
  return row;
}

/** One line of the display. */
export class Meter {
  /** @param {HTMLElement} place */
  constructor(place) {
    const title = made("div", "title");
    title.textContent = place.dataset.title ?? "";
    this.note = made("div", "note");
    this.exact = made("div", "exact");
    const pitch = made("div", "pitch");
    pitch.append(this.note, this.exact);
    const tuner = made("div", "tuner");
    this.needle = document.createElement("i");
    tuner.append(this.needle);
    this.level = made("div", "level");
    this.level.setAttribute("role", "meter");
    this.level.setAttribute("aria-label", `Level, ${title.textContent}`);
    this.level.setAttribute("aria-valuemin", String(QUIETEST_DB));
    this.level.setAttribute("aria-valuemax", "0");
    this.bar = document.createElement("i");
    this.level.append(this.bar);
    const bars = made("div", "bars");
    bars.append(tuner, scale("−50", "0", "+50 cents"), this.level, scale("−60", "−30", "0 dB"));
    place.append(title, pitch, bars);
    this.shownDb = QUIETEST_DB;
    this.spokenAt = -Infinity;
    this.show(0, 0);
  }

  /**
   * @param {number} f0Hz 0 where there is no pitch.
   * @param {number} peak 1 is full scale.
   */
  show(f0Hz, peak) {
    const levelDb = 20 * Math.log10(Math.max(peak, 1e-9));
    const midi = f0Hz > 0 ? 69 + 12 * Math.log2(f0Hz / 440) : NaN;
    const key = Math.round(midi);
    const isPitch = key >= 0 && key <= 127;
    const cents = isPitch ? Math.round(100 * (midi - key)) : 0;
    this.note.textContent = isPitch ? noteName(key) : "–";
    this.exact.textContent = isPitch ? `${cents < 0 ? "−" : "+"}${Math.abs(cents)} ct · ${f0Hz.toFixed(f0Hz < 1000 ? 1 : 0)} Hz` : "no pitch";
    this.needle.style.visibility = isPitch ? "visible" : "hidden";
    this.needle.style.left = `${50 + cents}%`;
    this.shownDb = Math.min(0, Math.max(levelDb, this.shownDb - FALL_DB, QUIETEST_DB));
    this.bar.style.transform = `scaleX(${1 - this.shownDb / QUIETEST_DB})`;
    const now = performance.now();
    if (now - this.spokenAt < SPOKEN_EVERY_MS) return;
    this.spokenAt = now;
    this.level.setAttribute("aria-valuenow", this.shownDb.toFixed(0));
    this.level.setAttribute("aria-valuetext", `${this.shownDb.toFixed(0)} dB`);
  }
}
