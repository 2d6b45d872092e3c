// The piano roll: pitch and loudness of a performance, which pointer and keys edit.

import { h, freshId, drawn } from "./dom.js";
import { rollBar } from "./roll-bar.js";
import { RollPointer } from "./roll-pointer.js";
import { draw, reach } from "./roll-view.js";
import { flattened, lifted, median, notes, snapped, straight, unvoiced } from "./pitch-edits.js";
import { inMidi, LEAST_DB } from "./curves.js";
import { pitchWords } from "./words.js";

const STEP_S = 0.05;
const LEAST_SPAN_S = 0.5;
const LOUDER_DB = 2;
const HELP = [
  ["← →", "move the cursor; with Ctrl from note to note, with Alt by one frame"],
  ["Shift + ← →", "select; Ctrl + A selects all, N the note at the cursor, Escape nothing"],
  ["↑ ↓", "a semitone up or down; with Alt 10 cents, with Shift an octave"],
  ["S", "snap each note to its semitone"],
  ["F", "flatten the vibrato"],
  ["L", "draw a straight line over the selection"],
  ["U", "mark as unvoiced"],
  ["[ ]", "softer or louder by 2 dB"],
  ["Ctrl + Z, Ctrl + Y", "undo, redo"],
  ["+ −", "zoom in or out"],
  ["D", "change between selecting and drawing with the pointer"],
  ["Space", "play or pause"],
];

/**
 * @param {object} options
 * @param {import("./curves.js").Curves} options.curves
 * @param {any} options.measured What the server measured: the second tracker, the disagreement.
 * @param {() => void} options.onedit After each edit.
 * @param {() => void} options.onplay The space bar.
 * @param {(second: number) => void} options.onseek
 * @param {AbortSignal} options.signal
 */
