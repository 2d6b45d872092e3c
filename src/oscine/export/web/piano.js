// A piano keyboard on the page: mouse, pen and several fingers, arrows and space, and the letters of the computer.

const BLACK = [1, 3, 6, 8, 10];
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const SPOKEN = ["C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B"];
// By their place, so that keyboards of every country are alike.
const LETTERS = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon"];
const LETTER_VELOCITY = 90;
const NARROWEST_KEY = 38;
const MOST_OCTAVES = 4;

/** @param {number} midi */
export const noteName = (midi) => `${NAMES[midi % 12]}${Math.floor(midi / 12) - 1}`;

/** @param {number} value @param {number} low @param {number} high */
const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** The keyboard. It calls `press(key, velocity)`, `lift(key)` and `lean(key, pressure)`, with the numbers of MIDI. */
export class Piano {
  /**
   * @param {HTMLElement} place Where it stands.
   * @param {{press: (key: number, velocity: number) => void, lift: (key: number) => void, lean: (key: number, pressure: number) => void}} player
   */
  constructor(place, player) {
    this.place = place;
    this.player = player;
    this.lowest = 48;
    this.nOctaves = 2;
    /** @type {[number, number]} */
    this.learned = [0, 127];
    /** @type {Map<string | number, number>} The key that each finger or letter holds. */
    this.held = new Map();
    /** @type {Map<number, HTMLElement>} */
    this.keys = new Map();
    this.focused = 60;
    place.addEventListener("pointerdown", (event) => this.down(event));
    place.addEventListener("pointermove", (event) => this.move(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"]))
      place.addEventListener(end, (event) => this.let(event.pointerId));
    place.addEventListener("contextmenu", (event) => event.preventDefault());
    place.addEventListener("keydown", (event) => this.walk(event));
    place.addEventListener("keyup", (event) => (event.key === " " || event.key === "Enter") && this.let("focus"));
    place.addEventListener("focusout", () => this.let("focus"));
    new ResizeObserver(() => this.fit()).observe(place);
  }

  /** @param {[number, number]} learned The pitches that the instrument has learned, as MIDI. */
  show(learned) {
    this.learned = learned;
    this.fit(true);
  }

  /** As many octaves as there is room for. */
  fit(isNew = false) {
    const nOctaves = within(Math.floor(this.place.clientWidth / (7 * NARROWEST_KEY)), 1, MOST_OCTAVES);
    if (nOctaves === this.nOctaves && !isNew) return;
    this.nOctaves = nOctaves;
    const middle = (this.learned[0] + this.learned[1]) / 2;
    this.moveTo(12 * Math.round((middle - 6 * nOctaves) / 12));
  }

  /** @param {number} lowest The lowest key, a C. */
  moveTo(lowest) {
    this.letAll();
    this.lowest = within(lowest, 0, 120 - 12 * this.nOctaves);
    this.focused = within(this.focused, this.lowest, this.highest);
    this.draw();
  }

  get highest() {
    return this.lowest + 12 * this.nOctaves;
  }

  draw() {
    this.keys.clear();
    const nWhite = 7 * this.nOctaves + 1;
    let white = 0;
    const drawn = [];
    for (let key = this.lowest; key <= this.highest; key++) {
      const isBlack = BLACK.includes(key % 12);
      const element = document.createElement("button");
      element.type = "button";
      element.className = isBlack ? "black" : "white";
      element.dataset.key = String(key);
      element.tabIndex = key === this.focused ? 0 : -1;
      element.setAttribute("aria-label", `${SPOKEN[key % 12]} ${Math.floor(key / 12) - 1}`);
      element.setAttribute("aria-pressed", "false");
      if (key < this.learned[0] - 0.5 || key > this.learned[1] + 0.5) element.classList.add("beyond");
      const width = 100 / nWhite;
      element.style.left = `${(white - (isBlack ? 0.31 : 0)) * width}%`;
      element.style.width = `${(isBlack ? 0.62 : 1) * width}%`;
      element.dataset.letter = (LETTERS[key - this.lowest] ?? "").replace("Key", "").replace("Semicolon", ";");
      if (key % 12 === 0) element.dataset.name = noteName(key);
      if (!isBlack) white++;
      this.keys.set(key, element);
      drawn.push(element);
    }
    this.place.replaceChildren(...drawn);
  }

  // ---- fingers

  /** @param {PointerEvent} event @returns {HTMLElement | undefined} */
  under(event) {
    const root = /** @type {ShadowRoot | Document} */ (this.place.getRootNode());
    const found = root.elementFromPoint(event.clientX, event.clientY)?.closest("[data-key]");
    return found instanceof HTMLElement && this.place.contains(found) ? found : undefined;
  }

  /** How far down a key a finger is, 0 to 1. @param {PointerEvent} event @param {HTMLElement} key */
  depth(event, key) {
    const { top, height } = key.getBoundingClientRect();
    return within((event.clientY - top) / height, 0, 1);
  }

  /** @param {PointerEvent} event */
  down(event) {
    const key = this.under(event);
    if (!key || event.button > 0) return;
    event.preventDefault();
    this.place.setPointerCapture(event.pointerId);
    this.hold(event.pointerId, Number(key.dataset.key), Math.round(30 + 90 * this.depth(event, key)));
  }

  /** To another key, or deeper on the same one. @param {PointerEvent} event */
  move(event) {
    const held = this.held.get(event.pointerId);
    if (held === undefined) return;
    const key = this.under(event);
    if (!key) return;
    const number = Number(key.dataset.key);
    if (number !== held) this.hold(event.pointerId, number, Math.round(30 + 90 * this.depth(event, key)));
    // A finger without measured pressure reports 0 or 0.5.
    const isMeasured = event.pointerType !== "mouse" && event.pressure > 0 && event.pressure !== 0.5 && event.pressure !== 1;
    const pressure = isMeasured ? event.pressure : 2 * this.depth(event, key) - 1;
    this.player.lean(number, Math.round(127 * within(pressure, 0, 1)));
  }

  // ---- the computer's keys

  /** Arrows move the focus; space and enter hold a key. @param {KeyboardEvent} event */
  walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 12, ArrowDown: -12 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.let("focus");
      const to = within(this.focused + step, this.lowest, this.highest);
      this.keys.get(this.focused)?.setAttribute("tabindex", "-1");
      this.focused = to;
      this.keys.get(to)?.setAttribute("tabindex", "0");
      this.keys.get(to)?.focus();
    } else if ((event.key === " " || event.key === "Enter") && !event.repeat) {
      event.preventDefault();
      this.hold("focus", this.focused, LETTER_VELOCITY);
    }
  }

