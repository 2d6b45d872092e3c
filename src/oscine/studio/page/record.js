// Record: collections of takes, from the microphone or from files.

import { ask, form, get, watch } from "./api.js";
import { coverage } from "./coverage.js";
import { h, field, keyed } from "./dom.js";
import { dropPlace } from "./drop.js";
import { icon } from "./icons.js";
import { draft, empty, head, removeButton } from "./parts.js";
import { recorder } from "./recorder.js";
import { takeRow } from "./take.js";
import { sender } from "./sending.js";
import { problem, sends } from "./tell.js";
import { trash } from "./trash.js";
import { count, day, duration } from "./words.js";

export const AUDIO = { accept: "audio/*,video/mp4,.wav,.flac,.ogg,.opus,.mp3,.aif,.aiff,.m4a,.aac,.webm" };

/** @param {import("./app.js").Place} place @returns {Promise<import("./app.js").Screen>} */
export const record = (place) => (place.id ? collection(place) : collections(place));

/** @param {import("./app.js").Place} place */
async function collections({ signal, go }) {
  const said = problem();
  const name = h("input", {
    type: "text",
    name: "name",
    maxlength: "80",
    required: true,
    autocomplete: "off",
    placeholder: "My viola",
  });
  const make = h(
    "form.row",
    {},
    field("What do you record?", name),
    h("button.primary", { type: "submit" }, icon("plus"), "Begin"),
  );
  const kept = draft(make, "new collection");
  sends(make, () =>
    said.during(async () => {
      const made = await ask("POST", "/api/collections", { name: name.value.trim() });
      kept.clear();
      go(`/record/${made.id}`);
    }),
  );
  const drop = dropPlace(
    "Or drop recordings here: a new collection is made from them.",
    AUDIO,
    (files) =>
      void said.during(async () => {
        const title = name.value.trim() || `Recordings of ${day(new Date().toISOString())}`;
        const made = await ask("POST", "/api/collections", { name: title });
        kept.clear();
        pending.set(made.id, files);
        go(`/record/${made.id}`);
      }),
  );
  const list = h("ul.cards", {});
  const none = empty(
    "Nothing recorded yet",
    "Record three minutes or more of one player: one note at a time, with little reverberation, soft and " +
      "loud, over the whole range.",
  );
  const show = keyed(list, (one) => collectionCard(one, refresh));
  const refresh = async () => {
    const all = await get("/api/collections", signal);
    show(all.reverse());
    none.hidden = all.length > 0;
  };
  await refresh();
  void watch(signal, refresh, said.show);
  const element = h(
    "div",
    {},
    head("Record", "Recordings of one instrument or voice, from which one is learned."),
    h("section.panel", { "aria-label": "New collection" }, make, said.element, drop),
    h("section", { "aria-label": "Collections" }, h("h2.section", {}, "Collections"), none, list),
    trash({ kind: "collection", signal, refresh }),
  );
  return { element, title: "Record" };
}

/** Files that were dropped before their collection was on the screen. @type {Map<string, File[]>} */
const pending = new Map();

/** @param {any} one @param {() => Promise<void>} refresh */
function collectionCard(one, refresh) {
  const said = problem();
  const words = h("p.words", {});
  const link = h("a.stretched", { href: `/record/${one.id}` }, one.name);
  const element = h(
    "li.card.small",
    {},
    h(
      "div.card-top",
      {},
      h("h3", {}, link),
      removeButton({ address: `/api/collections/${one.id}`, name: one.name, refresh, said }),
    ),
    words,
    said.element,
  );
  const update = (/** @type {any} */ now) => {
    link.textContent = now.name;
    const seconds = now.takes.reduce(
      (/** @type {number} */ sum, /** @type {any} */ take) =>
        sum + (take.left_out || take.state !== "ready" ? 0 : take.trim.to_s - take.trim.from_s),
      0,
    );
    words.textContent = now.takes.length
      ? `${count(now.takes.length, "take")}, ${duration(seconds)} in use`
      : "No take yet";
  };
  return { element, update };
}

