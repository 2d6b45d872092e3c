// The instrument on the browser's audio thread: the runtime as WebAssembly, and the processor that plays it. The page
// uses the same class `Performer` to read what an instrument has; this file imports nothing, so any browser loads it.

const N_METERS = 6;
const MOST_SAMPLES = 2048;
const METERS_PER_S = 30;

/**
 * The C interface `oscine_performer_*` of the runtime (oscine_runtime.h), for one instrument.
 */
export class Performer {
  /**
   * @param {any} runtime The exports of an instance of oscine.wasm.
   * @param {Uint8Array} program The content of a .oscine file.
   * @param {number} sampleRate In Hz.
   * @param {number} nVoices Notes at once, 1 to 16.
   */
  constructor(runtime, program, sampleRate, nVoices) {
    this.runtime = runtime;
    runtime._initialize();
    const file = runtime.malloc(program.length);
    const result = runtime.malloc(4);
    if (!file || !result) throw new Error("There is not enough memory for this instrument.");
    this.bytes().set(program, file);
    this.check(runtime.oscine_performer_new(0, file, program.length, sampleRate, nVoices, result));
    runtime.free(file);
    this.performer = new DataView(runtime.memory.buffer).getUint32(result, true);
    runtime.free(result);
    this.heard = runtime.malloc(4 * MOST_SAMPLES);
    this.audio = runtime.malloc(4 * MOST_SAMPLES);
    this.message = runtime.malloc(16);
    this.meter = runtime.malloc(4 * N_METERS);
  }

  /** The memory as bytes; it may have grown, so the view is made anew. */
  bytes() {
    return new Uint8Array(this.runtime.memory.buffer);
  }

  /**
   * @param {number} at
   * @param {number} length
   */
  floats(at, length) {
    return new Float32Array(this.runtime.memory.buffer, at, length);
  }

  /**
   * @param {number} at Where a text begins that ends with a zero.
   * @returns {Uint8Array} Its bytes, in UTF-8.
   */
  text(at) {
    const bytes = this.bytes();
    return bytes.slice(at, bytes.indexOf(0, at));
  }

  /** @param {number} code Of the runtime; any other than 0 is thrown as its sentence. */
  check(code) {
    if (code) throw new Error(String.fromCharCode(...this.text(this.runtime.oscine_error_text(code))));
  }

  /** @param {ArrayLike<number>} bytes A MIDI message, for the next sample. */
  midi(bytes) {
    if (bytes.length > 16) return; // no message of a channel is as long
    this.bytes().set(bytes, this.message);
    this.runtime.oscine_performer_midi(this.performer, this.message, bytes.length);
  }

  /**
   * @param {number} setting
   * @param {number} value
   */
  set(setting, value) {
    this.runtime.oscine_performer_set(this.performer, setting, value);
  }

  reset() {
    this.runtime.oscine_performer_reset(this.performer, 0n);
  }

  /**
   * Play a block.
   * @param {Float32Array | undefined} heard The sound that comes in; silence when left out.
   * @param {Float32Array} audio What is played is written here.
   */
  play(heard, audio) {
    for (let begin = 0; begin < audio.length; begin += MOST_SAMPLES) {
      const n = Math.min(MOST_SAMPLES, audio.length - begin);
      if (heard) this.floats(this.heard, n).set(heard.subarray(begin, begin + n));
      this.runtime.oscine_performer_play(this.performer, heard ? this.heard : 0, n, this.audio);
      audio.set(this.floats(this.audio, n), begin);
    }
  }

  /** @returns {Float32Array} f0 in Hz and loudness in dB of what is heard, the same of what is played, peak, voices. */
  meters() {
    this.runtime.oscine_performer_meters(this.performer, this.meter);
    return this.floats(this.meter, N_METERS).slice();
  }
}

/**
 * A MIDI message for an instant.
 * @typedef {{frame: number, bytes: ArrayLike<number>}} Event
 */

/** Registers the processor; there is only a registry on the audio thread. */
function register() {
  const scope = /** @type {any} */ (globalThis);

  scope.registerProcessor(
    "oscine",
    class extends scope.AudioWorkletProcessor {
      /** @param {{processorOptions: {wasm: ArrayBuffer, program: Uint8Array, voices: number}}} options */
      constructor({ processorOptions: { wasm, program, voices } }) {
        super();
        const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm));
        this.performer = new Performer(instance.exports, program, scope.sampleRate, voices);
        /** @type {Event[]} */
        this.events = [];
        this.isEnded = false;
        this.untilMeters = 0;
        this.busyMs = 0;
        this.heardPeak = 0;
        this.port.onmessage = (/** @type {MessageEvent} */ { data }) => this.take(data);
      }

      /** @param {any} data */
      take(data) {
        if (data.midi) {
          const frame = Number.isFinite(data.time) ? Math.round(data.time * scope.sampleRate) : 0;
          const after = this.events.findIndex((one) => one.frame > frame);
          this.events.splice(after < 0 ? this.events.length : after, 0, { frame, bytes: data.midi });
        } else if (data.setting !== undefined) this.performer.set(data.setting, data.value);
        else if (data.reset) {
          this.events.length = 0;
          this.performer.reset();
        } else if (data.end) this.isEnded = true;
        if (data.answer !== undefined) this.port.postMessage({ answer: data.answer });
      }

      /**
       * @param {Float32Array[][]} inputs
       * @param {Float32Array[][]} outputs
       */
      process(inputs, outputs) {
        const began = Date.now();
        const heard = inputs[0][0];
        const audio = outputs[0][0];
        let done = 0;
        while (done < audio.length) {
          while (this.events.length && this.events[0].frame <= scope.currentFrame + done)
            this.performer.midi(this.events.shift()?.bytes ?? []);
          const next = this.events.length ? this.events[0].frame - scope.currentFrame : audio.length;
          const end = Math.min(next, audio.length);
          this.performer.play(heard?.subarray(done, end), audio.subarray(done, end));
          done = end;
        }
        for (const sample of heard ?? []) this.heardPeak = Math.max(this.heardPeak, Math.abs(sample));
        this.busyMs += Date.now() - began;
        this.untilMeters -= audio.length;
        if (this.untilMeters <= 0) {
          this.untilMeters += scope.sampleRate / METERS_PER_S;
          const { busyMs, heardPeak } = this;
          this.port.postMessage({ meters: this.performer.meters(), heardPeak, busyMs, frame: scope.currentFrame });
          this.heardPeak = 0;
        }
        return !this.isEnded;
      }
    },
  );
}

if ("registerProcessor" in globalThis) register();
