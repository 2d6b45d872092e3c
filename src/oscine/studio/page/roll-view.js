// Draws the piano roll: keys, pitch, the second tracker, where the trackers disagree, and the loudness below.

import { colour, surface } from "./dom.js";
import { clock, noteName } from "./words.js";
import { QUIETEST_DB } from "./curves.js";

const BLACK = new Set([1, 3, 6, 8, 10]);
const AXIS = 22;
const LANE = 84;
const GAP = 10;
const FONT = "12px system-ui, sans-serif";
const SPAN_LEAST = 14;
export const GUTTER = 46;

/**
 * @typedef {object} Shown
 * @property {import("./curves.js").Curves} curves
 * @property {Float64Array} other MIDI pitch of the second tracker.
 * @property {[number, number][]} disagreement In seconds.
 * @property {number} from First second that is shown.
 * @property {number} span Seconds that are shown.
 * @property {number} low @property {number} high MIDI, of the roll.
 * @property {[number, number] | null} selection Frames.
 * @property {number} cursor A frame.
 * @property {number | null} playing A second.
 * @property {boolean} hasFocus
 */

/**
 * The geometry of a canvas of this size.
 * @param {Shown} shown
 * @param {number} width
 * @param {number} height
 */
export function places(shown, width, height) {
  const roll = height - AXIS - LANE - GAP;
  const wide = Math.max(1, width - GUTTER);
  const rows = shown.high - shown.low + 1;
  return {
    roll,
    laneTop: roll + GAP,
    laneBottom: roll + GAP + LANE,
    row: roll / rows,
    x: (/** @type {number} */ second) => GUTTER + ((second - shown.from) / shown.span) * wide,
    second: (/** @type {number} */ x) => shown.from + ((x - GUTTER) / wide) * shown.span,
    y: (/** @type {number} */ midi) => ((shown.high + 0.5 - midi) / rows) * roll,
    midi: (/** @type {number} */ y) => shown.high + 0.5 - (y / roll) * rows,
    loudY: (/** @type {number} */ db) => roll + GAP + (db / QUIETEST_DB) * LANE,
    db: (/** @type {number} */ y) =>
      Math.max(QUIETEST_DB, Math.min(0, ((y - roll - GAP) / LANE) * QUIETEST_DB)),
  };
}

/**
 * Lowest and highest key that are shown for some pitches.
 * @param {...Float64Array} pitches
 * @returns {[number, number]}
 */
export function reach(...pitches) {
  let [low, high] = [Infinity, -Infinity];
  for (const curve of pitches)
    for (const midi of curve) {
      if (midi < low) low = midi;
      if (midi > high) high = midi;
    }
  if (low > high) [low, high] = [57, 69];
  [low, high] = [Math.floor(low) - 2, Math.ceil(high) + 2];
  const missing = Math.max(0, SPAN_LEAST - (high - low));
  return [low - Math.floor(missing / 2), high + Math.ceil(missing / 2)];
}

/** @param {HTMLCanvasElement} canvas @param {Shown} shown */
export function draw(canvas, shown) {
  const { context, width, height } = surface(canvas);
  if (width <= GUTTER) return;
  const at = places(shown, width, height);
  const ink = colour("--ink");
  const soft = colour("--soft");
  context.font = FONT;
  context.textBaseline = "middle";
  rows(context, shown, at, width);
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, width - GUTTER, height);
  context.clip();
  timeLines(context, shown, at, height);
  hatch(context, shown, at);
  if (shown.selection) {
    const [from, to] = shown.selection.map((frame) => at.x((frame + 0.5) / shown.curves.frameRate));
    context.fillStyle = colour("--selection");
    context.fillRect(from, 0, to - from, at.laneBottom);
    context.fillStyle = colour("--accent");
    context.fillRect(from, 0, 1, at.laneBottom);
    context.fillRect(to - 1, 0, 1, at.laneBottom);
  }
  // The second tracker may be beyond the keys that are shown.
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, width - GUTTER, at.roll);
  context.clip();
  pitchLine(context, shown, at, shown.other, { style: soft, width: 1.5, dash: [3, 3] });
  pitchLine(context, shown, at, shown.curves.midi, { style: colour("--accent"), width: 2.5, dash: [] });
  context.restore();
  loudness(context, shown, at);
  for (const [second, style, wide] of /** @type {[number | null, string, number][]} */ ([
    [shown.hasFocus ? (shown.cursor + 1) / shown.curves.frameRate : null, ink, 1],
    [shown.playing, colour("--good"), 2],
  ])) {
    if (second === null) continue;
    context.fillStyle = style;
    context.fillRect(at.x(second) - wide / 2, 0, wide, at.laneBottom);
  }
  context.restore();
  context.fillStyle = soft;
  context.textAlign = "right";
  for (const db of [0, -40, -80])
    context.fillText(
      db ? `−${-db}` : "0 dB",
      GUTTER - 6,
      Math.max(at.laneTop + 6, Math.min(at.laneBottom - 6, at.loudY(db))),
    );
}

/** @typedef {ReturnType<typeof places>} At */

/**
 * The keys at the left, and a row for each.
 * @param {CanvasRenderingContext2D} context
 * @param {Shown} shown
 * @param {At} at
 * @param {number} width
 */