/** @param {import("./app.js").Place} place */
async function collection({ id, signal }) {
  const said = problem();
  const address = `/api/collections/${id}`;
  let [now, about] = await Promise.all([get(address, signal), get("/api/about", signal)]);
  const keys = coverage(signal);
  const list = h("ul.takes", { "aria-label": "Takes" });
  const none = empty(
    "No take yet",
    "Press Record and play one note after another, or drop files. Each take is checked when it is in.",
  );
  const show = keyed(list, (take) => takeRow(take, refresh, signal));
  const report = reportPlace(/** @type {string} */ (id));
  const nTakes = h("h2.section", {});
  /** @type {HTMLElement | undefined} */
  let title;

  const refresh = async () => {
    [now] = await Promise.all([
      get(address, signal),
      get(`${address}/report`, signal).then((found) => (keys.update(found.pitch_s), report.update(found))),
    ]);
    show(now.takes);
    none.hidden = now.takes.length > 0;
    nTakes.textContent = now.takes.length ? `Takes (${now.takes.length})` : "Takes";
    // Another page may have renamed it.
    const heading = /** @type {HTMLElement | undefined} */ (title?.querySelector("h1"));
    if (heading && heading.textContent !== now.name) heading.textContent = now.name;
  };
  const files = sender({ address: `${address}/takes`, signal });
  const microphone = recorder({
    signal,
    place: address,
    mostBytes: about.limits.upload_bytes,
    goesOn: true,
    ontake: async (file) => {
      const numbers = now.takes.map((/** @type {any} */ { name }) =>
        Number(/^Take (\d+)\./.exec(name)?.[1] ?? 0),
      );
      await ask("POST", `${address}/takes`, form(file, `Take ${Math.max(0, ...numbers) + 1}.wav`));
      await refresh();
    },
  });
  await refresh();
  void watch(signal, refresh, said.show);
  const waiting = pending.get(/** @type {string} */ (id));
  pending.delete(/** @type {string} */ (id));
  if (waiting) files.send(waiting);
  title = head(
    now.name,
    h("a.back", { href: "/record" }, icon("back"), "All collections"),
    renaming(address, () => now.name, refresh, said),
    report.action,
  );
  const element = h(
    "div",
    {},
    title,
    h(
      "div.two",
      {},
      h(
        "section.panel",
        { "aria-label": "New takes" },
        microphone.element,
        dropPlace("Or drop recordings here: wav, flac, ogg, mp3, m4a …", AUDIO, files.send),
        files.element,
        said.element,
      ),
      h(
        "section.panel",
        { "aria-label": "Report" },
        h("h2", {}, "What is covered"),
        keys.element,
        report.element,
      ),
    ),
    h("section", { "aria-label": "Takes" }, nTakes, none, list),
    trash({ kind: "take", owner: id, signal, refresh }),
  );
  return { element, title: now.name };
}

/**
 * A button that lets the title be written anew.
 * @param {string} address
 * @param {() => string} name
 * @param {() => Promise<void>} refresh
 * @param {ReturnType<typeof problem>} said
 */
function renaming(address, name, refresh, said) {
  const input = h("input", {
    type: "text",
    maxlength: "80",
    required: true,
    "aria-label": "Name of the collection",
    autocomplete: "off",
  });
  const form = h("form.row", { hidden: true }, input, h("button", { type: "submit" }, "Save"));
  const button = h("button.plain", { type: "button", onclick: () => show(true) }, "Rename");
  const show = (/** @type {boolean} */ isOpen) => {
    form.hidden = !isOpen;
    button.hidden = isOpen;
    if (isOpen) input.value = name();
    (isOpen ? input : button).focus();
  };
  form.addEventListener(
    "keydown",
    (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && show(false),
  );
  sends(form, () =>
    said.during(async () => {
      await ask("PATCH", address, { name: input.value.trim() });
      await refresh();
      show(false);
    }),
  );
  return h("span.row", {}, button, form);
}

/** The report in words, and the way on. @param {string} id */
function reportPlace(id) {
  const words = h("p.report", { role: "status" });
  const advice = h("ul.advice", {});
  const figures = h("dl.facts", {});
  const action = h("a.button.primary", { href: `/learn?collection=${id}` }, "Learn from it");
  const element = h("div", {}, words, figures, advice);
  // As precise as the sentence above.
  const inMinutes = (/** @type {number} */ minutes) =>
    minutes < 0.95 ? duration(60 * minutes) : `${minutes.toFixed(1)} min`;
  const update = (/** @type {any} */ found) => {
    if (words.textContent !== found.words) words.textContent = found.words;
    const rows = [
      ["Usable", `${inMinutes(found.usable_minutes)} of ${inMinutes(found.minutes)}`],
      Number.isFinite(found.loudness_range_db) &&
        found.minutes > 0 && ["Loudness range", `${Math.round(found.loudness_range_db)} dB`],
      found.noise && ["Noise", String(found.noise)],
    ];
    figures.replaceChildren(
      ...(found.minutes > 0 ? rows : [])
        .filter((row) => row)
        .map((row) =>
          h(
            "div",
            {},
            h("dt", {}, /** @type {string[]} */ (row)[0]),
            h("dd", {}, /** @type {string[]} */ (row)[1]),
          ),
        ),
    );
    advice.replaceChildren(
      ...found.advice
        .filter((/** @type {string} */ one) => !found.words.includes(one))
        .map((/** @type {string} */ one) => h("li", {}, one)),
    );
    action.hidden = !found.can_train;
  };
  return { element, action, update };
}
