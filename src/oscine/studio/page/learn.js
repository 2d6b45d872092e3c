// Learn: start a training, and see the trainings that there are.

import { ask, get, watch } from "./api.js";
import { h, field, keyed, select } from "./dom.js";
import { icon } from "./icons.js";
import { draft, empty, head, instrumentSelect, removeButton } from "./parts.js";
import { run, stateWords } from "./run.js";
import { problem, sends } from "./tell.js";
import { trash } from "./trash.js";
import { duration } from "./words.js";

/** @param {import("./app.js").Place} place @returns {Promise<import("./app.js").Screen>} */
export const learn = (place) => (place.id ? run(place) : runs(place));

/** @param {import("./app.js").Place} place */
async function runs({ query, signal, go }) {
  const said = problem();
  const [collections, about, instruments] = await Promise.all(
    ["/api/collections", "/api/about", "/api/instruments"].map((path) => get(path, signal)),
  );
  const list = h("ul.cards", {});
  const none = empty(
    "No training yet",
    "A training of ten minutes is enough to judge the instrument. Every minute you can compare it with the " +
      "recording.",
  );
  const show = keyed(list, (one) => runCard(one, refresh));
  const refresh = async () => {
    const all = await get("/api/runs", signal);
    show(all.reverse());
    none.hidden = all.length > 0;
  };
  await refresh();
  void watch(signal, refresh, said.show);
  const element = h(
    "div",
    {},
    head(
      "Learn",
      "Train an instrument on your recordings. You can pause at any time and continue later: the " +
        "result is the same.",
    ),
    collections.length
      ? startForm({ collections, about, instruments, query, signal, go })
      : empty(
          "Record something first",
          "An instrument is learned from recordings.",
          h("a.button.primary", { href: "/record" }, "Record"),
        ),
    said.element,
    h("section", { "aria-label": "Trainings" }, h("h2.section", {}, "Trainings"), none, list),
    trash({ kind: "run", signal, refresh }),
  );
  return { element, title: "Learn" };
}