function rows(context, shown, at, width) {
  const dark = colour("--row-black");
  const light = colour("--row-white");
  const line = colour("--line");
  let free = -Infinity;
  context.fillStyle = light;
  context.fillRect(0, 0, width, at.roll);
  context.fillRect(GUTTER, at.laneTop, width - GUTTER, at.laneBottom - at.laneTop);
  for (let key = shown.high; key >= shown.low; key--) {
    const top = at.y(key + 0.5);
    if (BLACK.has(((key % 12) + 12) % 12)) {
      context.fillStyle = dark;
      context.fillRect(0, top, width, at.row);
    }
    context.fillStyle = line;
    if (key % 12 === 0 || key % 12 === 5) context.fillRect(0, top + at.row - 1, width, 1);
    const middle = top + at.row / 2;
    const isNamed = at.row >= 15 ? !BLACK.has(key % 12) : key % 12 === 0 || (key % 12 === 7 && at.row > 4);
    if (!isNamed || middle < 7 || middle > at.roll - 7 || middle - free < 14) continue;
    free = middle;
    context.fillStyle = colour(key % 12 === 0 ? "--ink" : "--soft");
    context.textAlign = "right";
    context.fillText(noteName(key), GUTTER - 8, middle);
  }
  context.fillStyle = colour("--line-strong");
  context.fillRect(GUTTER - 1, 0, 1, at.laneBottom);
}

/** @param {CanvasRenderingContext2D} context @param {Shown} shown @param {At} at @param {number} height */
function timeLines(context, shown, at, height) {
  const step =
    [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300].find((one) => at.x(shown.from + one) - GUTTER > 64) ?? 600;
  context.textAlign = "center";
  for (let k = Math.ceil(shown.from / step); k * step <= shown.from + shown.span; k++) {
    const second = k * step;
    context.fillStyle = colour("--line");
    context.fillRect(at.x(second), 0, 1, at.laneBottom);
    context.fillStyle = colour("--soft");
    const x = Math.max(GUTTER + 16, Math.min(at.x(shown.from + shown.span) - 18, at.x(second)));
    context.fillText(step < 1 ? `${second.toFixed(1)} s` : clock(second), x, height - AXIS / 2);
  }
}

/**
 * Where the trackers disagree.
 * @param {CanvasRenderingContext2D} context
 * @param {Shown} shown
 * @param {At} at
 */
function hatch(context, shown, at) {
  context.strokeStyle = colour("--hatch");
  context.lineWidth = 2;
  for (const [from, to] of shown.disagreement) {
    const [x, right] = [at.x(from), Math.max(at.x(to), at.x(from) + 3)];
    if (right < GUTTER || x > at.x(shown.from + shown.span)) continue;
    context.save();
    context.beginPath();
    context.rect(x, 0, right - x, at.roll);
    context.clip();
    context.fillStyle = colour("--hatch-ground");
    context.fillRect(x, 0, right - x, at.roll);
    context.beginPath();
    for (let k = Math.floor((x - at.roll) / 9) * 9; k < right; k += 9) {
      context.moveTo(k, at.roll);
      context.lineTo(k + at.roll, 0);
    }
    context.stroke();
    context.restore();
  }
}

/** @param {Shown} shown @returns {[number, number]} The frames that are shown. */
function framesOf({ curves, from, span }) {
  return [
    Math.max(0, Math.floor(from * curves.frameRate) - 1),
    Math.min(curves.length, Math.ceil((from + span) * curves.frameRate) + 1),
  ];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Shown} shown
 * @param {At} at
 * @param {Float64Array} midi
 * @param {{style: string, width: number, dash: number[]}} look
 */
function pitchLine(context, shown, at, midi, look) {
  const rate = shown.curves.frameRate;
  const [first, last] = framesOf(shown);
  context.strokeStyle = look.style;
  context.lineWidth = look.width;
  context.lineJoin = "round";
  context.lineCap = "round";
  context.setLineDash(look.dash);
  context.beginPath();
  let isDown = false;
  for (let i = first; i < Math.min(last, midi.length); i++) {
    if (Number.isNaN(midi[i])) {
      isDown = false;
      continue;
    }
    const [x, y] = [at.x((i + 1) / rate), at.y(midi[i])];
    if (isDown && Math.abs(midi[i] - midi[i - 1]) < 6) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      context.lineTo(x + 0.5, y);
    }
    isDown = true;
  }
  context.stroke();
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {Shown} shown @param {At} at */
function loudness(context, shown, at) {
  const { loud, frameRate } = shown.curves;
  const [first, last] = framesOf(shown);
  if (last <= first) return;
  context.beginPath();
  context.moveTo(at.x((first + 1) / frameRate), at.laneBottom);
  for (let i = first; i < last; i++)
    context.lineTo(at.x((i + 1) / frameRate), at.loudY(Math.max(QUIETEST_DB, loud[i])));
  context.lineTo(at.x(last / frameRate), at.laneBottom);
  context.fillStyle = colour("--blue-pale");
  context.fill();
  context.beginPath();
  for (let i = first; i < last; i++)
    context.lineTo(at.x((i + 1) / frameRate), at.loudY(Math.max(QUIETEST_DB, loud[i])));
  context.strokeStyle = colour("--blue");
  context.lineWidth = 1.5;
  context.stroke();
}
