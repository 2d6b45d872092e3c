// Two sounds of the same length, switched between without a gap.

import { h, freshId, drawn, surface, colour } from "./dom.js";
import { icon } from "./icons.js";
import { audioContext, begins, decoded, ended } from "./sound.js";
import { problem } from "./tell.js";
import { clock } from "./words.js";

const FADE_S = 0.012;
const AHEAD_S = 0.03;

/**
 * @param {object} options
 * @param {string} options.title What is compared, for screen readers.
 * @param {[{label: string, source: string}, {label: string, source: string}]} options.sides
 * @param {number} [options.seconds] How long they are, where that is known before they are fetched.
 * @param {(seconds: number | null) => void} [options.ontime]
 * @param {AbortSignal} options.signal
 * @param {number} [options.chosen] The side that is heard first.
 */
export function compare({ title, sides, seconds = 0, ontime = () => {}, signal, chosen = 0 }) {
  const said = problem();
  /** @type {AudioBuffer[] | null} */
  let buffers = null;
  /** @type {Promise<AudioBuffer[]> | null} */
  let loading = null;
  /** @type {{sources: AudioBufferSourceNode[], gains: GainNode[], began: number} | null} */
  let sounding = null;
  let at = 0;
  const length = () => (buffers ? Math.max(...buffers.map(({ duration }) => duration)) : seconds);

  const load = async () => {
    loading ??= Promise.all(sides.map(({ source }) => decoded(source, signal)));
    try {
      buffers = await loading;
    } catch (error) {
      loading = null;
      throw error;
    }
    show();
  };
  const now = () => (sounding ? Math.max(0, audioContext().currentTime - sounding.began) : at);
  const stop = () => {
    if (sounding) {
      at = Math.min(now(), length());
      if (at >= length() - 0.02) at = 0;
      for (const source of sounding.sources) source.stop();
      sounding = null;
      ontime(null);
    }
    ended(stop);
    show();
  };
  const start = async () => {
    const context = audioContext();
    await load();
    if (!buffers || signal.aborted) return;
    begins(stop);
    const begin = context.currentTime + AHEAD_S;
    const gains = buffers.map((_, side) => new GainNode(context, { gain: side === chosen ? 1 : 0 }));
    const sources = buffers.map((buffer, side) => {
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(gains[side]).connect(context.destination);
      source.start(begin, Math.min(at, buffer.duration));
      return source;
    });
    sounding = { sources, gains, began: begin - at };
    follow();
  };
  const follow = () => {
    if (!sounding) return;
    if (signal.aborted || now() >= length()) return stop();
    show();
    ontime(now());
    requestAnimationFrame(follow);
  };
  const choose = (/** @type {number} */ side) => {
    chosen = side;
    const time = audioContext().currentTime;
    sounding?.gains.forEach(({ gain }, one) => gain.setTargetAtTime(one === side ? 1 : 0, time, FADE_S));
    radios[side].checked = true;
    draw();
  };
  const seek = (/** @type {number} */ to) => {
    const wasSounding = sounding !== null;
    if (wasSounding) stop();
    at = to;
    show();
    if (wasSounding) void said.during(start);
  };

  const go = h("button.round", {
    type: "button",
    onclick: () => (sounding ? stop() : void said.during(start)),
  });
  const name = freshId();
  const radios = sides.map((_, side) =>
    h("input", { type: "radio", name, checked: side === chosen, onchange: () => choose(side) }),
  );
  const switches = h(
    "fieldset.segments",
    {},
    h("legend.unseen", {}, `Which one is heard: ${title}`),
    sides.map(({ label }, side) => h("label", {}, radios[side], h("span", {}, label))),
  );
  const canvas = h("canvas", { "aria-hidden": "true" });
  const slider = h("input", {
    type: "range",
    min: "0",
    max: "1000",
    step: "1",
    value: "0",
    "aria-label": `Position in ${title}`,
  });
  slider.addEventListener("input", () => seek((Number(slider.value) / 1000) * length()));
  const time = h("span.time", {});
  const element = h(
    "div.compare",
    { role: "group", "aria-label": title },
    h("div.compare-bar", {}, go, switches, time),
    h("div.scrub", {}, canvas, slider),
    said.element,
  );
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey) return;
    choose(1 - chosen);
    event.preventDefault();
  });

  /** @type {Map<string, number[]>} */
  const known = new Map();
  /** The peak of each bar of a side. @param {number} side @param {number} bars */
  function peaks(side, bars) {
    const key = `${side} ${bars}`;
    const found = known.get(key);
    if (!buffers || found) return found;
    const samples = buffers[side].getChannelData(0);
    const span = (length() * buffers[side].sampleRate) / bars;
    const made = Array.from({ length: bars }, (_, bar) => {
      let peak = 0;
      const end = Math.min(samples.length, Math.floor((bar + 1) * span));
      for (let i = Math.floor(bar * span); i < end; i += 4) peak = Math.max(peak, Math.abs(samples[i]));
      return peak;
    });
    known.set(key, made);
    return made;
  }
  /** The waveform of the side that is heard. */
  function draw() {
    const { context, width, height } = surface(canvas);
    if (!width) return;
    const done = length() ? (now() / length()) * width : 0;
    const bars = Math.floor(width / 3);
    const heights = peaks(chosen, bars);
    const strong = colour(chosen ? "--accent" : "--blue");
    const pale = colour("--line-strong");
    for (let bar = 0; bar < bars; bar++) {
      const tall = Math.max(2, Math.sqrt(Math.min(1, heights?.[bar] ?? 0)) * (height - 6));
      context.fillStyle = bar * 3 < done ? strong : pale;
      context.fillRect(bar * 3, (height - tall) / 2, 2, tall);
    }
  }
  function show() {
    const isOn = sounding !== null;
    if (go.dataset.on !== String(isOn)) {
      go.dataset.on = String(isOn);
      go.replaceChildren(icon(isOn ? "pause" : "go"));
      go.setAttribute("aria-label", `${isOn ? "Pause" : "Play"}: ${title}`);
    }
    time.textContent = `${clock(now())} / ${clock(length())}`;
    slider.value = String(length() ? Math.round((1000 * now()) / length()) : 0);
    slider.setAttribute("aria-valuetext", `${now().toFixed(1)} of ${length().toFixed(1)} s`);
    draw();
  }
  signal.addEventListener("abort", stop);
  drawn(canvas, draw, signal);
  show();
  // The waveform is drawn when it comes into view: a long training has many of these.
  const seen = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    seen.disconnect();
    void said.during(load);
  });
  seen.observe(element);
  signal.addEventListener("abort", () => seen.disconnect());
  return { element, stop, choose };
}
