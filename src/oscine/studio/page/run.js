// One training: its state, the curve, the quality in words, and each preview beside the recording.

import { ask, get, watch } from "./api.js";
import { compare } from "./compare.js";
import { h, keyed } from "./dom.js";
import { icon } from "./icons.js";
import { learningCurve } from "./learning-curve.js";
import { empty, head } from "./parts.js";
import { focusTitle, once, problem } from "./tell.js";
import { count, duration } from "./words.js";

const STATES = /** @type {Record<string, [string, string]>} */ ({
  queued: ["Waiting", "waiting"],
  preparing: ["Preparing", "waiting"],
  training: ["Learning", "good"],
  measuring: ["Measuring", "waiting"],
  paused: ["Paused", "middling"],
  done: ["Done", "good"],
  failed: ["Failed", "bad"],
});
const QUALITY = ["noise", "usable", "good"];
/** The figures behind the word, in words and with their unit. */
const FIGURES = /** @type {[string, string, (value: number) => string][]} */ ([
  ["pitch_lost", "Pitch lost", (share) => `${(100 * share).toFixed(1)} % of the time`],
  ["pitch_semitones", "Pitch off", (semitones) => count(Math.round(100 * semitones), "cent")],
  ["loudness_db", "Loudness off", (db) => `${db.toFixed(1)} dB`],
  ["bands_db", "Spectrum off", (db) => `${db.toFixed(1)} dB`],
]);
const QUALITY_LABELS = /** @type {Record<string, string>} */ ({
  noise: "Noise",
  usable: "Usable",
  good: "Good",
});

/** @param {any} one @returns {[string, string]} Words, and their look. */
export function stateWords(one) {
  const isGoing = ["queued", "preparing", "training"].includes(one.state);
  if (isGoing && one.asked) return [one.asked === "pause" ? "Pausing …" : "Stopping …", "waiting"];
  return STATES[one.state] ?? [one.state, "waiting"];
}

