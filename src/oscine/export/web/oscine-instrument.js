// <oscine-instrument src="violin.oscine">: an instrument that was learned with Oscine, with keyboard, meters and sliders.

import { Meter } from "./meter.js";
import { OscineNode, loadInstrument } from "./oscine-node.js";
import { Piano } from "./piano.js";
import { Sliders } from "./sliders.js";
import { openMicrophone, openMidi } from "./sources.js";
import { STYLE, STRUCTURE } from "./look.js";

export { OscineNode, loadInstrument };

/** @typedef {import("./oscine-instrument.d.ts").Instrument} Instrument */

const VOICES = [1, 2, 4, 8, 16];
const WRITTEN_INTO = "select, textarea, input:not([type=range], [type=checkbox], [type=radio])";
const SOURCE = "source";
const UNKNOWN_RANGE = /** @type {[number, number]} */ ([48, 84]);

/** The element. */
export class OscineInstrument extends HTMLElement {
  constructor() {
    super();
    /** @type {OscineNode | null} */
    this.node = null;
    /** @type {Instrument | null} */
    this.instrument = null;
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {URL | null} */
    this.opening = null;
    /** @type {Promise<void> | null} */
    this.starting = null;
    /** @type {{node: AudioNode, close: () => void} | null} */
    this.microphone = null;
    /** @type {Map<string, number>} What was set. */
    this.values = new Map();
    this.nAsked = 0;
    this.busy = 0;
    this.shownAt = 0;
    const root = this.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    root.innerHTML = STRUCTURE;
    this.find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (root.getElementById(id));
    this.piano = new Piano(this.find("piano"), {
      press: (key, velocity) => this.send([0x90, key, velocity]),
      lift: (key) => this.send([0x80, key, 0]),
      lean: (key, pressure) => this.send([0xa0, key, pressure]),
    });
    this.heard = new Meter(this.find("heard"));
    this.played = new Meter(this.find("played"));
    this.listen();
  }

  static observedAttributes = ["src"];

  get src() {
    return this.getAttribute("src") ?? "";
  }

  set src(address) {
    this.setAttribute("src", address);
  }

