// Sound of the page: one context, and one thing that sounds at a time.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { request } from "./api.js";
import { announce } from "./tell.js";

/** @type {AudioContext | undefined} */
let shared;
/** @type {(() => void) | null} Ends what sounds now. */
let endCurrent = null;

/** The context of the page; call it while a click or a key is handled. */
export function audioContext() {
  shared ??= new AudioContext();
  if (shared.state === "suspended") void shared.resume();
  return shared;
}

/**
 * Let whatever sounds end, because this begins.
 * @param {() => void} end Ends this when another one begins.
 */
export function begins(end) {
  if (endCurrent && endCurrent !== end) endCurrent();
  endCurrent = end;
}

/** This ended by itself. @param {() => void} end */
export function ended(end) {
  if (endCurrent === end) endCurrent = null;
}

/** End whatever sounds. */
export function silence() {
  endCurrent?.();
  endCurrent = null;
}

/** What decodes needs no permission to sound. */
const decoder = new OfflineAudioContext(1, 1, 48000);

/**
 * Fetch a sound and decode it.
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<AudioBuffer>}
 */
export async function decoded(address, signal) {
  const content = await (await request("GET", address, undefined, signal)).arrayBuffer();
  try {
    return await decoder.decodeAudioData(content);
  } catch {
    throw new Error("The browser could not decode this sound.");
  }
}

/**
 * A button that plays a sound, from one instant to another, and stops it.
 * @param {object} options
 * @param {string} options.label What is played, after the word "Play".
 * @param {() => string | Promise<string>} options.source Its address; asked for at the first play.
 * @param {() => [number, number | null]} [options.span] From where to where, in seconds.
 * @param {(seconds: number | null) => void} [options.ontime] Where it plays; null when it ended.
 * @param {(error: unknown) => void} options.onerror
 * @param {string} [options.look] Classes.
 * @returns {HTMLButtonElement & {stop: () => void}}
 */
export function playButton({
  label,
  source,
  span = () => [0, null],
  ontime = () => {},
  onerror,
  look = "round",
}) {
  /** @type {HTMLAudioElement | null} */
  let audio = null;
  let isOn = false;
  let nStarted = 0;
  const show = (/** @type {boolean} */ on, busy = false) => {
    isOn = on;
    button.classList.toggle("busy", busy);
    button.replaceChildren(icon(on ? "pause" : "go"));
    button.setAttribute("aria-label", `${on ? "Stop" : "Play"} ${label}`);
  };
  const stop = () => {
    nStarted++;
    audio?.pause();
    if (isOn) ontime(null);
    show(false);
    ended(stop);
  };
  const start = async () => {
    const mine = ++nStarted;
    begins(stop);
    show(true, true);
    try {
      if (!audio) {
        const address = await source();
        if (mine !== nStarted) return;
        audio = new Audio(address);
        audio.onended = stop;
      }
      const [from, to] = span();
      audio.currentTime = from;
      await audio.play();
      if (mine !== nStarted) return;
      show(true);
      const follow = () => {
        if (mine !== nStarted || !audio) return;
        if (to !== null && audio.currentTime >= to) return stop();
        ontime(audio.currentTime);
        requestAnimationFrame(follow);
      };
      follow();
    } catch (error) {
      if (mine !== nStarted) return;
      audio = null;
      stop();
      const isOurs = error instanceof Error && !(error instanceof DOMException);
      onerror(isOurs ? error : new Error("The sound could not be played; try again."));
    }
  };
  const button = h(`button.${look}`, { type: "button", onclick: () => (isOn ? stop() : void start()) });
  show(false);
  return Object.assign(button, { stop });
}

/** A link that saves a file, as a button. @param {string} address @param {string} label */
export function download(address, label) {
  return h(
    "a.button",
    { href: address, download: "", onclick: () => announce("The file is being saved.") },
    icon("download"),
    label,
  );
}
