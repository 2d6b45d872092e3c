// Figures as people read them.

import { noteName } from "./instrument/piano.js";

export { noteName };

/** @param {number} hz */
export const toMidi = (hz) => 69 + 12 * Math.log2(hz / 440);

/** @param {number} midi */
export const toHz = (midi) => 440 * 2 ** ((midi - 69) / 12);

/** A pitch with its distance from the key. @param {number} midi */
export function pitchWords(midi) {
  const cents = Math.round(100 * (midi - Math.round(midi)));
  return `${noteName(Math.round(midi))} ${cents < 0 ? "−" : "+"}${Math.abs(cents)} ct`;
}

/** 1:05, for players. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A length of time in words. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 59.5) return `${seconds < 9.95 ? Number(seconds.toFixed(1)) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** @param {number} n @param {string} one @param {string} [many] */
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** A date as the browser's language writes it. @param {string} iso */
export const day = (iso) =>
  new Date(iso).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });

/** @param {string} text */
export const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) : text);
