// An instrument plays the melody: how, beside the input, and as a file.

import { ask, get } from "./api.js";
import { compare } from "./compare.js";
import { h, field, freshId, select } from "./dom.js";
import { icon } from "./icons.js";
import { instrumentSelect, lasting, progress, shown } from "./parts.js";
import { download } from "./sound.js";
import { once, problem } from "./tell.js";
import { count } from "./words.js";

const OCTAVES = [-3, -2, -1, 0, 1, 2, 3];
const KEPT = "play settings";

/**
 * @param {object} options
 * @param {any} options.performance
 * @param {URLSearchParams} options.query
 * @param {AbortSignal} options.signal
 * @param {() => Promise<void>} options.flush Saves the curves.
 * @param {(second: number | null) => void} options.ontime
 */
export async function rendering({ performance, query, signal, flush, ontime }) {
  const [instruments, about] = await Promise.all([
    get("/api/instruments", signal),
    get("/api/about", signal),
  ]);
  const said = problem();
  const exportSaid = problem();
  const bar = progress("Rendering");
  const exportBar = progress("Export");
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  const playable = instruments.filter((/** @type {any} */ one) => !one.by_notes);
  const instrument = instrumentSelect(playable, query.get("instrument") ?? kept.instrument);
  const identity = h("select", {});
  const identityField = field("Voice", identity);
  const octave = select(
    [
      { value: "auto", label: "Automatic" },
      ...OCTAVES.map((one) => ({
        value: String(one),
        label: one === 0 ? "As it is" : `${one > 0 ? "+" : "−"}${Math.abs(one)}`,
      })),
    ],
    {},
    String(kept.octave ?? "auto"),
  );
  const loudness = select(
    [
      { value: "auto", label: "Automatic" },
      ...[-12, -6, -3, 0, 3, 6, 12].map((one) => ({
        value: String(one),
        label: one === 0 ? "As it is" : `${one > 0 ? "+" : "−"}${Math.abs(one)} dB`,
      })),
    ],
    {},
    String(kept.loudness ?? "auto"),
  );
  const autotune = slider(
    { label: "Autotune", unit: "%", low: 0, high: 100, initial: 100 * (kept.autotune ?? 0) },
    () => stale(),
  );
  const dry = h("input", { type: "checkbox", checked: Boolean(kept.dry) });
  const own = h("div.sliders", {});
  const ownPart = h("details", { hidden: true }, h("summary", {}, "Sound of the instrument"), own);
  /** @type {Map<string, ReturnType<typeof slider>>} */
  let sliders = new Map();
  const render = h("button.primary", { type: "button" }, icon("go"), "Play it");
  const outdated = h(
    "p.hint.outdated",
    { hidden: true, role: "status" },
    "Something was changed since. Play it again to hear it.",
  );
  const result = h("div", {});
  const last = lasting(`render ${performance.id}`);
  /** @type {ReturnType<typeof compare> | null} */
  let both = null;

  const settings = () => ({
    instrument: instrument.value,
    ...(identity.options.length > 1 ? { identity: identity.value } : {}),
    octave: octave.value === "auto" ? "auto" : Number(octave.value),
    loudness: loudness.value === "auto" ? "auto" : Number(loudness.value),
    autotune: autotune.value() / 100,
    dry: dry.checked,
    sliders: Object.fromEntries(
      [...sliders].filter(([, one]) => one.isMoved()).map(([name, one]) => [name, one.value()]),
    ),
  });
  function stale() {
    outdated.hidden = both === null;
    if (both) last.set({ ...last.get(), isStale: true });
    sessionStorage.setItem(KEPT, JSON.stringify(settings()));
  }
  let nAsked = 0;
  const choose = async () => {
    const mine = ++nAsked;
    const { identities } = playable.find((/** @type {any} */ one) => one.id === instrument.value) ?? {
      identities: [],
    };
    identity.replaceChildren(...identities.map((/** @type {string} */ one) => new Option(one, one)));
    identityField.hidden = identities.length < 2;
    await said.during(async () => {
      const controls = await get(`/api/instruments/${instrument.value}/controls`, signal);
      if (mine !== nAsked) return;
      sliders = new Map(
        controls.map((/** @type {any} */ one) => [one.name, slider({ ...one, initial: one.default }, stale)]),
      );
      own.replaceChildren(...[...sliders.values()].map(({ element }) => element));
      ownPart.hidden = !sliders.size;
    });
  };
  /**
   * The curves as they are now, and the job that plays them.
   * @param {string} format
   * @param {boolean} stems
   */
  const begin = async (format, stems) => {
    await flush();
    return ask("POST", `/api/performances/${performance.id}/renders`, { ...settings(), format, stems });
  };
  once(render, () =>
    said.during(async () => {
      const job = await begin("wav", false);
      const name = instrument.selectedOptions[0].textContent ?? "Instrument";
      last.set({ job: job.id, name });
      await listen(job, name);
      both?.element.querySelector("button").focus();
    }),
  );
  /**
   * Wait for a job that plays the melody, and show it beside the input.
   * @param {any} job
   * @param {string} name
   */
  const listen = async (job, name) => {
    const done = await shown(job, bar, signal);
    both?.stop();
    both = compare({
      title: `input and ${name}`,
      sides: [
        { label: "Input", source: `/api/performances/${performance.id}/audio` },
        { label: name, source: `/api/jobs/${done.id}/file` },
      ],
      chosen: 1,
      seconds: performance.seconds,
      ontime,
      signal,
    });
    outdated.hidden = !last.get()?.isStale;
    const remarks = [moved(done.result ?? {}), ...(done.result?.remarks ?? [])].filter((one) => one);
    result.replaceChildren(both.element, ...remarks.map((one) => h("p.hint", {}, one)));
  };

  const format = select(
    about.formats.out.map((/** @type {string} */ one) => ({ value: one, label: one.toUpperCase() })),
  );
  const stems = h("input", { type: "checkbox" });
  const save = h("button", { type: "button" }, icon("download"), "Export");
  const files = h("div.actions", { role: "status" });
  once(save, () =>
    exportSaid.during(async () => {
      files.replaceChildren();
      const done = await shown(await begin(format.value, stems.checked), exportBar, signal);
      const link = download(
        `/api/jobs/${done.id}/file`,
        stems.checked ? "Save the stems (zip)" : `Save the ${format.value.toUpperCase()}`,
      );
      files.replaceChildren(link);
      link.focus();
    }),
  );
  instrument.addEventListener("change", () => (void choose(), stale()));
  for (const one of [identity, octave, loudness, dry]) one.addEventListener("change", stale);
  await choose();
  const before = last.get();
  if (before)
    void listen({ id: before.job, what: "Playing" }, before.name).catch(
      (error) => error.status === 404 && last.clear(),
    );
  const element = h(
    "div.two.wide-left",
    {},
    h(
      "section.panel",
      { "aria-label": "Instrument" },
      h("h2", {}, "Instrument"),
      h(
        "div.form-grid",
        {},
        field("Plays the melody", instrument),
        identityField,
        field("Octave", octave),
        field("Loudness", loudness),
      ),
      autotune.element,
      h("label.check", {}, dry, "Dry, without the reverb"),
      ownPart,
      h("div.actions", {}, render),
      bar.element,
      said.element,
      outdated,
      result,
    ),
    h(
      "section.panel",
      { "aria-label": "Export" },
      h("h2", {}, "Export"),
      field("Format", format),
      h("label.check", {}, stems, "Stems: each part of the synthesiser as a file of its own"),
      h("div.actions", {}, save),
      exportBar.element,
      files,
      exportSaid.element,
    ),
  );
  return { element, stale };
}

