// One take: its verdict, a player, its waveform with the trim, and whether it is used.

import { ask } from "./api.js";
import { h } from "./dom.js";
import { removeButton } from "./parts.js";
import { playButton } from "./sound.js";
import { problem } from "./tell.js";
import { trimmer } from "./trim.js";
import { duration, sentence } from "./words.js";

/** The word that a verdict begins with, and its look. */
const VERDICTS = /** @type {Record<string, string>} */ ({
  Good: "good",
  Usable: "middling",
  "Left out": "bad",
});

/**
 * @param {any} take
 * @param {() => Promise<unknown>} refresh Of the list.
 * @param {AbortSignal} signal
 */
export function takeRow(take, refresh, signal) {
  const said = problem();
  const address = `/api/takes/${take.id}`;
  const change = (/** @type {object} */ what) =>
    said.during(async () => {
      await ask("PATCH", address, what);
      await refresh();
    });
  const name = h("h3", {});
  const badge = h("span.badge", {});
  const words = h("p.words", {});
  const reasons = h("ul.reasons", {});
  const wave = h("div.wave", {});
  /** @type {ReturnType<typeof trimmer> | null} */
  let trim = null;
  const play = playButton({
    label: take.name,
    source: () => `${address}/audio`,
    span: () => trim?.span() ?? [0, null],
    ontime: (at) => trim?.follow(at),
    onerror: said.show,
  });
  const use = h("input", { type: "checkbox", onchange: () => void change({ left_out: !use.checked }) });
  const useLabel = h("label.check", {}, use, "Use this take");
  const remove = removeButton({ address, name: take.name, refresh, said, before: play.stop });
  const element = h(
    "li.take",
    {},
    h("div.take-top", {}, play, h("div.take-name", {}, name, words), badge),
    wave,
    reasons,
    h("div.take-bottom", {}, useLabel, remove),
    said.element,
  );

  /** @param {any} now */
  const update = (now) => {
    name.textContent = now.name;
    const isChecking = now.state === "checking";
    const [, verdict, rest] = /^([^:]+): (.+)$/.exec(now.words ?? "") ?? [];
    const isKnown = verdict in VERDICTS;
    badge.textContent = isChecking
      ? "Checking …"
      : isKnown
        ? verdict
        : now.state === "rejected"
          ? "Left out"
          : "No pitch";
    badge.className = `badge ${isChecking ? "waiting" : (VERDICTS[verdict] ?? "bad")}`;
    words.textContent = isChecking
      ? "Being measured."
      : isKnown
        ? sentence(rest)
        : now.words || duration(now.seconds);
    // Where the sentence has the reason already, it is not said again.
    const further = (now.reasons ?? []).filter(
      (/** @type {string} */ reason) =>
        !words.textContent.toLowerCase().includes(reason.toLowerCase().replace(/\.$/, "")),
    );
    reasons.replaceChildren(...further.map((/** @type {string} */ reason) => h("li", {}, sentence(reason))));
    reasons.hidden = !further.length;
    const isUsable = now.state === "ready";
    // While a trim is checked anew, nothing that has the focus goes away.
    const isFirst = isChecking && !trim;
    useLabel.hidden = isFirst || now.state === "rejected";
    use.checked = !now.left_out;
    // It keeps its place, so that nothing moves when the sound is there.
    play.style.visibility = now.peaks?.length ? "visible" : "hidden";
    name.title = now.name;
    element.classList.toggle("left-out", Boolean(now.left_out) || now.state === "rejected");
    if (!isUsable || trim || !now.peaks?.length) return;
    trim = trimmer({
      label: now.name,
      seconds: now.seconds,
      peaks: now.peaks,
      trim: now.trim,
      onchange: (to) => void change({ trim: to }),
      signal,
    });
    wave.replaceChildren(trim.element);
  };
  return { element, update };
}
