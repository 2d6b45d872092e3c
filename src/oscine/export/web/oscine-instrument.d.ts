/** What an instrument can be asked for, with its range. */
export interface Setting {
  name: string;
  /** "" where it has none. */
  unit: string;
  initial: number;
  minimum: number;
  maximum: number;
}

/** What sounds now. */
export interface Meters {
  /** Pitch and loudness of the sound that comes in; 0 Hz where it has no pitch. */
  heardHz: number;
  heardDb: number;
  /** Largest sample of it since the last meters. */
  heardPeak: number;
  /** Pitch and loudness that the last voice is asked for; 0 Hz in silence. */
  playedHz: number;
  playedDb: number;
  /** Largest sample since the last meters; 1 is full scale. */
  peak: number;
  /** How many voices sound. */
  voices: number;
  /** Share of the audio thread's time. */
  load: number;
}

/** An instrument that was loaded. */
export interface Instrument {
  wasm: ArrayBuffer;
  program: Uint8Array;
  /** Facts about it: `card` (licence, credit), `learned` (ranges), … */
  metadata: Record<string, any>;
  /** In Hz, of the instrument; the context may have another one. */
  sampleRate: number;
  settings: Setting[];
  /** From a note to its sound, and from a sound to what is played, in seconds. */
  latencyS: number;
  voiceLatencyS: number;
  /** Notes at once that this machine can play. */
  mostVoices: number;
}

/** Load a .oscine file. Rejects with an Error whose message is a sentence. */
export function loadInstrument(source: URL | string): Promise<Instrument>;

/** A node of the audio graph, for live and offline contexts: MIDI or the sound of its input in, audio out. */
export class OscineNode extends AudioWorkletNode {
  static create(
    context: BaseAudioContext,
    instrument: Instrument,
    options?: { voices?: number },
  ): Promise<OscineNode>;
  readonly settings: Setting[];
  onmeters: (meters: Meters) => void;
  /** Play a MIDI message at a time of the context in seconds, or at once. */
  send(bytes: ArrayLike<number>, time?: number): void;
  set(name: string, value: number): void;
  /** Resolves when the processor has taken all that it was sent. */
  settled(): Promise<void>;
  /** End all sound at once. */
  panic(): void;
  /** Let the processor go. */
  end(): void;
}

/**
 * `<oscine-instrument src="violin.oscine">`: an instrument with its keyboard, meters and sliders. The attribute
 * `page-keys` lets it take the computer's keys wherever the focus is. It fires `load` when the instrument is there, and
 * `error`, a CustomEvent whose `detail` is an Error.
 */
export class OscineInstrument extends HTMLElement {
  /** Address of the .oscine file. */
  src: string;
  /** The node that plays; null until it was started. */
  readonly node: OscineNode | null;
  /** What was loaded; null until then. */
  readonly instrument: Instrument | null;
  /** Begin to play; the browser allows it from a click or a key. */
  start(): Promise<void>;
  /** Play a MIDI message. */
  send(bytes: ArrayLike<number>): void;
  set(name: string, value: number): void;
  panic(): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "oscine-instrument": OscineInstrument;
  }
}