export function roll({ curves, measured, onedit, onplay, onseek, signal }) {
  const other = inMidi(measured.other_f0_hz ?? []);
  const tracked = inMidi(measured.tracked_f0_hz ?? measured.f0_hz);
  const [low, high] = reach(curves.midi);
  /** @type {import("./roll-view.js").Shown} */
  const shown = {
    curves,
    other,
    disagreement: measured.disagreement ?? [],
    from: 0,
    span: curves.seconds,
    low,
    high,
    selection: null,
    cursor: 0,
    playing: null,
    hasFocus: false,
  };
  const help = freshId();
  const canvas = h("canvas.roll", {
    tabindex: "0",
    role: "application",
    "aria-label": "Piano roll: pitch and loudness over time",
    "aria-describedby": help,
  });
  const status = h("p.roll-status", { role: "status" });
  const scroll = h("input.scroll", {
    type: "range",
    min: "0",
    step: "any",
    "aria-label": "Scroll through time",
  });
  const pointer = new RollPointer(canvas, shown, { select, moved, cursorTo, onseek });

  // ---- what is edited

  /** The selection, or everything. @returns {[number, number]} */
  const extent = () => shown.selection ?? [0, curves.length];
  const spanOf = () => {
    const [from, to] = extent();
    return { midi: curves.midi, from, to, frameRate: curves.frameRate };
  };
  const edit = (
    /** @type {string} */ what,
    /** @type {(span: import("./pitch-edits.js").Span) => Float64Array} */ change,
  ) => {
    const span = spanOf();
    curves.put("midi", span.from, change(span));
    changed(what);
  };
  const louder = (/** @type {number} */ db) => {
    const [from, to] = extent();
    curves.put(
      "loud",
      from,
      curves.loud
        .slice(from, to)
        .map((one) => (one <= LEAST_DB ? one : Math.max(LEAST_DB, Math.min(0, one + db)))),
    );
    changed(db > 0 ? "Louder" : "Softer");
  };
  const actions = {
    undo: () => (curves.undo() ? changed("Undone") : say("There is nothing to undo.")),
    redo: () => (curves.redo() ? changed("Redone") : say("There is nothing to redo.")),
    lift: (/** @type {number} */ semitones) =>
      edit(semitones > 0 ? "Lifted" : "Lowered", (span) => lifted(span, semitones)),
    snap: () => edit("Snapped", snapped),
    flatten: () => edit("Vibrato flattened", flattened),
    straight: () => edit("A straight line drawn", straight),
    unvoice: () => edit("Marked as unvoiced", unvoiced),
    original: () => edit("As it was measured", ({ from, to }) => tracked.slice(from, to)),
    louder: () => louder(LOUDER_DB),
    softer: () => louder(-LOUDER_DB),
    zoom: (/** @type {number} */ factor) => {
      const middle = shown.cursor / curves.frameRate;
      const isSeen = middle >= shown.from && middle <= shown.from + shown.span;
      const held = isSeen ? middle : shown.from + shown.span / 2;
      const share = (held - shown.from) / shown.span;
      shown.span = Math.max(
        Math.min(LEAST_SPAN_S, curves.seconds),
        Math.min(curves.seconds, shown.span / factor),
      );
      scrollTo(held - share * shown.span);
    },
    tool: (/** @type {boolean} */ isDrawing) => {
      pointer.isDrawing = isDrawing;
      canvas.classList.toggle("drawing", isDrawing);
    },
  };
  const bar = rollBar(actions);

  /** @param {string} what */
  function changed(what) {
    const [below, above] = reach(curves.midi);
    [shown.low, shown.high] = [Math.min(shown.low, below), Math.max(shown.high, above)];
    say(`${what}. ${where()}`);
    moved();
    onedit();
  }
  /** @param {string} text */
  function say(text) {
    status.textContent = text;
  }
  function where() {
    const { selection, cursor } = shown;
    if (!selection) {
      const midi = curves.midi[cursor];
      const pitch = Number.isNaN(midi) ? "unvoiced" : pitchWords(midi);
      return (
        `Cursor at ${(cursor / curves.frameRate).toFixed(2)} s: ${pitch}, ` +
        `${Math.round(curves.loud[cursor])} dB. Nothing is selected: an edit changes everything.`
      );
    }
    const [from, to] = selection;
    const middle = median([...curves.midi.slice(from, to)].filter((one) => !Number.isNaN(one)));
    const pitch = Number.isNaN(middle) ? "unvoiced" : `${pitchWords(middle)} in the middle`;
    const [begin, end] = [from, to].map((frame) => (frame / curves.frameRate).toFixed(2));
    return `Selected ${begin} to ${end} s: ${pitch}.`;
  }

  // ---- what is shown

  /** Draw what is now. @param {boolean} [isEdit] Whether the pointer changed a curve. */
  function moved(isEdit = false) {
    bar.update(curves);
    draw(canvas, shown);
    if (isEdit) changed("Drawn");
  }
  /** @param {number} from Second. */
  function scrollTo(from) {
    const most = Math.max(0, curves.seconds - shown.span);
    shown.from = Math.max(0, Math.min(most, from));
    scroll.max = String(most);
    scroll.value = String(shown.from);
    scroll.hidden = most < 0.01;
    draw(canvas, shown);
  }
  /** @param {number} second */
  function reveal(second) {
    const margin = 0.05 * shown.span;
    if (second < shown.from + margin) scrollTo(second - margin);
    else if (second > shown.from + shown.span - margin) scrollTo(second - shown.span + margin);
  }
  /** @param {number} frame */
  function cursorTo(frame) {
    shown.cursor = Math.max(0, Math.min(curves.length - 1, Math.round(frame)));
    reveal(shown.cursor / curves.frameRate);
    moved();
  }
  /** @param {number | null} from @param {number} [to] Frames; null selects nothing. */
  function select(from, to = 0) {
    const [a, b] = [Math.min(from ?? 0, to), Math.max(from ?? 0, to)].map((one) =>
      Math.max(0, Math.min(curves.length, Math.round(one))),
    );
    shown.selection = from === null || b <= a ? null : [a, b];
    say(where());
    moved();
  }

  // ---- keys

  /** The frame that Shift + arrow keeps. @type {number | null} */
  let anchor = null;
  const noteBounds = () =>
    notes({ midi: curves.midi, from: 0, to: curves.length, frameRate: curves.frameRate });
  const noteAt = (/** @type {number} */ frame) =>
    noteBounds().find(([from, to]) => frame >= from && frame < to);
  /** @param {KeyboardEvent} event @param {number} direction */
  function walk(event, direction) {
    let to =
      shown.cursor + direction * (event.altKey ? 1 : Math.max(1, Math.round(STEP_S * curves.frameRate)));
    if (event.ctrlKey || event.metaKey) {
      const starts = [...new Set([0, ...noteBounds().flat(), curves.length - 1])].sort((a, b) => a - b);
      to =
        direction > 0
          ? (starts.find((one) => one > shown.cursor) ?? curves.length - 1)
          : (starts.findLast((one) => one < shown.cursor) ?? 0);
    }
    step(event, to);
  }
  /** Move the cursor, and with Shift the selection. @param {KeyboardEvent} event @param {number} to */
  function step(event, to) {
    if (event.shiftKey) anchor ??= shown.cursor;
    else anchor = null;
    cursorTo(to);
    if (anchor !== null) select(anchor, shown.cursor);
    else select(null);
    onseek(shown.cursor / curves.frameRate);
  }
  /** @param {KeyboardEvent} event */
  function key(event) {
    const isCommand = event.ctrlKey || event.metaKey;
    const semitones = event.shiftKey ? 12 : event.altKey ? 0.1 : 1;
    /** @type {Record<string, () => void>} */
    const plain = {
      ArrowLeft: () => walk(event, -1),
      ArrowRight: () => walk(event, 1),
      ArrowUp: () => actions.lift(semitones),
      ArrowDown: () => actions.lift(-semitones),
      PageUp: () => actions.lift(12),
      PageDown: () => actions.lift(-12),
      Home: () => step(event, 0),
      End: () => step(event, curves.length - 1),
      Escape: () => ((anchor = null), select(null)),
      s: actions.snap,
      f: actions.flatten,
      l: actions.straight,
      u: actions.unvoice,
      n: () => {
        const found = noteAt(shown.cursor);
        if (found) select(...found);
        else say("There is no note at the cursor.");
      },
      d: () => bar.toggleTool(),
      "[": actions.softer,
      "]": actions.louder,
      "+": () => actions.zoom(1.5),
      "=": () => actions.zoom(1.5),
      "-": () => actions.zoom(1 / 1.5),
      " ": onplay,
    };
    /** @type {Record<string, () => void>} */
    const command = {
      a: () => select(0, curves.length),
      z: event.shiftKey ? actions.redo : actions.undo,
      y: actions.redo,
      ArrowLeft: plain.ArrowLeft,
      ArrowRight: plain.ArrowRight,
    };
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = (isCommand ? command : plain)[name];
    if (!act) return;
    event.preventDefault();
    act();
  }
  canvas.addEventListener("keydown", key);
  for (const kind of ["focus", "blur"])
    canvas.addEventListener(kind, () => {
      shown.hasFocus = kind === "focus";
      if (shown.hasFocus && !status.textContent) say(where());
      draw(canvas, shown);
    });
  canvas.addEventListener("dblclick", () => {
    const found = pointer.isDrawing ? undefined : noteAt(shown.cursor);
    if (found) select(...found);
  });
  canvas.addEventListener(
    "wheel",
    (/** @type {WheelEvent} */ event) => {
      if (event.ctrlKey) actions.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2);
      else if (event.deltaX || event.shiftKey)
        scrollTo(shown.from + ((event.deltaX || event.deltaY) / 600) * shown.span);
      else return;
      event.preventDefault();
    },
    { passive: false },
  );
  scroll.addEventListener("input", () => scrollTo(Number(scroll.value)));

  const legend = h(
    "p.legend",
    {},
    h("span", {}, h("i.swatch.pitch"), `Pitch (${measured.tracker})`),
    h("span", {}, h("i.swatch.other"), `Pitch (${measured.other})`),
    shown.disagreement.length > 0 && h("span", {}, h("i.swatch.hatch"), "The two disagree: check these"),
    h("span", {}, h("i.swatch.loud"), "Loudness"),
  );
  const keysHelp = h(
    "details.help",
    {},
    h("summary", {}, "Keys of the piano roll"),
    h(
      "dl.keys",
      {},
      HELP.map(([keys, words]) => h("div", {}, h("dt", {}, keys), h("dd", {}, words))),
    ),
  );
  const summary = h("p.unseen", { id: help }, HELP.map(([keys, words]) => `${keys}: ${words}.`).join(" "));
  const element = h("div.roll-frame", {}, bar.element, canvas, scroll, legend, status, keysHelp, summary);
  drawn(canvas, () => draw(canvas, shown), signal);
  scrollTo(0);
  bar.update(curves);
  return {
    element,
    actions,
    select,
    /** Where it plays. @param {number | null} second */
    follow(second) {
      shown.playing = second;
      if (second !== null) reveal(second);
      draw(canvas, shown);
    },
  };
}