/** @param {import("./app.js").Place} place @returns {Promise<import("./app.js").Screen>} */
export async function run({ id, signal }) {
  const said = problem();
  const failure = problem();
  const address = `/api/runs/${id}`;
  let now = await get(address, signal);
  const act = (/** @type {string} */ what) => async () => {
    await said.during(async () => {
      await ask("POST", `${address}/${what}`);
      await refresh();
    });
  };
  const pause = once(h("button", { type: "button" }, icon("pause"), "Pause"), act("pause"));
  const resume = once(h("button.primary", { type: "button" }, icon("go"), "Resume"), act("resume"));
  const retry = once(h("button", { type: "button" }, icon("go"), "Try again"), act("resume"));
  const stop = once(h("button", { type: "button" }, icon("stop"), "Stop and keep"), act("stop"));
  const playIt = h("a.button.primary", { hidden: true }, icon("play"), "Play it");
  const badge = h("span.badge", { role: "status" });
  const bar = h("progress", { max: "1", "aria-label": "Progress" });
  const figures = h("dl.facts.wide", {});
  const curve = learningCurve(signal);
  const scale = h(
    "ol.quality",
    { "aria-hidden": "true" },
    QUALITY.map((word) => h("li", { "data-word": word }, QUALITY_LABELS[word])),
  );
  const quality = h("p.report", { role: "status" });
  const behind = h("dl.facts", {});
  const list = h("ul.previews", {});
  const none = empty(
    "No preview yet",
    "Every minute of the training, the instrument plays a bar that it has not learned from, and you " +
      "can compare it with the recording.",
  );
  const show = keyed(list, (one) => previewRow(one, address, signal));

  const refresh = async () => {
    now = await get(address, signal);
    update();
  };
  function update() {
    const [text, look] = stateWords(now);
    if (badge.textContent !== text) badge.textContent = text;
    badge.className = `badge ${look}`;
    const isRunning = now.state === "training" || now.state === "preparing" || now.state === "queued";
    const pressed = [pause, resume, retry, stop].find((one) => one === document.activeElement);
    pause.hidden = !isRunning || Boolean(now.asked);
    resume.hidden = now.state !== "paused";
    retry.hidden = now.state !== "failed";
    stop.hidden = (!isRunning && now.state !== "paused") || now.asked === "stop";
    if (pressed?.hidden) focusTitle();
    playIt.hidden = !now.instrument;
    if (now.instrument) playIt.href = `/play?instrument=${now.instrument}`;
    const share = now.total_steps
      ? now.steps / now.total_steps
      : now.total_minutes
        ? now.minutes / now.total_minutes
        : 0;
    if (["queued", "preparing", "measuring"].includes(now.state)) bar.removeAttribute("value");
    else bar.value = Math.min(1, share);
    bar.hidden = now.state === "done" || now.state === "failed";
    const left = isRunning && Number.isFinite(now.left_s) && now.left_s !== null;
    const rows = [
      [
        "Trained",
        `${duration(60 * now.minutes)}${now.total_minutes ? ` of ${duration(60 * now.total_minutes)}` : ""}`,
      ],
      left && ["Time left", now.left_s < 1 ? "moments" : `about ${duration(now.left_s)}`],
      ["Steps", `${now.steps}${now.total_steps ? ` of ${now.total_steps}` : ""}`],
      now.start_from ? ["Begun from", now.start_name] : ["Recipe", now.recipe],
    ];
    figures.replaceChildren(
      ...rows
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
    curve.update(now.curve);
    for (const step of scale.children) step.classList.toggle("now", step.dataset.word === now.quality?.word);
    const words = now.quality ? now.quality.words : "The quality is measured with the first preview.";
    if (quality.textContent !== words) quality.textContent = words;
    const measured = FIGURES.filter(([name]) => Number.isFinite(now.quality?.figures?.[name]));
    behind.replaceChildren(
      ...measured.map(([name, label, say]) =>
        h("div", {}, h("dt", {}, label), h("dd", {}, say(now.quality.figures[name]))),
      ),
    );
    if (now.error) failure.show(new Error(now.error));
    else failure.clear();
    show([...now.previews].sort((a, b) => b.step - a.step));
    none.hidden = now.previews.length > 0;
  }
  update();
  void watch(signal, refresh, said.show);
  const element = h(
    "div",
    {},
    head(
      now.name,
      h("a.back", { href: "/learn" }, icon("back"), "All trainings"),
      pause,
      resume,
      retry,
      stop,
      playIt,
    ),
    said.element,
    failure.element,
    h("section.panel.state", { "aria-label": "State" }, h("div.state-top", {}, badge, figures), bar),
    h(
      "div.two",
      {},
      h("section.panel", { "aria-label": "Learning curve" }, h("h2", {}, "Learning curve"), curve.element),
      h(
        "section.panel",
        { "aria-label": "Quality" },
        h("h2", {}, "How good is it now?"),
        scale,
        quality,
        behind,
      ),
    ),
    h("section", { "aria-label": "Previews" }, h("h2.section", {}, "Listen"), none, list),
  );
  return { element, title: now.name };
}

/** @param {any} one @param {string} address @param {AbortSignal} signal */
function previewRow(one, address, signal) {
  const title = `After ${one.minute > 0 ? duration(60 * one.minute) : count(one.step, "step")}`;
  const sound = `${address}/previews/${one.id}`;
  const both = compare({
    title: `${title}: instrument and recording`,
    sides: [
      { label: "Recording", source: `${sound}/recording` },
      { label: "Instrument", source: `${sound}/audio` },
    ],
    chosen: 1,
    seconds: one.seconds,
    signal,
  });
  const element = h("li.preview", {}, h("h3", {}, title, h("small", {}, ` step ${one.step}`)), both.element);
  return { element, update: () => {} };
}
