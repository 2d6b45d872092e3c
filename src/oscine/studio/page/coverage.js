// A piano keyboard that fills up: how many seconds of each pitch there are.

import { h, s, drawn } from "./dom.js";
import { duration, noteName } from "./words.js";

const BLACK = new Set([1, 3, 6, 8, 10]);
/** Seconds of a pitch that fill its key. */
const ENOUGH_S = 4;
const LEAST_S = 0.2;
const SHOWN = /** @type {const} */ ([48, 84]);
const HEIGHT = 110;
const LABELS = 20;

/** @param {AbortSignal} signal */
export function coverage(signal) {
  const place = h("div.coverage", {});
  const words = h("figcaption", {});
  const element = h("figure.coverage-figure", {}, place, words);
  /** @type {Map<number, number>} */
  let seconds = new Map();

  /** @param {Record<string, number>} pitchS Seconds of each MIDI key. */
  const update = (pitchS) => {
    seconds = new Map(
      Object.entries(pitchS)
        .filter(([, value]) => value >= LEAST_S)
        .map(([key, value]) => [Number(key), value]),
    );
    words.textContent = said();
    draw();
  };

  function said() {
    const keys = [...seconds.keys()].sort((a, b) => a - b);
    if (!keys.length) return "No pitch yet. Every pitch that you play fills its key.";
    const [low, high] = [keys[0], keys[keys.length - 1]];
    const inside = high - low + 1;
    const few = keys.filter((key) => (seconds.get(key) ?? 0) < ENOUGH_S).map(noteName);
    const begin =
      inside > 1
        ? `${noteName(low)} to ${noteName(high)}: ${keys.length} of ${inside} keys are covered.`
        : `${noteName(low)} alone is covered.`;
    if (!few.length) return `${begin} Each has ${ENOUGH_S} s or more.`;
    const list = few.length > 6 ? `${few.slice(0, 6).join(", ")} and ${few.length - 6} more` : few.join(", ");
    return `${begin} Less than ${ENOUGH_S} s: ${list}.`;
  }

  function draw() {
    const width = place.clientWidth;
    if (!width) return;
    const keys = [...seconds.keys()];
    // Whole octaves from C, so that the keyboard looks the same until a pitch is outside.
    const low = 12 * Math.floor(Math.min(SHOWN[0], ...keys) / 12);
    const high = 12 * Math.ceil(Math.max(SHOWN[1], ...keys) / 12);
    const nWhite = (7 * (high - low)) / 12 + 1;
    const wide = width / nWhite;
    const white = [];
    /** @type {SVGElement[]} */
    const black = [];
    let at = 0;
    for (let key = low; key <= high; key++) {
      const isBlack = BLACK.has(key % 12);
      const x = isBlack ? at * wide - 0.3 * wide : at * wide;
      const w = isBlack ? 0.6 * wide : wide;
      const tall = isBlack ? 0.6 * HEIGHT : HEIGHT;
      const got = seconds.get(key) ?? 0;
      const fill = tall * Math.min(1, got / ENOUGH_S);
      const drawing = [
        s("rect", {
          class: isBlack ? "key-black" : "key-white",
          x: x + 0.5,
          y: 0.5,
          width: Math.max(1, w - 1),
          height: tall - 1,
          rx: Math.min(3, w / 4),
        }),
        got > 0 &&
          s("rect", {
            class: `${got >= ENOUGH_S ? "full" : "part"} ${isBlack ? "on-black" : "on-white"}`,
            x: x + 1,
            y: tall - fill,
            width: Math.max(1, w - 2),
            height: Math.max(2, fill - 1),
            rx: 2,
          }),
        s("title", {}, `${noteName(key)}: ${duration(got)}`),
      ];
      (isBlack ? black : white).push(s("g", {}, ...drawing));
      if (key % 12 === 0)
        white.push(
          s(
            "text",
            { x: Math.min(x + wide / 2, width - 12), y: HEIGHT + 15, "text-anchor": "middle" },
            noteName(key),
          ),
        );
      if (!isBlack) at++;
    }
    const picture = s(
      "svg",
      { width, height: HEIGHT + LABELS, role: "img", "aria-label": "Pitches that are covered" },
      ...white,
      ...black,
    );
    place.replaceChildren(picture);
  }

  drawn(place, draw, signal);
  update({});
  return { element, update };
}
