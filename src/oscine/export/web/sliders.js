// Sliders from the settings that an instrument declares. Names that are known have a label and a place; whatever else there is
// stands among the instrument's own.

/** @typedef {import("./oscine-instrument.d.ts").Setting} Setting */

const GROUPS = ["Sound", "Instrument", "Voice", "Notes", "Vibrato", "Controllers"];
const OPEN = ["Sound", "Instrument", "Voice"];

/** @typedef {[group: string, label: string, kind?: "whole" | "switch" | "percent"]} Known */

/** @type {Record<string, Known>} */
const NAMES = {
  level_db: ["Sound", "Level"],
  tune_cents: ["Sound", "Tuning"],
  octave: ["Sound", "Octave", "whole"],
  mix: ["Voice", "Instrument in the mix", "percent"],
  loudness_db: ["Voice", "Loudness"],
  match: ["Voice", "Match the instrument's loudness", "switch"],
  autotune: ["Voice", "Autotune", "percent"],
  attack_s: ["Notes", "Attack"],
  decay_s: ["Notes", "Decay"],
  sustain_db: ["Notes", "Sustain"],
  release_s: ["Notes", "Release"],
  glide_s: ["Notes", "Glide between tied notes"],
  scoop_cents: ["Notes", "Scoop"],
  scoop_s: ["Notes", "Scoop time"],
  vibrato_hz: ["Vibrato", "Rate"],
  vibrato_cents: ["Vibrato", "Depth"],
  vibrato_delay_s: ["Vibrato", "Delay"],
  vibrato_rise_s: ["Vibrato", "Rise"],
  modulation_cents: ["Controllers", "Modulation wheel"],
  pressure_db: ["Controllers", "Pressure"],
  brightness_db: ["Controllers", "Brightness"],
  bend_semitones: ["Controllers", "Pitch bend"],
  identity: ["Instrument", "Who plays", "whole"],
  centroid_midi: ["Instrument", "Brightness"],
};
const KNOWN = new Map(Object.entries(NAMES));
const UNITS = ["_s", "_db", "_hz", "_cents", "_semitones", "_midi"];
const STEPS = 200;

/** @param {string} name @returns {string} */
function readable(name) {
  const unit = UNITS.find((one) => name.endsWith(one)) ?? "";
  const text = name.slice(0, name.length - unit.length).replaceAll("_", " ").replace(".", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * A value as a text, with its unit.
 * @param {Setting} setting @param {number} value @param {string[]} [names] Of the identities.
 */
function said({ name, unit, maximum, minimum }, value, names = [""]) {
  const kind = KNOWN.get(name)?.[2];
  if (name === "identity" && names[value]) return names[value];
  if (kind === "percent") return `${Math.round(100 * value)} %`;
  if (unit === "s" && Math.abs(value) < 1) return `${Math.round(1000 * value)} ms`;
  const digits = kind === "whole" || maximum - minimum > 150 ? 0 : maximum - minimum > 15 ? 1 : 2;
  const sign = minimum < 0 && value > 0 ? "+" : "";
  return `${sign}${value.toFixed(digits)} ${kind === "whole" ? "" : unit}`.trim().replace("-", "−");
}

/**
 * How a slider's way is bent, so that small values have room: the value is minimum + range · way^curve.
 * @param {Setting} setting
 */
function curve({ initial, minimum, maximum }) {
  const share = (initial - minimum) / (maximum - minimum);
  if (share <= 0) return minimum === 0 && maximum > 1 ? 2 : 1;
  return share < 0.2 ? Math.log(share) / Math.log(0.4) : 1;
}

/** One slider or switch. */
class Slider {
  /** @param {Setting} setting @param {(name: string, value: number) => void} onchange @param {string[]} names */
  constructor(setting, onchange, names) {
    this.setting = setting;
    this.names = names;
    this.curve = curve(setting);
    const [, label, kind] = KNOWN.get(setting.name) ?? ["", readable(setting.name)];
    this.isSwitch = kind === "switch";
    this.isWhole = kind === "whole";
    this.element = document.createElement("label");
    this.element.className = this.isSwitch ? "switch" : "slider";
    const name = document.createElement("span");
    name.textContent = label;
    this.input = document.createElement("input");
    // No <output>: the label would be its own, and not the slider's.
    this.output = document.createElement("span");
    this.output.className = "value";
    this.output.setAttribute("aria-hidden", "true");
    this.input.name = setting.name;
    this.input.type = this.isSwitch ? "checkbox" : "range";
    if (!this.isSwitch) {
      const [min, max, step] = this.isWhole ? [setting.minimum, setting.maximum, 1] : [0, STEPS, 1];
      Object.assign(this.input, { min, max, step });
    }
    this.element.append(...(this.isSwitch ? [this.input, name] : [name, this.output, this.input]));
    this.input.addEventListener("input", () => {
      this.show(this.value);
      onchange(setting.name, this.value);
    });
    if (!this.isSwitch) {
      // As in every mixer, a double click goes back; Delete does so without a mouse.
      const reset = () => {
        this.value = setting.initial;
        onchange(setting.name, setting.initial);
      };
      this.element.title = "Double click, or the key Delete, resets";
      this.element.addEventListener("dblclick", reset);
      this.input.addEventListener("keydown", ({ key }) => key === "Delete" && reset());
    }
    this.value = setting.initial;
  }

  get value() {
    if (this.isSwitch) return this.input.checked ? 1 : 0;
    if (this.isWhole) return Number(this.input.value);
    const { minimum, maximum } = this.setting;
    return minimum + (maximum - minimum) * (Number(this.input.value) / STEPS) ** this.curve;
  }

  set value(value) {
    const { minimum, maximum } = this.setting;
    const share = Math.min(Math.max((value - minimum) / (maximum - minimum), 0), 1);
    if (this.isSwitch) this.input.checked = value >= 0.5;
    else this.input.value = String(this.isWhole ? Math.round(value) : Math.round(STEPS * share ** (1 / this.curve)));
    this.show(value);
  }

  /** @param {number} value */
  show(value) {
    const text = said(this.setting, value, this.names);
    this.output.textContent = text;
    if (!this.isSwitch) this.input.setAttribute("aria-valuetext", text);
  }
}

/** All sliders of an instrument, in groups. */
export class Sliders {
  /**
   * @param {Setting[]} settings
   * @param {(name: string, value: number) => void} onchange
   * @param {string[]} elsewhere Settings that have a control of their own.
   * @param {string[]} identities The names that the setting "identity" chooses from.
   */
  constructor(settings, onchange, elsewhere, identities) {
    /** @type {Map<string, Slider>} */
    this.sliders = new Map();
    for (const one of settings)
      if (!elsewhere.includes(one.name) && one.maximum > one.minimum)
        this.sliders.set(one.name, new Slider(one, onchange, identities));
    const isWide = matchMedia("(min-width: 48rem)").matches;
    this.groups = GROUPS.map((title) => {
      const group = document.createElement("details");
      group.open = isWide || OPEN.includes(title);
      group.dataset.group = title;
      const summary = document.createElement("summary");
      summary.textContent = title;
      const within = [...this.sliders].filter(([name]) => (KNOWN.get(name)?.[0] ?? "Instrument") === title);
      group.append(summary, ...within.map(([, slider]) => slider.element));
      return group;
    }).filter((group) => group.childElementCount > 1);
    this.onchange = onchange;
  }

  /** Put all back. */
  reset() {
    for (const [name, slider] of this.sliders) {
      slider.value = slider.setting.initial;
      this.onchange(name, slider.setting.initial);
    }
  }
}