/** @param {any} given */
function startForm({ collections, about, instruments, query, signal, go }) {
  const said = problem();
  const chosen = query.get("collection") ?? undefined;
  const collection = select(
    collections.map((/** @type {any} */ one) => ({ value: one.id, label: one.name })),
    { name: "collection" },
    chosen,
  );
  const verdict = h("p.report", { role: "status" });
  const name = h("input", {
    type: "text",
    name: "name",
    required: true,
    maxlength: "80",
    autocomplete: "off",
  });
  const length = h("input", {
    type: "number",
    name: "length",
    min: "1",
    max: "1000000",
    step: "any",
    value: "10",
    inputmode: "decimal",
    required: true,
  });
  const unit = select(
    [
      { value: "minutes", label: "minutes" },
      { value: "steps", label: "steps" },
    ],
    { name: "unit", "aria-label": "Minutes or steps" },
  );
  const howLong = field("How long?", length, "Ten minutes are enough to judge it. With a few minutes of recordings, more changes little.");
  const joined = h("div.joined", {}, unit);
  length.before(joined);
  joined.prepend(length);
  const ofRecipe = h("input", { type: "radio", name: "from", value: "recipe", checked: true });
  const ofInstrument = h("input", { type: "radio", name: "from", value: "instrument" });
  const recipes = select(
    about.recipes.map((/** @type {any} */ one) => ({ value: one.name, label: one.name })),
    { name: "recipe" },
    "default",
  );
  const recipeWords = h("p.hint", {});
  const start = instrumentSelect(
    instruments.filter((/** @type {any} */ one) => !one.by_notes),
    undefined,
    { name: "start" },
  );
  const recipeField = h("div", {}, field("Recipe", recipes), recipeWords);
  const startField = field(
    "Instrument",
    start,
    "Its network is trained further with your recordings. A minute or two of them is enough.",
  );
  const button = h("button.primary", { type: "submit" }, icon("learn"), "Start the training");
  const made = h(
    "form.panel.start",
    { "aria-label": "New training" },
    h("div.form-grid", {}, field("Recordings", collection), field("Name of the instrument", name), howLong),
    verdict,
    h(
      "fieldset.choice",
      {},
      h("legend", {}, "Begin with"),
      h(
        "div.segments",
        {},
        h("label", {}, ofRecipe, h("span", {}, "A new network")),
        h("label", {}, ofInstrument, h("span", {}, "An instrument")),
      ),
      recipeField,
      startField,
    ),
    said.element,
    h("div.actions", {}, button),
  );
  const kept = draft(made, "new training");
  // The address says more than what was typed before.
  if (chosen && collection.value !== chosen && [...collection.options].some((one) => one.value === chosen)) {
    collection.value = chosen;
    name.value = ""; // it was of other recordings
  }

  let nAsked = 0;
  let canTrain = false;
  const judge = async () => {
    const mine = ++nAsked;
    const report = await get(`/api/collections/${collection.value}/report`, signal);
    if (mine !== nAsked) return;
    if (verdict.textContent !== report.words) verdict.textContent = report.words;
    canTrain = report.can_train;
    button.classList.toggle("primary", canTrain);
  };
  const taken = new Set(instruments.map((/** @type {any} */ one) => one.name));
  /** A name that no instrument has. @param {string} title */
  const free = (title) => {
    let found = title;
    for (let n = 2; taken.has(found); n++) found = `${title} ${n}`;
    return found;
  };
  const named = () => {
    const before = name.placeholder;
    name.placeholder = free(collection.selectedOptions[0]?.textContent ?? "");
    if (!name.value || name.value === before) name.value = name.placeholder;
  };
  const shownParts = () => {
    recipeField.hidden = !ofRecipe.checked;
    startField.hidden = ofRecipe.checked;
    recipeWords.textContent =
      about.recipes.find((/** @type {any} */ one) => one.name === recipes.value)?.description ?? "";
  };
  collection.addEventListener("change", () => (void judge().catch(said.show), named()));
  for (const one of [ofRecipe, ofInstrument, recipes]) one.addEventListener("change", shownParts);
  sends(made, () =>
    said.during(async () => {
      if (!canTrain) throw new Error(verdict.textContent || "The recordings are being looked at.");
      const from = ofRecipe.checked ? { recipe: recipes.value } : { start_from: start.value };
      const begun = await ask("POST", "/api/runs", {
        collection: collection.value,
        name: name.value.trim(),
        [unit.value]: unit.value === "steps" ? Math.round(Number(length.value)) : Number(length.value),
        ...from,
      });
      kept.clear();
      go(`/learn/${begun.id}`);
    }),
  );
  named();
  shownParts();
  void watch(signal, judge, said.show);
  return made;
}

/** @param {any} one @param {() => Promise<void>} refresh */
function runCard(one, refresh) {
  const said = problem();
  const state = h("span.badge", {});
  const words = h("p.words", {});
  const bar = h("progress", { max: "1", "aria-label": `Progress of ${one.name}` });
  const element = h(
    "li.card.small",
    {},
    h(
      "div.card-top",
      {},
      h("h3", {}, h("a.stretched", { href: `/learn/${one.id}` }, one.name)),
      state,
      removeButton({ address: `/api/runs/${one.id}`, name: `the training ${one.name}`, refresh, said }),
    ),
    words,
    bar,
    said.element,
  );
  const update = (/** @type {any} */ now) => {
    const [text, look] = stateWords(now);
    state.textContent = text;
    state.className = `badge ${look}`;
    const quality = now.quality ? ` Now: ${now.quality.word}.` : "";
    words.textContent =
      now.error ??
      (now.state === "training" && Number.isFinite(now.left_s)
        ? `${duration(now.left_s)} left.`
        : `${duration(60 * now.minutes)} trained.`) + quality;
    const share = now.total_steps
      ? now.steps / now.total_steps
      : now.total_minutes
        ? now.minutes / now.total_minutes
        : 0;
    bar.value = Math.min(1, share);
    bar.hidden = now.state === "done" || now.state === "failed";
  };
  return { element, update };
}
