// The latency of this machine's sound, measured: a click is played, and the microphone hears it.

import { h } from "./dom.js";
import { openMicrophone } from "./instrument/sources.js";
import { audioContext, silence } from "./sound.js";
import { once, problem } from "./tell.js";

const WORKLET = new URL("./recorder-worklet.js", import.meta.url);
const N_CLICKS = 5;
const EVERY_S = 0.5;
const BEFORE_S = 0.4;
const CLICK_S = 0.004;
/** How much louder than all that was heard before it a click is. */
const ABOVE = 4;
const LEAST_PEAK = 0.01;
const FURTHEST_MS = 15;

/**
 * When the clicks were heard, after they were played.
 * @param {Float32Array} heard
 * @param {number} rate In Hz.
 * @param {number[]} played When each was played, in seconds from the beginning.
 * @returns {number[]} Seconds, of the clicks that were heard.
 */
export function delays(heard, rate, played) {
  const loudest = (/** @type {number} */ from, /** @type {number} */ to) => {
    let peak = 0;
    for (let i = Math.max(0, from); i < Math.min(to, heard.length); i++)
      peak = Math.max(peak, Math.abs(heard[i]));
    return peak;
  };
  const background = loudest(0, Math.floor(played[0] * rate));
  const threshold = Math.max(LEAST_PEAK, ABOVE * background);
  return played.flatMap((at) => {
    const from = Math.floor(at * rate);
    const to = Math.min(heard.length, from + Math.floor((EVERY_S - 0.02) * rate));
    for (let i = from; i < to; i++) if (Math.abs(heard[i]) > threshold) return [(i - from) / rate];
    return [];
  });
}

/** @param {AbortSignal} signal */
async function measure(signal) {
  const context = audioContext();
  const microphone = await openMicrophone(context, "", () => {});
  /** @type {Float32Array[]} */
  const blocks = [];
  try {
    await context.audioWorklet.addModule(WORKLET);
    const node = new AudioWorkletNode(context, "recorder", { channelCount: 1, channelCountMode: "explicit" });
    /** When the first sample was heard, on the clock of the context. */
    let firstS = 0;
    node.port.onmessage = ({ data }) => {
      if (data instanceof Float32Array) blocks.push(data);
      else if (data.began !== undefined) firstS = data.began;
    };
    microphone.node.connect(node).connect(context.destination);
    const buffer = new AudioBuffer({
      length: Math.ceil(CLICK_S * context.sampleRate),
      sampleRate: context.sampleRate,
    });
    buffer.getChannelData(0).forEach((_, i, samples) => (samples[i] = i % 24 < 12 ? 0.9 : -0.9));
    const began = context.currentTime + BEFORE_S;
    const played = Array.from({ length: N_CLICKS }, (_, i) => began + i * EVERY_S);
    for (const at of played) {
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(context.destination);
      source.start(at);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 * (2 * BEFORE_S + N_CLICKS * EVERY_S)));
    node.port.postMessage("end");
    node.disconnect();
    if (signal.aborted) return "";
    const heard = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let filled = 0;
    for (const block of blocks) {
      heard.set(block, filled);
      filled += block.length;
    }
    return words(
      delays(
        heard,
        context.sampleRate,
        played.map((at) => at - firstS),
      ),
    );
  } finally {
    microphone.close();
  }
}

/** @param {number[]} found In seconds. */
function words(found) {
  const sorted = found.map((one) => 1000 * one).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  const near = sorted.filter((one) => Math.abs(one - middle) < FURTHEST_MS);
  if (near.length < 3)
    throw new Error(
      "The clicks were not heard clearly. Take the headphones off, turn the speakers up, be quiet, " +
        "and measure again.",
    );
  return (
    `From the loudspeaker to the microphone and back to the page: ${Math.round(middle)} ms ` +
    `(${near.length} of ${N_CLICKS} clicks). A voice is late by this time, and by the latency of the ` +
    "instrument."
  );
}

/** @param {AbortSignal} signal */
export function latencyMeter(signal) {
  const said = problem();
  const result = h("p.report", { role: "status" });
  const button = once(h("button", { type: "button" }, "Measure the latency"), () =>
    said.during(async () => {
      silence();
      result.textContent = "Playing five clicks …";
      try {
        result.textContent = await measure(signal);
      } catch (error) {
        result.textContent = "";
        throw error;
      }
    }),
  );
  return h(
    "section.panel.latency",
    { "aria-label": "Latency" },
    h("h2", {}, "Latency"),
    h(
      "p",
      {},
      "The line above tells what the browser reports. To measure it: put the microphone near the " +
        "loudspeaker, take headphones off, and press the button. Five clicks are played.",
    ),
    h("div.actions", {}, button),
    result,
    said.element,
  );
}