/** How pitch and loudness were mapped to the instrument, in words. @param {any} report */
function moved({ octave = 0, loudness_shift_db: shift = 0 }) {
  const parts = [
    octave && `${count(Math.abs(octave), "octave")} ${octave > 0 ? "higher" : "lower"}`,
    Math.abs(shift) >= 1 && `${Math.round(Math.abs(shift))} dB ${shift > 0 ? "louder" : "softer"}`,
  ].filter((one) => one);
  return parts.length ? `Played ${parts.join(" and ")} than the input.` : "";
}

/**
 * A slider with its value, which a double click sets back.
 * @param {{label: string, unit: string, low: number, high: number, initial: number}} control
 * @param {() => void} onchange
 */
function slider({ label, unit, low, high, initial }, onchange) {
  const id = freshId();
  const input = h("input", { type: "range", id, min: String(low), max: String(high), step: "any" });
  input.value = String(initial);
  const output = h("output", { for: id });
  const digits = high - low > 20 ? 0 : high - low > 2 ? 1 : 2;
  const show = () => {
    output.textContent = `${Number(input.value).toFixed(digits).replace("-", "−")} ${unit}`.trim();
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => (show(), onchange()));
  // A range without steps leaves the size of a key's step to the browser.
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    input.value = String(Number(input.value) + (step * (high - low)) / 50);
    show();
    onchange();
  });
  const reset = () => {
    input.value = String(initial);
    show();
    onchange();
  };
  input.addEventListener("dblclick", reset);
  show();
  return {
    element: h(
      "div.slider",
      { title: "Double click sets it back" },
      h("label", { for: id }, label),
      output,
      input,
    ),
    value: () => Number(input.value),
    isMoved: () => Math.abs(Number(input.value) - initial) > 1e-9,
  };
}
