// A take's waveform with two handles: what lies between them is used.

import { h, surface, colour, drawn } from "./dom.js";

const SHORTEST_S = 0.1;

/**
 * @param {object} options
 * @param {string} options.label Of the take, for screen readers.
 * @param {number} options.seconds
 * @param {number[]} options.peaks 0 to 1.
 * @param {{from_s: number, to_s: number}} options.trim
 * @param {(trim: {from_s: number, to_s: number}) => void} options.onchange When a handle comes to rest.
 * @param {AbortSignal} options.signal
 */
export function trimmer({ label, seconds, peaks, trim, onchange, signal }) {
  let { from_s: from, to_s: to } = trim;
  /** @type {number | null} */
  let playing = null;
  const canvas = h("canvas", { "aria-hidden": "true" });
  const handle = (/** @type {"from" | "to"} */ which, /** @type {string} */ name) => {
    const element = h(`div.handle.${which}`, {
      role: "slider",
      tabindex: "0",
      "aria-label": `${name} of ${label}`,
      "aria-valuemin": "0",
      "aria-valuemax": seconds.toFixed(2),
      title: "Drag, or use the arrow keys; with Shift in steps of one second",
    });
    element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const step = event.shiftKey ? 1 : 0.1;
      const by = {
        ArrowLeft: -step,
        ArrowDown: -step,
        ArrowRight: step,
        ArrowUp: step,
        PageUp: 1,
        PageDown: -1,
        Home: -seconds,
        End: seconds,
      }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      move(which, (which === "from" ? from : to) + by);
      settle();
    });
    element.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      event.preventDefault();
      element.focus();
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      const { left, width } = canvas.getBoundingClientRect();
      move(which, ((event.clientX - left) / width) * seconds);
    });
    element.addEventListener("lostpointercapture", settle);
    return element;
  };
  const first = handle("from", "Beginning");
  const last = handle("to", "End");
  const element = h("div.trimmer", {}, canvas, first, last);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let settled = `${from} ${to}`;

  /** @param {"from" | "to"} which @param {number} at */
  function move(which, at) {
    if (which === "from") from = Math.max(0, Math.min(at, to - SHORTEST_S));
    else to = Math.min(seconds, Math.max(at, from + SHORTEST_S));
    show();
  }
  function settle() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (settled === `${from} ${to}`) return;
      settled = `${from} ${to}`;
      onchange({ from_s: from, to_s: to });
    }, 400);
  }
  function show() {
    for (const [one, at] of /** @type {const} */ ([
      [first, from],
      [last, to],
    ])) {
      one.style.left = `${(100 * at) / seconds}%`;
      one.setAttribute("aria-valuenow", at.toFixed(2));
      one.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${seconds.toFixed(1)} s`);
    }
    draw();
  }
  function draw() {
    const { context, width, height } = surface(canvas);
    const n = Math.floor(width / 3);
    const [used, unused] = [colour("--blue"), colour("--line-strong")];
    for (let i = 0; i < n; i++) {
      const begin = Math.floor((i * peaks.length) / n);
      const end = Math.max(begin + 1, Math.floor(((i + 1) * peaks.length) / n));
      const peak = Math.max(0, ...peaks.slice(begin, end));
      const tall = Math.max(2, Math.sqrt(peak) * (height - 6));
      const at = ((i + 0.5) / n) * seconds;
      context.fillStyle = at >= from && at <= to ? used : unused;
      context.fillRect(3 * i, (height - tall) / 2, 2, tall);
    }
    if (playing === null) return;
    context.fillStyle = colour("--accent");
    context.fillRect((playing / seconds) * width - 1, 0, 2, height);
  }
  drawn(canvas, draw, signal);
  show();
  return {
    element,
    /** @returns {[number, number]} */
    span: () => [from, to],
    /** Where it plays. @param {number | null} at */
    follow(at) {
      playing = at;
      draw();
    },
  };
}
