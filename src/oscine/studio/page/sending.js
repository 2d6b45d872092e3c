// Files on their way to the server: one after the other, also after their screen was left.

import { ask, bus, form, get } from "./api.js";
import { h } from "./dom.js";
import { announce, once, problem } from "./tell.js";
import { count } from "./words.js";

const AGAIN_MS = 1500;
const MOST_TRIES = 3;
const MOST_WORDS = 5;

/** As the server counts them. @param {number} bytes */
const megabytes = (bytes) => `${Math.round(bytes / 2 ** 20)} MB`;

/** What is sent to an address; it outlives the screen. */
class Sending extends EventTarget {
  /** @param {string} address */
  constructor(address) {
    super();
    this.address = address;
    /** @type {any} */
    this.about = null;
    /** @type {File[]} */
    this.waiting = [];
    /** @type {File[]} Which the server has not taken, and may take later. */
    this.refused = [];
    /** @type {string[]} What was wrong, a sentence for each file. */
    this.wrong = [];
    /** @type {File[]} Of a folder: which are no recordings by their names. */
    this.others = [];
    this.nSent = 0;
    this.now = "";
    this.isRunning = false;
  }

  /** @param {File[]} files */
  async add(files) {
    if (!this.isRunning) {
      this.nSent = 0;
      for (const list of [this.wrong, this.refused, this.others]) list.length = 0;
    }
    await this.learn().catch(() => {}); // the server is asked again before a file is sent
    /** @type {string[]} */
    const endings = this.about?.formats.endings ?? [""];
    const isRecording = (/** @type {File} */ { name, type }) =>
      /^(audio|video)\//.test(type) || endings.some((one) => name.toLowerCase().endsWith(one));
    // One file that was chosen is judged by the server, whatever its name.
    for (const file of files)
      (files.length === 1 || isRecording(file) ? this.waiting : this.others).push(file);
    if (this.isRunning) return this.tell();
    this.isRunning = true;
    announce(`Sending ${count(this.waiting.length, "file")}.`);
    try {
      while (this.waiting.length) await this.next();
    } finally {
      this.isRunning = false;
      this.now = "";
      this.tell("end");
    }
  }

  async next() {
    const [file] = this.waiting;
    const nAll = this.nSent + this.wrong.length + this.waiting.length;
    const place = nAll > 1 ? `, ${nAll - this.waiting.length + 1} of ${nAll}` : "";
    for (let nTries = 1; ; nTries++) {
      this.say(`Sending ${file.name}${place} …`);
      try {
        await this.send(file);
        this.nSent++;
        break;
      } catch (error) {
        const { message, status, isForNow } = /** @type {any} */ (error);
        if (isForNow) {
          nTries--;
          this.say(`The studio is still checking what came before. Next: ${file.name}${place}.`);
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        } else if (status === 0 && nTries < MOST_TRIES) {
          this.say(`Waiting for the server. Next: ${file.name}${place}.`);
          await new Promise((resolve) => bus.addEventListener("back", resolve, { once: true }));
        } else {
          this.wrong.push(message.includes(file.name) ? message : `${file.name}: ${message}`);
          if (status === 0 || status === 429 || status === 503) this.refused.push(file);
          break;
        }
      }
    }
    this.waiting.shift();
  }

  /** What the server takes. */
  async learn() {
    return (this.about ??= await get("/api/about"));
  }

  /** @param {File} file */
  async send(file) {
    const { limits } = await this.learn();
    if (file.size > limits.upload_bytes)
      throw new Error(
        `It has ${megabytes(file.size)}, and a file may have ${megabytes(limits.upload_bytes)}. Save it ` +
          "as FLAC or in parts, or start the studio with --max-upload.",
      );
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch {
      throw new Error("It can't be read; it was moved or changed. Choose it again.");
    }
    const made = await ask("POST", this.address, form(file, file.name));
    this.dispatchEvent(new CustomEvent("sent", { detail: made }));
  }

  /** What went wrong has been read when the screen is left; what can be sent again stays. */
  forget() {
    if (this.isRunning || this.refused.length) return;
    for (const list of [this.wrong, this.others]) list.length = 0;
  }

  /** @param {string} text */
  say(text) {
    this.now = text;
    this.tell();
  }

  tell(kind = "change") {
    this.dispatchEvent(new Event(kind));
  }
}

/** @type {Map<string, Sending>} */
const all = new Map();
window.addEventListener("beforeunload", (event) => {
  if ([...all.values()].some(({ isRunning }) => isRunning)) event.preventDefault();
});

/**
 * Send files, and show how far that is and what went wrong.
 * @param {object} options
 * @param {string} options.address Where they go.
 * @param {AbortSignal} options.signal
 * @param {(made: any, nSent: number) => unknown} [options.onend] What the server made of the last one,
 *   where all of them went well.
 */
export function sender({ address, signal, onend = () => {} }) {
  const sending = all.get(address) ?? new Sending(address);
  all.set(address, sending);
  const said = problem();
  const doing = h("span", {});
  const bar = h("progress", { max: "1", "aria-label": "Files that were sent" });
  const progress = h("div.progress", { hidden: true }, doing, bar);
  const passed = h("p.hint", { role: "status", hidden: true });
  const again = once(h("button", { type: "button", hidden: true }, "Send the rest again"), () =>
    sending.add([...sending.refused]),
  );
  /** @type {any} */
  let last = null;
  const show = () => {
    const { isRunning, nSent, wrong, waiting, refused, others, now } = sending;
    const [first, ...rest] = others.map(({ name }) => name);
    passed.hidden = !others.length;
    const more = rest.length ? ` and ${count(rest.length, "other file")}` : "";
    passed.textContent = `Left out, because the name is not that of a recording: ${first}${more}.`;
    progress.hidden = !isRunning;
    if (doing.textContent !== now) doing.textContent = now;
    bar.value = (nSent + wrong.length) / Math.max(1, nSent + wrong.length + waiting.length);
    bar.hidden = nSent + wrong.length + waiting.length < 2;
    again.hidden = isRunning || !refused.length;
    const told = wrong.slice(0, MOST_WORDS).join(" ");
    const words = told + (wrong.length > MOST_WORDS ? ` And ${wrong.length - MOST_WORDS} more.` : "");
    if (!wrong.length) said.clear();
    else if (said.element.textContent !== words) said.show(new Error(words));
  };
  signal.addEventListener("abort", () => sending.forget());
  sending.addEventListener("change", show, { signal });
  sending.addEventListener(
    "sent",
    (event) => (last = /** @type {CustomEvent} */ (event).detail),
    { signal },
  );
  sending.addEventListener(
    "end",
    () => {
      show();
      if (sending.nSent) announce(`${count(sending.nSent, "file")} sent.`);
      if (last && !sending.wrong.length) onend(last, sending.nSent);
    },
    { signal },
  );
  show();
  return {
    element: h("div.stack", {}, progress, passed, said.element, again),
    /** @param {File[]} files */
    send: (files) => void sending.add(files).catch(said.show),
  };
}
