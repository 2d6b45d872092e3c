// Play: hums and melodies, dropped or recorded, which an instrument then plays.

import { ask, form, get, watch } from "./api.js";
import { h, keyed } from "./dom.js";
import { dropPlace } from "./drop.js";
import { empty, head, removeButton } from "./parts.js";
import { performance } from "./performance.js";
import { recorder } from "./recorder.js";
import { AUDIO } from "./record.js";
import { sender } from "./sending.js";
import { problem } from "./tell.js";
import { trash } from "./trash.js";
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
  const refresh = async () => {
    const all = await get("/api/performances", signal);
    show(all.reverse());
    none.hidden = all.length > 0;
  };
  const files = sender({
    address: "/api/performances",
    signal,
    onend: (made, nSent) => nSent === 1 && go(`/play/${made.id}${behind}`),
  });
  const [about] = await Promise.all([get("/api/about", signal), refresh()]);
  void watch(signal, refresh, said.show);
  const microphone = recorder({
    signal,
    place: "play",
    mostBytes: about.limits.upload_bytes,
    what: "melody",
    ontake: async (file) => {
      const now = new Date()
        .toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })
        .replace(":", ".");
      const made = await ask("POST", "/api/performances", form(file, `Melody ${now}.wav`));
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
        dropPlace("Or drop a hum, a voice or any melody of single notes here.", AUDIO, files.send),
      ),
      files.element,
      said.element,
    ),
    h("section", { "aria-label": "Melodies" }, h("h2.section", {}, "Melodies"), none, list),
    trash({ kind: "performance", signal, refresh }),
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
