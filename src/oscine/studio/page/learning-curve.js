// The learning curve: training and validation loss over the steps.

import { h, s, drawn } from "./dom.js";

const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [48, 12, 12, 34];
const STEPS = [1, 2, 5];

/** Round numbers between two, about n of them. @param {number} low @param {number} high @param {number} n */
function ticks(low, high, n) {
  const rough = (high - low) / n || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((one) => one * power >= rough) ?? 10) * power;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step)
    found.push(Number(value.toPrecision(6)));
  return found;
}

/** @param {AbortSignal} signal */
export function learningCurve(signal) {
  const place = h("div.curve");
  const caption = h("figcaption", {});
  const legend = h(
    "p.legend",
    { "aria-hidden": "true" },
    h("span", {}, h("i.swatch.training"), "Training"),
    h("span", {}, h("i.swatch.validation"), "Validation: recordings that are not learned from"),
  );
  const element = h("figure.curve-figure", {}, legend, place, caption);
  /** @type {[number, number, number | null][]} */
  let points = [];

  /** @param {[number, number, number | null][]} now */
  const update = (now) => {
    points = now.filter(([, loss]) => Number.isFinite(loss));
    const judged = points.filter(([, , loss]) => loss !== null);
    const [first, last] = [judged[0], judged[judged.length - 1]];
    caption.textContent =
      first && last && first !== last
        ? `The validation loss went from ${first[2]?.toFixed(2)} to ${last[2]?.toFixed(2)} in ` +
          `${last[0]} steps. Lower is closer to the recording.`
        : points.length
          ? "Lower is closer to the recording."
          : "The curve begins with the first steps.";
    draw();
  };

  function draw() {
    const width = place.clientWidth;
    if (!width) return;
    const losses = points.flatMap(([, training, validation]) =>
      validation === null ? [training] : [training, validation],
    );
    const [low, high] = losses.length ? [Math.min(...losses), Math.max(...losses)] : [0, 1];
    const margin = (high - low) * 0.08 || 0.5;
    const [bottom, top] = [low - margin, high + margin];
    const last = Math.max(1, ...points.map(([step]) => step));
    const x = (/** @type {number} */ step) => LEFT + (step / last) * (width - LEFT - RIGHT);
    const y = (/** @type {number} */ loss) =>
      TOP + (1 - (loss - bottom) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
    const grid = points.length
      ? [
          ...ticks(bottom, top, 4).map((loss) => [
            s("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(loss), y2: y(loss) }),
            s("text", { x: LEFT - 8, y: y(loss) + 4, "text-anchor": "end" }, String(loss)),
          ]),
          ...ticks(0, last, width / 110).map((step) =>
            s(
              "text",
              { x: x(step), y: HEIGHT - 14, "text-anchor": step > 0.94 * last ? "end" : "middle" },
              step ? `${step}` : "0 steps",
            ),
          ),
        ].flat()
      : [];
    const path = (/** @type {[number, number][]} */ line) =>
      line.map(([step, loss], i) => `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`).join("");
    const training = /** @type {[number, number][]} */ (points.map(([step, loss]) => [step, loss]));
    const validation = /** @type {[number, number][]} */ (
      points.filter(([, , loss]) => loss !== null).map(([step, , loss]) => [step, loss])
    );
    const lines = [
      s("path", { class: "line training", d: path(training) }),
      s("path", { class: "line validation", d: path(validation) }),
      ...validation
        .slice(-1)
        .map(([step, loss]) => s("circle", { class: "mark", cx: x(step), cy: y(loss), r: 4 })),
    ];
    const frame = s("line", {
      class: "axis",
      x1: LEFT,
      x2: width - RIGHT,
      y1: HEIGHT - BOTTOM,
      y2: HEIGHT - BOTTOM,
    });
    place.replaceChildren(
      s(
        "svg",
        { width, height: HEIGHT, role: "img", "aria-label": "Learning curve" },
        ...grid,
        frame,
        ...(points.length ? lines : []),
      ),
    );
  }
  drawn(place, draw, signal);
  update([]);
  return { element, update };
}
