// The server: questions and answers, what it tells by itself, and whether it is there.

/** What happens: `job` and `thing` (detail: what the server sent), `lost`, `back`. */
export const bus = new EventTarget();

const LOST = "The server does not answer. Nothing is lost: try again when it is back.";
const RETRY_MS = 2000;
const FIRST_RETRY_MS = 500;

/** An answer that is not what was asked for; its message is a sentence for the page. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {number} status 0 when there was no answer.
   * @param {boolean} isForNow Whether the server says that it may be asked again.
   */
  constructor(message, status, isForNow = false) {
    super(message);
    this.status = status;
    this.isForNow = isForNow;
  }
}

let isLost = false;
/** @type {EventSource | null} */
let stream = null;

/** The server was not reached: say so, and look for it. */
function lost() {
  if (isLost) return;
  isLost = true;
  bus.dispatchEvent(new Event("lost"));
  setTimeout(look, FIRST_RETRY_MS);
}

async function look() {
  try {
    const answer = await fetch("/api/health");
    if (answer.status === 502 || answer.status === 504) throw new Error();
  } catch {
    setTimeout(look, RETRY_MS);
    return;
  }
  isLost = false;
  listen();
  bus.dispatchEvent(new Event("back"));
}

/**
 * @param {string} method
 * @param {string} path
 * @param {FormData | object} [body] A form, or a value that becomes JSON.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
export async function request(method, path, body, signal) {
  const isForm = body instanceof FormData;
  const headers = body && !isForm ? { "Content-Type": "application/json" } : undefined;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      signal,
      body: isForm ? body : body && JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    lost();
    throw new Refused(LOST, 0);
  }
  if (!answer.ok) throw new Refused(await reason(answer), answer.status, answer.headers.has("Retry-After"));
  return answer;
}

/** The server's sentence. @param {Response} answer */
async function reason(answer) {
  try {
    const { error } = await answer.json();
    if (typeof error === "string" && error) return error;
  } catch {
    // An answer without JSON has no sentence of its own.
  }
  return `The server answered ${answer.status}; try again, or look at its terminal.`;
}

/**
 * Ask, and return the JSON of the answer.
 * @param {string} method
 * @param {string} path
 * @param {FormData | object} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body, signal) {
  const answer = await request(method, path, body, signal);
  if (answer.status === 204) return null;
  try {
    return await answer.json();
  } catch (error) {
    // The server ended in the middle of its answer.
    if (signal?.aborted) throw error;
    lost();
    throw new Refused(LOST, 0);
  }
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => ask("GET", path, undefined, signal);

/** A form with one file. @param {Blob} file @param {string} name */
export function form(file, name) {
  const made = new FormData();
  made.append("file", file, name);
  return made;
}

const EVENTS = "oscine events";
const others = new BroadcastChannel(EVENTS);
others.onmessage = ({ data: { kind, detail } }) => bus.dispatchEvent(new CustomEvent(kind, { detail }));
/** @type {"no" | "waits" | "listens"} */
let listening = "no";

/**
 * Listen to what the server tells. One page of a browser does, and tells the others: a browser has six
 * connections to a server, and each page that listened would keep one.
 */
export function listen() {
  if (listening === "listens" || !navigator.locks) return open();
  if (listening === "waits") return;
  listening = "waits";
  void navigator.locks.request(EVENTS, () => {
    listening = "listens";
    open();
    return new Promise(() => {}); // until the page is closed
  });
}

function open() {
  stream?.close();
  const opened = new EventSource("/api/events");
  stream = opened;
  for (const kind of ["job", "thing"])
    opened.addEventListener(kind, ({ data }) => {
      const detail = JSON.parse(data);
      bus.dispatchEvent(new CustomEvent(kind, { detail }));
      others.postMessage({ kind, detail });
    });
  opened.onerror = () => void get("/api/health").catch(() => {});
}

document.addEventListener("visibilitychange", () => document.hidden || bus.dispatchEvent(new Event("seen")));

const isStreaming = () => stream?.readyState === EventSource.OPEN;

/**
 * Keep something up to date until the signal: at once, when the server tells of a change, when it is back,
 * and every two seconds where it cannot tell.
 * @param {AbortSignal} signal
 * @param {() => Promise<unknown>} refresh
 * @param {(error: Error) => void} [complain] Gets what the server refused.
 */
export function watch(signal, refresh, complain = () => {}) {
  let isBusy = false;
  let isAsked = false;
  const now = async () => {
    isAsked = true;
    if (isBusy || signal.aborted) return;
    isBusy = true;
    try {
      while (isAsked && !signal.aborted) {
        isAsked = false;
        try {
          await refresh();
        } catch (error) {
          if (error instanceof Refused && error.status !== 0 && !signal.aborted) complain(error);
          else if (!(error instanceof Refused) && !signal.aborted) throw error;
        }
      }
    } finally {
      isBusy = false;
    }
  };
  for (const kind of ["job", "thing", "back", "seen"]) bus.addEventListener(kind, now, { signal });
  const timer = setInterval(() => isStreaming() || isLost || void now(), RETRY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return now();
}

/**
 * Wait for a job.
 * @param {{id: string}} job
 * @param {(job: any) => void} [onchange]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} The job when it is done; rejects with its sentence when it failed.
 */
export function finished(job, onchange = () => {}, signal = undefined) {
  const done = new AbortController();
  const stop = () => done.abort();
  signal?.addEventListener("abort", stop);
  return new Promise((resolve, reject) => {
    const refresh = async () => {
      const now = await get(`/api/jobs/${job.id}`, done.signal);
      onchange(now);
      if (now.state === "done") resolve(now);
      else if (now.state === "failed") reject(new Refused(now.error ?? "It could not be done.", 500));
      else if (now.state === "cancelled") reject(new Refused("It was cancelled.", 499));
      else return;
      stop();
    };
    void watch(done.signal, refresh, (error) => (reject(error), stop()));
    signal?.addEventListener("abort", () => reject(new DOMException("The screen was left.", "AbortError")));
  });
}
