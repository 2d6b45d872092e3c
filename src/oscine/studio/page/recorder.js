// A recorder for one take: microphone, level meter, warning of clipping, and a WAV file at the end.

import { h, surface, colour, drawn } from "./dom.js";
import { icon } from "./icons.js";
import { openMicrophone } from "./instrument/sources.js";
import { LevelMeter } from "./level-meter.js";
import { audioContext, silence } from "./sound.js";
import { announce, once, problem } from "./tell.js";
import { wav } from "./wav.js";
import { clock } from "./words.js";

const WORKLET = new URL("./recorder-worklet.js", import.meta.url);
const SHORTEST_S = 0.3;
const LONGEST_S = 900;
const BITS = 24;
const HEAD_BYTES = 4096;
const BARS_PER_S = 25;

/**
 * Recordings that the server has not taken yet, by the screen that made them; they outlive the screen.
 * @type {Map<string, {file: Blob, seconds: number}[]>}
 */
const unsent = new Map();

/**
 * @param {object} options
 * @param {(file: Blob, seconds: number) => Promise<unknown>} options.ontake Gets each recording; its error is
 *   shown here.
 * @param {AbortSignal} options.signal
 * @param {string} options.place The screen, whose recordings these are.
 * @param {number} options.mostBytes Of a recording that the server takes.
 * @param {string} [options.what] What a recording is called here.
 * @param {boolean} [options.goesOn] Whether a recording that is full goes on in the next one.
 */
export function recorder({ ontake, signal, place, mostBytes, what = "take", goesOn = false }) {
  const said = problem();
  const meter = new LevelMeter(signal);
  /** @type {Awaited<ReturnType<typeof openMicrophone>> | null} */
  let microphone = null;
  /** @type {AudioWorkletNode | null} */
  let node = null;
  /** @type {Float32Array[]} */
  let blocks = [];
  let nSamples = 0;
  /** Samples of this recording that were handed over already. */
  let nBefore = 0;
  let isRecording = false;
  /** @type {Promise<unknown> | null} */
  let opening = null;
  /** @type {number[]} The peaks of this take, BARS_PER_S a second. */
  let peaks = [];
  /** One recording is sent after the other. */
  let sending = Promise.resolve();
  const kept = unsent.get(place) ?? [];
  unsent.set(place, kept);

  const device = h("select", { onchange: () => void said.during(() => open(true)) });
  const inputs = h("label.inline", { hidden: true }, "Input ", device);
  const time = h("span.time.big", {}, clock(0));
  const button = h("button.record", { type: "button" });
  const label = h("span", {}, `Record a ${what}`);
  button.append(h("span.lamp", {}, icon("dot")), label);
  const canvas = h("canvas.trace", { "aria-hidden": "true" });
  const again = h("button", { type: "button", hidden: !kept.length }, "Send the recording again");
  const full = h("p.hint", { role: "status", hidden: true });
  const element = h(
    "section.recorder",
    { "aria-label": "Microphone" },
    h("div.recorder-top", {}, button, time, inputs),
    canvas,
    meter.element,
    full,
    said.element,
    again,
  );

  const close = () => {
    node?.disconnect();
    microphone?.close();
    node = microphone = null;
    meter.rest();
  };

  async function open(isOther = false) {
    if (microphone && !isOther) return;
    const context = audioContext();
    close();
    const opened = await openMicrophone(context, device.value, () => {
      said.show(new Error("The microphone was unplugged. What was recorded until then is kept."));
      void end();
    });
    if (signal.aborted) return opened.close();
    microphone = opened;
    await context.audioWorklet.addModule(WORKLET);
    const made = new AudioWorkletNode(context, "recorder", {
      numberOfOutputs: 1,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    made.port.onmessage = ({ data }) => data instanceof Float32Array && take(data);
    // It is silent; without an output some browsers do not run it.
    opened.node.connect(made).connect(context.destination);
    node = made;
    device.replaceChildren(
      ...opened.devices.map((one) => new Option(one.label || "Microphone", one.deviceId)),
    );
    device.value = opened.device;
    inputs.hidden = opened.devices.length < 2;
  }

  /** @param {Float32Array} block */
  function take(block) {
    meter.take(block, audioContext().sampleRate);
    if (!isRecording) return;
    blocks.push(block);
    nSamples += block.length;
    const rate = audioContext().sampleRate;
    while (peaks.length < ((nBefore + nSamples) / rate) * BARS_PER_S) peaks.push(0);
    for (const sample of block) peaks[peaks.length - 1] = Math.max(peaks[peaks.length - 1], Math.abs(sample));
    time.textContent = clock((nBefore + nSamples) / rate);
    draw();
    if (nSamples < Math.min(LONGEST_S * rate, (mostBytes - HEAD_BYTES) / (BITS / 8))) return;
    full.hidden = false;
    full.textContent = goesOn
      ? `The ${what} was full after ${clock(nSamples / rate)}; the recording goes on in the next one.`
      : `A ${what} is ${clock(nSamples / rate)} long at most, so the recording ended.`;
    if (goesOn) void handOver();
    else void end();
  }

  async function begin() {
    silence();
    full.hidden = true;
    meter.clear();
    opening ??= open();
    try {
      await opening;
    } finally {
      opening = null;
    }
    if (signal.aborted) return;
    blocks = [];
    peaks = [];
    nSamples = nBefore = 0;
    isRecording = true;
    show();
    announce("Recording.");
  }

  async function end() {
    if (!isRecording) return;
    isRecording = false;
    show();
    await handOver();
  }

  /** Keep what has been recorded since the last time, and send it. */
  async function handOver() {
    const rate = audioContext().sampleRate;
    const file = wav(blocks, rate, BITS);
    const seconds = nSamples / rate;
    blocks = [];
    nBefore += nSamples;
    nSamples = 0;
    if (seconds >= SHORTEST_S) kept.push({ file, seconds });
    else if (nBefore < SHORTEST_S * rate)
      return said.show(new Error("That was too short to keep. Press once to begin and once to end."));
    sending = sending.then(send);
    await sending;
  }

  /** Send what is kept. What fails stays here, and can be sent again. */
  async function send() {
    again.hidden = true;
    await said.during(async () => {
      while (kept.length) {
        await ontake(kept[0].file, kept[0].seconds);
        kept.shift();
      }
    });
    again.hidden = !kept.length;
  }

  function show() {
    button.setAttribute("aria-pressed", String(isRecording));
    button.classList.toggle("on", isRecording);
    label.textContent = isRecording ? "Stop recording" : `Record a ${what}`;
    draw();
  }

  function draw() {
    const { context, width, height } = surface(canvas);
    const n = Math.floor(width / 3);
    const from = Math.max(0, peaks.length - n);
    context.fillStyle = colour(isRecording ? "--accent" : "--line-strong");
    for (let i = 0; i < n; i++) {
      const tall = Math.max(2, Math.sqrt(peaks[from + i] ?? 0) * (height - 4));
      if (i >= peaks.length) context.fillStyle = colour("--line");
      context.fillRect(3 * i, (height - tall) / 2, 2, tall);
    }
  }

  once(button, () => said.during(() => (isRecording ? end() : begin())));
  once(again, send);
  drawn(canvas, draw, signal);
  signal.addEventListener("abort", () => {
    void end();
    close();
  });
  window.addEventListener("beforeunload", (event) => (isRecording || kept.length) && event.preventDefault(), {
    signal,
  });
  return { element };
}
