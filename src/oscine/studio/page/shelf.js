// The shelf: the instruments that are here.

import { ask, finished, form, get, request, watch } from "./api.js";
import { h, s, keyed } from "./dom.js";
import { pathOf, picker, takesDrops } from "./drop.js";
import { empty, head, removeButton } from "./parts.js";
import { playButton } from "./sound.js";
import { announce, problem, toast } from "./tell.js";
import { trash } from "./trash.js";
import { count, size } from "./words.js";

const OF_A_FOLDER = ["config.json", "model.safetensors", "README.md"];
/** The keys of a piano. */
const [LOWEST, HIGHEST] = [21, 108];

/** @param {import("./app.js").Place} place @returns {Promise<import("./app.js").Screen>} */
export async function shelf({ signal }) {
  const said = problem();
  const mine = h("ul.cards", {});
  const bundled = h("ul.cards", {});
  const none = empty(
    "No instrument of your own yet",
    "Record a few minutes of one player, and learn an instrument from them. Or import one that " +
      "somebody shared.",
    h("a.button.primary", { href: "/record" }, "Record"),
  );
  const waiting = h("p.progress", { role: "status", hidden: true }, "Importing …");
  const take = (/** @type {File[]} */ files) =>
    void said.during(async () => {
      waiting.hidden = false;
      try {
        for (const instrument of await imported(files)) {
          announce(`${instrument.name} is on the shelf.`);
          toast(`${instrument.name} is on the shelf.`);
        }
      } finally {
        waiting.hidden = true;
        await refresh();
      }
    });
  const showMine = keyed(mine, (one) => card(one, refresh, signal));
  const showBundled = keyed(bundled, (one) => card(one, refresh, signal));
  const refresh = async () => {
    const all = await get("/api/instruments", signal);
    const own = all.filter((/** @type {any} */ one) => one.kind === "mine");
    showMine(own);
    showBundled(all.filter((/** @type {any} */ one) => one.kind === "bundled"));
    none.hidden = own.length > 0;
  };
  await refresh();
  void watch(signal, refresh, said.show);
  const element = h(
    "div.shelf",
    {},
    head(
      "Shelf",
      "Instruments on this machine. Drop the zip or the folder of an instrument here to import it.",
      picker("Import a zip", { accept: ".zip" }, take),
      picker("Import a folder", { webkitdirectory: true }, take, "button.plain"),
    ),
    said.element,
    waiting,
    h("section", { "aria-label": "Yours" }, h("h2.section", {}, "Yours"), none, mine),
    trash({ kind: "instrument", signal, refresh }),
    h("section", { "aria-label": "In the package" }, h("h2.section", {}, "In the package"), bundled),
  );
  takesDrops(element, take);
  return { element, title: "Shelf" };
}

/**
 * Send what was dropped: zips one by one, or the files of one folder.
 * @param {File[]} files
 * @returns {Promise<any[]>}
 */
async function imported(files) {
  const zips = files.filter(({ name }) => name.toLowerCase().endsWith(".zip"));
  if (zips.length) {
    const made = [];
    for (const zip of zips) made.push(await ask("POST", "/api/instruments", form(zip, zip.name)));
    return made;
  }
  const folder = files.filter(({ name }) => OF_A_FOLDER.includes(name));
  if (!folder.some(({ name }) => name === "config.json"))
    throw new Error(
      "This is no instrument. Choose a zip that Share has made, or a folder with config.json and " +
        "model.safetensors.",
    );
  const body = new FormData();
  // The server calls the instrument as its folder.
  for (const file of folder) body.append("files", file, pathOf(file));
  return [await ask("POST", "/api/instruments", body)];
}

/** @param {any} instrument @param {() => Promise<void>} refresh @param {AbortSignal} signal */
function card(instrument, refresh, signal) {
  const { id, name } = instrument;
  const said = problem();
  const play = playButton({ label: name, source: () => sound(id, signal), onerror: said.show });
  const title = h("h3", {}, name);
  const words = h("p.words", {});
  const range = h("div.range", {});
  const facts = h("dl.facts", {});
  const isMine = instrument.kind === "mine";
  const element = h(
    "li.card",
    {},
    h("div.card-top", {}, play, title),
    words,
    range,
    facts,
    said.element,
    h(
      "div.card-bottom",
      {},
      h("a", { href: `/play?instrument=${id}`, "aria-label": `Play ${name} with a hum` }, "Play"),
      h("a", { href: `/live/${id}`, "aria-label": `Play ${name} live` }, "Live"),
      h("a", { href: `/share/${id}`, "aria-label": `Share ${name}` }, "Share"),
      isMine && removeButton({ address: `/api/instruments/${id}`, name, refresh, said, before: play.stop }),
    ),
  );
  const update = (/** @type {any} */ now) => {
    title.textContent = now.name;
    words.textContent = now.description || "No description.";
    range.replaceChildren(...(now.range ? strip(now.range) : []));
    const rows = [
      ["Range", now.range?.words ?? "Unpitched"],
      ["Licence", now.licence || "Not stated"],
      ["Size", `${size(now.size_bytes)}, ${now.sample_rate / 1000} kHz`],
      now.identities.length > 1 && ["Voices", count(now.identities.length, "voice")],
    ];
    facts.replaceChildren(
      ...rows
        .filter((row) => row !== false)
        .map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
    );
  };
  return { element, update };
}

/** The range on the keys of a piano. @param {{low_midi: number, high_midi: number}} range */
function strip({ low_midi: low, high_midi: high }) {
  const all = HIGHEST - LOWEST;
  const at = (/** @type {number} */ midi) => Math.max(0, Math.min(100, (100 * (midi - LOWEST)) / all));
  const ticks = Array.from({ length: 8 }, (_, octave) =>
    s("rect", { class: "tick", x: at(24 + 12 * octave), y: 0, width: 0.3, height: 10 }),
  );
  const bar = s("rect", {
    class: "covered",
    x: at(low),
    y: 2,
    width: Math.max(1, at(high) - at(low)),
    height: 6,
  });
  return [
    s("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, ...ticks, bar),
  ];
}

/**
 * The address of an instrument's sound; it is made at the first call.
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function sound(id, signal) {
  const address = `/api/instruments/${id}/sound`;
  const answer = await request("GET", address, undefined, signal);
  if (answer.status === 202) await finished((await answer.json()).job, undefined, signal);
  return address;
}
