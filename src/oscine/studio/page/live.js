// Live: an instrument on the browser's audio thread, played by notes or by a voice.

import { get, request } from "./api.js";
import { h, field } from "./dom.js";
import { icon } from "./icons.js";
import { latencyMeter } from "./latency.js";
import { empty, head, instrumentSelect, progress, shown } from "./parts.js";
import { problem } from "./tell.js";

const ELEMENT = "./instrument/oscine-instrument.js";

/** @param {import("./app.js").Place} place @returns {Promise<import("./app.js").Screen>} */
export async function live({ id, signal, go }) {
  const all = await get("/api/instruments", signal);
  const can = all.filter((/** @type {any} */ one) => one.can_export.includes("web"));
  const lead = "Play an instrument in this page: with the keys, with a MIDI keyboard, or with your voice.";
  if (!can.length)
    return {
      title: "Live",
      element: h(
        "div",
        {},
        head("Live", lead),
        empty(
          "No instrument can be played live",
          "Learn one first.",
          h("a.button.primary", { href: "/record" }, "Record"),
        ),
      ),
    };
  const chosen = id ? await get(`/api/instruments/${id}`, signal) : can[0];
  const choice = instrumentSelect(can, chosen.id);
  choice.addEventListener("change", () => go(`/live/${choice.value}`));
  const said = problem();
  const place = h("div.stage", {});
  const screen = {
    title: id ? `${chosen.name} live` : "Live",
    element: h(
      "div",
      {},
      head("Live", lead),
      h(
        "div.row.top",
        {},
        field("Instrument", choice),
        h("a.button", { href: `/play?instrument=${chosen.id}` }, icon("play"), "Play a recording with it"),
      ),
      said.element,
      place,
      latencyMeter(signal),
    ),
  };
  if (!can.some((/** @type {any} */ one) => one.id === chosen.id)) {
    said.show(new Error(`${chosen.name} cannot be played in a browser; choose another instrument.`));
    return screen;
  }
  const bar = progress("Preparing");
  place.append(bar.element);
  void said.during(async () => {
    const address = `/api/instruments/${chosen.id}/live/instrument.oscine`;
    const [answer] = await Promise.all([request("GET", address, undefined, signal), import(ELEMENT)]);
    if (answer.status === 202) await shown((await answer.json()).job, bar, signal);
    if (signal.aborted) return;
    const instrument = document.createElement("oscine-instrument");
    instrument.setAttribute("page-keys", "");
    instrument.setAttribute("src", address);
    place.replaceChildren(instrument);
  });
  return screen;
}
