// Play: hums and melodies, dropped or recorded, which an instrument then plays.

import { ask, form, get, watch } from "./api.js";
import { h, keyed } from "./dom.js";
import { dropPlace } from "./drop.js";
import { empty, head, removeButton } from "./parts.js";
import { performance } from "./performance.js";
import { recorder } from "./recorder.js";
import { AUDIO } from "./record.js";
import { problem } from "./tell.js";
import { duration } from "./words.js";

/** @param {import("./app.js").Place} place @returns {Promise<import("./app.js").Screen>} */
export const play = (place) => (place.id ? performance(place) : performances(place));

/** @param {import("./app.js").Place} place */
async function performances({ query, signal, go }) {
  const said = problem();
  const asked = query.get("instrument");
  const behind = asked ? `?instrument=${encodeURIComponent(asked)}` : "";
  const list = h("ul.cards", {});
  const none = empty(
    "Nothing to play yet",
    "Hum a melody, sing it, or drop a recording of one. Then correct its pitch, and let an " +
      "instrument play it.",
  );
  const show = keyed(list, (one) => card(one, behind, refresh));
  const sending = h("p.progress", { role: "status", hidden: true }, "Sending …");
  const refresh = async () => {
    const all = await get("/api/performances", signal);
    show(all);
    none.hidden = all.length > 0;
  };
  const send = async (/** @type {Blob} */ file, /** @type {string} */ name) => {
    sending.hidden = false;
    try {
      return await ask("POST", "/api/performances", form(file, name));
    } finally {
      sending.hidden = true;
    }
  };
  const take = (/** @type {File[]} */ files) =>
    said.during(async () => {
      let made;
      for (const file of files) made = await send(file, file.name);
      if (files.length === 1 && !signal.aborted) go(`/play/${made.id}${behind}`);
      else await refresh();
    });
  await refresh();
  void watch(signal, refresh, said.show);
  const microphone = recorder({
    signal,
    place: "play",
    what: "melody",
    ontake: async (file) => {
      const now = new Date()
        .toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })
        .replace(":", ".");
      const made = await send(file, `Melody ${now}.wav`);
      if (!signal.aborted) go(`/play/${made.id}${behind}`);
    },
  });
  const element = h(
    "div",
    {},
    head("Play", "A melody that you hum becomes a melody of an instrument."),
    h(
      "section.panel",
      { "aria-label": "New melody" },
      h(
        "div.two.even",
        {},
        microphone.element,
        dropPlace("Or drop a hum, a voice or any melody of single notes here.", AUDIO, take),
      ),
      sending,
      said.element,
    ),
    h("section", { "aria-label": "Melodies" }, h("h2.section", {}, "Melodies"), none, list),
  );
  return { element, title: "Play" };
}

/** @param {any} one @param {string} behind @param {() => Promise<void>} refresh */
function card(one, behind, refresh) {
  const said = problem();
  const words = h("p.words", {});
  const element = h(
    "li.card.small",
    {},
    h(
      "div.card-top",
      {},
      h("h3", {}, h("a.stretched", { href: `/play/${one.id}${behind}` }, one.name)),
      removeButton({ address: `/api/performances/${one.id}`, name: one.name, refresh, said }),
    ),
    words,
    said.element,
  );
  const update = (/** @type {any} */ now) =>
    (words.textContent =
      now.state === "failed"
        ? (now.error ?? "This sound can't be used.")
        : now.state === "ready"
          ? duration(now.seconds)
          : "Pitch and loudness are being measured …");
  return { element, update };
}