  /** A letter goes down. @param {KeyboardEvent} event @returns {boolean} Whether it is one of the keyboard's. */
  letter(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.code === "KeyZ" || event.code === "KeyX") {
      if (!event.repeat) this.moveTo(this.lowest + (event.code === "KeyX" ? 12 : -12));
      return true;
    }
    const offset = LETTERS.indexOf(event.code);
    if (offset < 0) return false;
    if (!event.repeat) this.hold(event.code, this.lowest + offset, LETTER_VELOCITY);
    return true;
  }

  // ---- what is held

  /** @param {string | number} by @param {number} key @param {number} velocity */
  hold(by, key, velocity) {
    const before = this.held.get(by);
    if (before === key) return;
    this.held.set(by, key);
    // The new note comes before the old one ends, so that one voice ties them.
    this.player.press(key, velocity);
    this.mark(key);
    if (before !== undefined) this.up(before);
  }

  /** @param {string | number} by */
  let(by) {
    const key = this.held.get(by);
    if (key === undefined) return;
    this.held.delete(by);
    this.up(key);
  }

  letAll() {
    for (const by of [...this.held.keys()]) this.let(by);
  }

  /** @param {number} key */
  up(key) {
    if ([...this.held.values()].includes(key)) return;
    this.player.lift(key);
    this.mark(key);
  }

  /** Show whether a key is down. @param {number} key */
  mark(key, isDown = [...this.held.values()].includes(key)) {
    this.keys.get(key)?.setAttribute("aria-pressed", String(isDown));
  }
}
