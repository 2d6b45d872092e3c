// An instrument for any audio context, live or offline: it is loaded once, and played by nodes of the audio graph.

import { Performer } from "./worklet.js";

/**
 * @typedef {import("./oscine-instrument.d.ts").Setting} Setting
 * @typedef {import("./oscine-instrument.d.ts").Meters} Meters
 * @typedef {import("./oscine-instrument.d.ts").Instrument} Instrument
 */

const WASM = new URL("./oscine.wasm", import.meta.url);
const WORKLET = new URL("./worklet.js", import.meta.url);
const MOST_VOICES = 16;
/** Share of a core that all voices may take. */
const MOST_LOAD = 0.5;
const MEASURED_RATE = 48000;
const MEASURED_SAMPLES = 4800;

/**
 * Load an instrument, and read what it has.
 * @param {URL | string} source The address of a .oscine file.
 * @returns {Promise<Instrument>}
 */
export async function loadInstrument(source) {
  const [wasm, file] = await Promise.all([
    fetched(WASM, "The runtime (oscine.wasm)"),
    fetched(source, "The instrument"),
  ]);
  const program = new Uint8Array(file);
  const { exports: runtime } = await WebAssembly.instantiate(await WebAssembly.compile(wasm));
  const performer = new Performer(runtime, program, MEASURED_RATE, 1);
  return {
    wasm,
    program,
    metadata: metadata(performer),
    sampleRate: performer.runtime.oscine_sample_rate(player(performer)),
    settings: settings(performer),
    latencyS: performer.runtime.oscine_performer_note_latency(performer.performer) / MEASURED_RATE,
    voiceLatencyS: performer.runtime.oscine_performer_voice_latency(performer.performer) / MEASURED_RATE,
    mostVoices: mostVoices(performer),
  };
}

/**
 * @param {URL | string} url
 * @param {string} what In words, for the error.
 */
async function fetched(url, what) {
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    throw new Error(`${what} could not be loaded; check the connection.`);
  }
  if (!answer.ok) throw new Error(`${what} could not be loaded; the server answered ${answer.status}.`);
  return answer.arrayBuffer();
}

/** @param {Performer} performer */
const player = ({ runtime, performer }) => runtime.oscine_performer_player(performer);

/** @param {Uint8Array} bytes */
const utf8 = (bytes) => new TextDecoder().decode(bytes);

/**
 * @param {Performer} performer
 * @returns {Record<string, any>}
 */
function metadata(performer) {
  const { runtime } = performer;
  const size = runtime.malloc(4);
  const at = runtime.oscine_metadata(player(performer), size);
  const length = new DataView(runtime.memory.buffer).getUint32(size, true);
  runtime.free(size);
  try {
    return Object(JSON.parse(utf8(performer.bytes().slice(at, at + length))));
  } catch {
    return {}; // an instrument without metadata plays as well
  }
}

/**
 * @param {Performer} performer
 * @returns {Setting[]}
 */
function settings(performer) {
  const { runtime, performer: it } = performer;
  return Array.from({ length: runtime.oscine_performer_n_settings(it) }, (_, number) => ({
    name: utf8(performer.text(runtime.oscine_performer_setting(it, number))),
    unit: utf8(performer.text(runtime.oscine_performer_unit(it, number))),
    initial: runtime.oscine_performer_default(it, number),
    minimum: runtime.oscine_performer_minimum(it, number),
    maximum: runtime.oscine_performer_maximum(it, number),
  }));
}

/**
 * How many notes this machine can play at once: a note is played here, several times, because the browser compiles what
 * is called often.
 * @param {Performer} performer
 */
function mostVoices(performer) {
  const audio = new Float32Array(MEASURED_SAMPLES);
  const until = performance.now() + 200;
  let shortest = Infinity;
  performer.midi([0x90, 60, 100]);
  for (let i = 0; i < 8 && (i === 0 || performance.now() < until); i++) {
    const began = performance.now();
    performer.play(undefined, audio);
    shortest = Math.min(shortest, performance.now() - began);
  }
  const available = ((1000 * MEASURED_SAMPLES) / MEASURED_RATE) * MOST_LOAD;
  return Math.max(1, Math.min(MOST_VOICES, Math.floor(available / shortest)));
}

/** A node that plays an instrument: MIDI messages or the sound of its input in, audio out. */
export class OscineNode extends AudioWorkletNode {
  /**
   * @param {BaseAudioContext} context
   * @param {Instrument} instrument
   * @param {{voices?: number}} [options]
   */
  static async create(context, instrument, { voices = 1 } = {}) {
    if (!context.audioWorklet)
      throw new Error("This browser plays instruments only on pages that come by https, or from this machine.");
    await context.audioWorklet.addModule(WORKLET);
    const node = new OscineNode(context, instrument, voices);
    await node.settled();
    return node;
  }

  /**
   * @param {BaseAudioContext} context
   * @param {Instrument} instrument
   * @param {number} voices
   */
  constructor(context, { wasm, program, settings }, voices) {
    super(context, "oscine", {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      outputChannelCount: [1],
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { wasm, program, voices },
    });
    this.settings = settings;
    /** @type {(meters: Meters) => void} */
    this.onmeters = () => {};
    /** @type {Map<number, () => void>} */
    this.waiting = new Map();
    this.nAsked = 0;
    this.load = 0;
    this.last = { busyMs: 0, frame: 0 };
    this.port.onmessage = ({ data }) => this.take(data);
  }

  /** @param {any} data */
  take({ answer, meters, heardPeak, busyMs, frame }) {
    this.waiting.get(answer)?.();
    this.waiting.delete(answer);
    if (!meters) return;
    const [heardHz, heardDb, playedHz, playedDb, peak, voices] = meters;
    const elapsedMs = (1000 * (frame - this.last.frame)) / this.context.sampleRate;
    // The clock of the audio thread has whole milliseconds, so the load is that of a second.
    if (elapsedMs > 1000) {
      this.load = (busyMs - this.last.busyMs) / elapsedMs;
      this.last = { busyMs, frame };
    }
    const { load } = this;
    this.onmeters({ heardHz, heardDb, heardPeak, playedHz, playedDb, peak, voices, load });
  }

  /** Wait until the processor has taken all that it was sent. */
  settled() {
    const answer = this.nAsked++;
    this.port.postMessage({ answer });
    return /** @type {Promise<void>} */ (
      new Promise((resolve, reject) => {
        this.waiting.set(answer, resolve);
        this.onprocessorerror = () => reject(new Error("The instrument could not be started on the audio thread."));
      })
    );
  }

  /**
   * Play a MIDI message.
   * @param {ArrayLike<number>} bytes
   * @param {number} [time] Of the context, in seconds; at once when left out.
   */
  send(bytes, time) {
    this.port.postMessage({ midi: Array.from(bytes), time });
  }

  /**
   * @param {string} name Of a setting.
   * @param {number} value Outside its range it is clamped.
   */
  set(name, value) {
    const setting = this.settings.findIndex((one) => one.name === name);
    if (setting < 0) throw new Error(`This instrument has no setting "${name}".`);
    this.port.postMessage({ setting, value });
  }

  /** End all sound at once. */
  panic() {
    this.port.postMessage({ reset: true });
  }

  /** Let the processor go. */
  end() {
    this.disconnect();
    this.port.postMessage({ end: true });
  }
}
