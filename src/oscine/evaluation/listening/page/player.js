// Sounds that run side by side: which one is heard changes at once and keeps the position.

/** @type {Map<string, (base64: string) => void>} */
const awaited = new Map();

/** Called by each script in sounds/. @param {string} name @param {string} base64 */
function heard(name, base64) {
  awaited.get(name)?.(base64);
}

/**
 * The bytes of a sound. It is a script, because a page from a disk may load scripts and read no other file.
 * @param {string} name @returns {Promise<ArrayBuffer>}
 */
function soundBytes(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    awaited.set(name, (base64) => resolve(Uint8Array.from(atob(base64), (one) => one.charCodeAt(0)).buffer));
    script.src = `sounds/${name}.js`;
    script.onerror = () => reject(new Error("A sound could not be loaded. Check the connection and open the page again."));
    script.onload = () => script.remove();
    document.head.append(script);
  }).finally(() => awaited.delete(name));
}

const FADE_S = 0.01;

/** Plays one of several sounds of equal length in a loop. */
class Player {
  /** @param {number} rate Of the sounds, in Hz. @param {() => void} onchange When another sound is heard, or none. */
  constructor(rate, onchange) {
    this.rate = rate;
    this.onchange = onchange;
    /** @type {AudioContext | null} Made by the first sound: browsers want a gesture before. */
    this.context = null;
    /** @type {Map<string, Promise<AudioBuffer>>} */
    this.decoded = new Map();
    /** @type {Map<string, AudioBuffer>} */
    this.buffers = new Map();
    /** @type {Map<string, { source: AudioBufferSourceNode, gain: GainNode }>} */
    this.voices = new Map();
    /** @type {string | null} The label of the sound that is heard. */
    this.current = null;
    this.duration = 0;
    this.from = 0;
    this.to = 0;
    this.startedAt = 0;
    this.startedFrom = 0;
  }

  /** Decode sounds ahead, and forget all others. @param {string[]} names */
  prepare(names) {
    for (const name of this.decoded.keys()) if (!names.includes(name)) this.decoded.delete(name);
    for (const name of names)
      if (!this.decoded.has(name)) {
        // An offline context of the sounds' own rate: decoding changes no sample.
        const decoding = soundBytes(name).then((bytes) => new OfflineAudioContext(1, 1, this.rate).decodeAudioData(bytes));
        decoding.catch(() => this.decoded.delete(name));
        this.decoded.set(name, decoding);
      }
  }

  /** Make these the sounds that can be heard. @param {Record<string, string>} names The name of each by its label. */
  async load(names) {
    this.stop();
    this.prepare([...this.decoded.keys(), ...Object.values(names)]);
    const buffers = await Promise.all(Object.values(names).map((name) => this.decoded.get(name)));
    this.buffers = new Map(Object.keys(names).map((label, i) => [label, /** @type {AudioBuffer} */ (buffers[i])]));
    this.duration = Math.min(...[...this.buffers.values()].map((one) => one.duration));
    [this.from, this.to] = [0, this.duration];
  }

  /** Where the loop is, in seconds of the sound. */
  get position() {
    if (!this.context || !this.voices.size) return this.from;
    const elapsed = Math.max(0, this.context.currentTime - this.startedAt);
    const beforeLoop = this.to - this.startedFrom;
    return elapsed < beforeLoop ? this.startedFrom + elapsed : this.from + ((elapsed - beforeLoop) % (this.to - this.from));
  }

  /** Hear a sound: at the same position if another one is heard, else from the start of the loop. @param {string} label */
  async hear(label) {
    if (!this.context) {
      try {
        this.context = new AudioContext({ sampleRate: this.rate, latencyHint: "interactive" });
      } catch {
        this.context = new AudioContext(); // A browser that has only its own rate: it resamples.
      }
    }
    if (this.context.state !== "running") await this.context.resume();
    if (!this.voices.size) this.start(this.from);
    this.current = label;
    const now = this.context.currentTime;
    for (const [one, { gain }] of this.voices) {
      gain.gain.cancelScheduledValues(now);
      gain.gain.setValueAtTime(gain.gain.value, now);
      gain.gain.linearRampToValueAtTime(one === label ? 1 : 0, now + FADE_S);
    }
    this.onchange();
  }

  /** Start all sounds together, unheard but for the current one. @param {number} from */
  start(from) {
    const context = /** @type {AudioContext} */ (this.context);
    const at = context.currentTime + 0.03;
    for (const [label, buffer] of this.buffers) {
      const gain = new GainNode(context, { gain: label === this.current ? 1 : 0 });
      const source = new AudioBufferSourceNode(context, { buffer, loop: true, loopStart: this.from, loopEnd: this.to });
      source.connect(gain).connect(context.destination);
      source.start(at, from);
      this.voices.set(label, { source, gain });
    }
    [this.startedAt, this.startedFrom] = [at, from];
  }

  end() {
    for (const { source, gain } of this.voices.values()) {
      source.stop();
      gain.disconnect();
    }
    this.voices.clear();
  }

  stop() {
    this.end();
    this.current = null;
    this.onchange();
  }

  /** Loop a passage. @param {number} from In seconds. @param {number} to */
  loop(from, to) {
    const { position } = this;
    [this.from, this.to] = [from, to];
    if (!this.voices.size) return;
    this.end();
    this.start(position >= from && position < to ? position : from);
  }
}