  connectedCallback() {
    document.addEventListener("keydown", this.keydown);
    document.addEventListener("keyup", this.keyup);
    window.addEventListener("blur", this.blur);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.keydown);
    document.removeEventListener("keyup", this.keyup);
    window.removeEventListener("blur", this.blur);
    this.microphone?.close();
    this.microphone = null;
    void this.context?.close();
    this.context = this.node = this.starting = null;
  }

  attributeChangedCallback() {
    if (this.src) void this.open(new URL(this.src, document.baseURI));
  }

  /** @param {URL} address */
  async open(address) {
    this.opening = address;
    this.say("Loading the instrument …");
    try {
      const instrument = await loadInstrument(address);
      if (address !== this.opening) return; // another one was asked for since
      this.instrument = instrument;
      this.values.clear();
      this.describe(instrument);
      if (this.node) await this.makeNode();
      await this.playBy(false);
      this.dispatchEvent(new Event("load"));
    } catch (error) {
      if (address === this.opening) this.complain(error);
    }
  }

  /** Show what an instrument has. @param {Instrument} instrument */
  describe({ metadata, settings, mostVoices }) {
    const identities = Array.isArray(metadata.identities) ? metadata.identities.map(String) : [];
    const sliders = new Sliders(settings, (name, value) => this.set(name, value), [SOURCE], identities);
    this.find("sliders").replaceChildren(...sliders.groups);
    this.find("reset").onclick = () => sliders.reset();
    const learned = metadata.learned?.pitch_midi;
    const isRange = Array.isArray(learned) && learned.every(Number.isFinite) && learned[0] < learned[1];
    this.piano.show(isRange ? [learned[0], learned[1]] : UNKNOWN_RANGE);
    this.find("grey").hidden = !isRange;
    const select = /** @type {HTMLSelectElement} */ (this.find("voices"));
    const offered = VOICES.filter((one) => one === 1 || one <= mostVoices);
    select.replaceChildren(...offered.map((one) => new Option(one === 1 ? "1, notes are tied" : `${one} together`, String(one))));
    this.find("credit").textContent = metadata.card?.credit ? `Recordings: ${metadata.card.credit}.` : "";
    this.find("licence").textContent = metadata.card?.licence ? `Licence: ${metadata.card.licence}.` : "";
    this.find("controls").hidden = false;
    /** @type {HTMLButtonElement} */ (this.find("start")).disabled = false;
  }

  // ---- sound

  /** Begin to play, or go on. */
  start() {
    this.starting ??= this.begin().catch((error) => {
      this.starting = null;
      this.complain(error);
    });
    void this.context?.resume();
    return this.starting;
  }

  async begin() {
    if (!this.instrument) throw new Error("The instrument is not loaded yet.");
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.context.onstatechange = () => this.showState();
    // Safari lets sound begin by what is called while the click is handled. While the instrument is being made, the
    // context waits: its sound would break off.
    void this.context.resume();
    await this.context.suspend();
    await this.makeNode();
    await this.context.resume();
    this.showState();
  }

  /** A node with the voices that are chosen, set as the sliders are. */
  async makeNode() {
    const { context, instrument } = this;
    if (!context || !instrument) return;
    const voices = Number(/** @type {HTMLSelectElement} */ (this.find("voices")).value);
    const asked = ++this.nAsked;
    const node = await OscineNode.create(context, instrument, { voices });
    if (asked !== this.nAsked) return node.end(); // another one was asked for since
    this.node?.end();
    this.node = node;
    for (const [name, value] of this.values) node.set(name, value);
    node.onmeters = (meters) => this.showMeters(meters);
    node.connect(context.destination);
    this.microphone?.node.connect(node);
  }

  /** @param {ArrayLike<number>} bytes */
  send(bytes) {
    if (this.node && this.context?.state === "running") this.node.send(bytes);
    else void this.start().then(() => this.node?.send(bytes));
  }

  /** @param {string} name @param {number} value */
  set(name, value) {
    this.values.set(name, value);
    this.node?.set(name, value);
  }

  panic() {
    this.piano.letAll();
    this.node?.panic();
  }

  /** Let notes or the microphone play. @param {boolean} isMicrophone */
  async playBy(isMicrophone) {
    this.microphone?.close();
    this.microphone = null;
    try {
      if (isMicrophone) await this.hear();
      else this.say("");
    } catch (error) {
      this.complain(error);
      isMicrophone = false;
    }
    const chosen = isMicrophone ? "by-microphone" : "by-notes";
    /** @type {HTMLInputElement} */ (this.find(chosen)).checked = true;
    this.find("stage").classList.toggle("hearing", isMicrophone);
    this.find("device-label").hidden = !isMicrophone;
    this.find("voices-label").hidden = isMicrophone;
    this.set(SOURCE, isMicrophone ? 1 : 0);
    this.showState();
  }

  async hear() {
    await this.start();
    if (!this.context || !this.node) return;
    const select = /** @type {HTMLSelectElement} */ (this.find("device"));
    const microphone = await openMicrophone(this.context, select.value, () => {
      this.complain(new Error("The microphone was unplugged."));
      void this.playBy(false);
    });
    this.microphone = microphone;
    microphone.node.connect(this.node);
    select.replaceChildren(...microphone.devices.map((one) => new Option(one.label || "Microphone", one.deviceId)));
    select.value = microphone.device;
    this.say("Wear headphones, so that the microphone does not hear the instrument.");
  }

  async connectMidi() {
    try {
      await openMidi(
        (bytes) => this.send(bytes),
        (names, isFewer) => {
          if (isFewer) this.panic();
          this.say(names.length ? `MIDI: ${names.join(", ")}.` : "No MIDI keyboard is connected; plug one in.");
        },
      );
      await this.start();
    } catch (error) {
      this.complain(error);
    }
  }

  // ---- the page

  listen() {
    this.find("start").onclick = () => void this.start();
    // A finger that goes down is not yet a click, by which alone sound may begin; one that goes up is.
    this.find("piano").addEventListener("pointerup", () => void (this.starting && this.start()));
    this.find("panic").onclick = () => this.panic();
    this.find("midi").onclick = () => void this.connectMidi();
    this.find("voices").onchange = () => void this.makeNode().catch((error) => this.complain(error));
    this.find("by-notes").onchange = () => void this.playBy(false);
    this.find("by-microphone").onchange = this.find("device").onchange = () => void this.playBy(true);
    this.find("down").onclick = () => this.piano.moveTo(this.piano.lowest - 12);
    this.find("up").onclick = () => this.piano.moveTo(this.piano.lowest + 12);
  }

  keydown = (/** @type {KeyboardEvent} */ event) => {
    const path = event.composedPath();
    if (event.defaultPrevented || !(path.includes(this) || this.hasAttribute("page-keys"))) return;
    const target = path[0];
    if (target instanceof HTMLElement && (target.isContentEditable || target.matches(WRITTEN_INTO))) return;
    if (event.key === "Escape") this.panic();
    else if (this.piano.letter(event)) event.preventDefault();
  };

  keyup = (/** @type {KeyboardEvent} */ { code }) => this.piano.let(code);
  blur = () => this.piano.letAll();

  /** @param {import("./oscine-instrument.d.ts").Meters} meters */
  showMeters({ heardHz, heardPeak, playedHz, peak, load }) {
    this.heard.show(heardHz, heardPeak);
    this.played.show(playedHz, peak);
    this.busy = load;
    const now = performance.now();
    if (now - this.shownAt < 1000) return;
    this.shownAt = now;
    this.showState();
  }

  /** Sample rate, latency, load. */
  showState() {
    const { context, instrument } = this;
    if (!context || !instrument) return;
    const isRunning = context.state === "running";
    this.find("start").hidden = isRunning;
    this.find("stage").classList.toggle("playing", isRunning);
    const own = this.microphone ? instrument.voiceLatencyS : instrument.latencyS;
    const latency = 1000 * (own + context.baseLatency + (context.outputLatency || 0));
    // Of Chromium, where the page can read how often the sound broke off.
    const dropouts = /** @type {any} */ (context).playbackStats?.underrunEvents;
    this.find("state").textContent = [
      isRunning ? "Sound is on" : "Sound is paused",
      `${context.sampleRate / 1000} kHz`,
      `${latency.toFixed(0)} ms from ${this.microphone ? "voice" : "note"} to sound`,
      `${(100 * this.busy).toFixed(0)} % of the audio thread`,
      ...(dropouts > 1 ? [`${dropouts} dropouts`] : []),
    ].join(" · ");
  }

  /** @param {string} text For the eye, and for a screen reader. */
  say(text, isError = false) {
    const said = this.find("said");
    said.textContent = text;
    said.classList.toggle("error", isError);
  }

  /** @param {unknown} error */
  complain(error) {
    this.say(error instanceof Error ? error.message : String(error), true);
    this.dispatchEvent(new CustomEvent("error", { detail: error }));
  }
}

if (!customElements.get("oscine-instrument")) customElements.define("oscine-instrument", OscineInstrument);
