// The test from the first page to the last. What was answered is kept in the browser, so a reload loses nothing.

/** @typedef {Given & { plays: Record<string, number>, seconds: number }} Answered */
/** @typedef {{ listener: string, seed: number, device: string, started: string, finished: string, at: number, training: number, training_seconds: number, reloads: number, answers: Answered[] }} State
 *  `at` is the page of the test, from 0; -1 is before it. `training` counts the pages of the training that are done. */

const place = `oscine-listening-${TEST.test}`;
const root = /** @type {HTMLElement} */ (document.getElementById("page"));
let keeps = true;
let state = restored();
let planned = planTest(TEST, state.seed);
let trained = planTraining(TEST, state.seed);
/** @type {number | undefined} */
let ticking;
const player = new Player(TEST.sample_rate, showPlaying);

/** @returns {State} */
function fresh() {
  const [seed, a, b] = crypto.getRandomValues(new Uint32Array(3));
  const listener = [a, b].map((one) => one.toString(16).padStart(8, "0")).join("");
  return { listener, seed, device: "unknown", started: "", finished: "", at: -1, training: 0, training_seconds: 0, reloads: 0, answers: [] };
}

function restored() {
  try {
    const text = localStorage.getItem(place);
    if (!text) return fresh();
    const found = /** @type {State} */ (JSON.parse(text));
    if (found.started && !found.finished) found.reloads++;
    return found;
  } catch {
    keeps = false;
    return fresh();
  }
}

function save() {
  try {
    localStorage.setItem(place, JSON.stringify(state));
  } catch {
    keeps = false;
  }
}

/** Show a page and move the focus to it, so that a screen reader begins there. @param {...(Node | string)} children */
function show(...children) {
  clearInterval(ticking);
  root.replaceChildren(...children);
  root.focus();
  scrollTo(0, 0);
}

function showNext() {
  if (state.finished) showEnd();
  else if (!state.started) showStart();
  else showTrial();
}

const HOW = {
  mushra: "You hear a reference and several versions of it, and rate how good each version is.",
  mos: "You hear one sound at a time, and rate how good it is.",
  abx: "You hear the sounds A and B, and X, which is one of them. You say which one.",
};

function showStart() {
  const code = make("input", { id: "code", maxLength: 40, pattern: "[\\w. \\-]*", autocomplete: "off", "aria-describedby": "code-note" });
  code.value = new URLSearchParams(location.search).get("listener")?.slice(0, 40) ?? "";
  const device = make("select", { id: "device" }, ...["headphones", "loudspeakers"].map((one) => make("option", { value: one }, one)));
  const said = make("p", { role: "status", className: "said" });
  const begin = make("button", { type: "button", id: "begin", className: "main" }, "Begin");
  begin.addEventListener("click", () => {
    const given = code.value.trim();
    if (given && !/^[\w. -]{1,40}$/.test(given)) {
      said.textContent = "The code may have letters, digits, dots, hyphens and spaces.";
      code.focus();
      return;
    }
    Object.assign(state, { listener: given || state.listener, device: device.value, started: new Date().toISOString() });
    save();
    showNext();
  });
  show(
    make("h1", {}, TEST.title),
    make("p", {}, HOW[TEST.method], " Listen in a quiet place, with headphones if you can. Set the volume during the training, and leave it then."),
    make("p", {}, `There ${trained.length > 1 ? `are ${trained.length} pages` : "is one page"} of training and ${planned.length} of the test. Your answers stay in this browser until you have finished; then you save them as a file.`),
    ...(keeps ? [] : [make("p", { className: "warning" }, "This browser keeps nothing for this page: do not reload it before the end.")]),
    make("p", { className: "field" }, make("label", { for: "code" }, "Your code"), code, make("span", { id: "code-note", className: "note" }, "Leave it empty if you were given none.")),
    make("p", { className: "field" }, make("label", { for: "device" }, "You listen by"), device),
    said,
    make("p", {}, begin),
  );
}

/** The loop's ends as sliders. */
function loopControls() {
  const [from, to] = ["from", "to"].map((end) =>
    make("input", { type: "range", id: `loop-${end}`, min: 0, max: player.duration, step: 0.01, value: end === "to" ? player.duration : 0, "aria-label": `Loop ${end}` }),
  );
  const where = make("i");
  const values = make("span", { className: "value", "aria-hidden": "true" });
  const least = Math.min(0.2, player.duration);
  /** @param {HTMLInputElement} moved */
  const change = (moved) => {
    if (moved === from) from.value = String(Math.min(Number(from.value), player.duration - least));
    else to.value = String(Math.max(Number(to.value), least));
    if (Number(to.value) - Number(from.value) < least)
      (moved === from ? to : from).value = String(moved === from ? Number(from.value) + least : Number(to.value) - least);
    player.loop(Number(from.value), Number(to.value) > player.duration - 0.011 ? player.duration : Number(to.value));
    tell();
  };
  const tell = () => {
    for (const one of [from, to]) one.setAttribute("aria-valuetext", `${Number(one.value).toFixed(1)} seconds`);
    values.textContent = `${player.from.toFixed(1)} to ${player.to.toFixed(1)} s`;
  };
  from.addEventListener("input", () => change(from));
  to.addEventListener("input", () => change(to));
  tell();
  ticking = setInterval(() => (where.style.transform = `translateX(${(100 * player.position) / player.duration}%)`), 50);
  return make("div", { className: "loop", role: "group", "aria-label": "Passage to loop" },
    make("div", { className: "where", "aria-hidden": "true" }, where),
    make("div", { className: "ends" }, make("span", { "aria-hidden": "true" }, "Loop from"), from, make("span", { "aria-hidden": "true" }, "to"), to, values));
}

function showTrial() {
  const isTraining = state.at < 0;
  const number = isTraining ? state.training : state.at;
  const pages = isTraining ? trained : planned;
  const page = pages[number];
  /** @type {Answered} */
  const given = isTraining ? { ratings: {}, plays: {}, seconds: 0 } : (state.answers[number] ??= { ratings: {}, plays: {}, seconds: 0 });
  const answered = () => {
    said.textContent = "";
    save();
  };
  const question = QUESTIONS[TEST.method](page, given, answered);
  const labels = Object.keys(question.sounds);
  const title = isTraining ? `Training${pages.length > 1 ? `, page ${number + 1} of ${pages.length}` : ""}` : `Page ${number + 1} of ${pages.length}`;
  const said = make("p", { role: "status", className: "said", id: "said" }, "The sounds are being loaded.");
  const stop = make("button", { type: "button", id: "stop", "data-key": " " }, "Stop");
  const next = make("button", { type: "button", id: "next", className: "main", disabled: true }, isTraining && number + 1 === pages.length ? "Start the test" : "Next");
  const transport = make("div", { className: "transport" }, stop);
  show(
    make("h1", {}, title),
    ...(isTraining ? [make("p", {}, "Get to know the sounds and the page, and set the volume. Answers given here do not count.")] : []),
    make("progress", { max: pages.length, value: number, "aria-label": "Progress" }),
    question.element,
    transport,
    said,
    make("p", {}, next),
    shortcuts(),
  );
  const buttons = /** @type {HTMLButtonElement[]} */ ([...root.querySelectorAll("[data-plays]")]);
  for (const button of buttons) {
    const label = String(button.dataset.plays);
    button.disabled = true;
    button.addEventListener("click", () => {
      given.plays[label] = (given.plays[label] ?? 0) + 1;
      answered();
      player.hear(label).catch((error) => (said.textContent = `The browser gives no sound (${error.message}).`));
    });
  }
  stop.addEventListener("click", () => player.stop());
  let since = performance.now();
  const count = () => {
    const now = performance.now();
    if (document.visibilityState === "visible") {
      if (isTraining) state.training_seconds += (now - since) / 1000;
      else given.seconds += (now - since) / 1000;
    }
    since = now;
  };
  next.addEventListener("click", () => {
    const unheard = labels.filter((label) => !given.plays[label]);
    const problem = unheard.length ? "Listen to every sound first." : question.missing(given);
    if (problem && !(isTraining && !unheard.length)) {
      said.textContent = problem;
      if (unheard.length) buttons.find((one) => one.dataset.plays === unheard[0])?.focus();
      return;
    }
    count();
    player.stop();
    if (isTraining) state.training++;
    else state.at++;
    if (isTraining && state.training === trained.length) state.at = 0;
    if (state.at === planned.length) state.finished = new Date().toISOString();
    save();
    showNext();
  });
  player.load(question.sounds).then(
    () => {
      if (!transport.isConnected) return;
      since = performance.now();
      transport.append(loopControls());
      const shown = ticking;
      const counting = setInterval(() => {
        if (shown !== ticking || !transport.isConnected) return clearInterval(counting);
        count();
        save();
      }, 1000);
      for (const one of [...buttons, next]) one.disabled = false;
      said.textContent = "";
      const after = (isTraining ? trained[number + 1] : undefined) ?? planned[state.at + 1] ?? planned[0];
      player.prepare([...Object.values(question.sounds), ...after.order, ...(TEST.method === "mushra" ? [String(after.reference)] : [])]);
    },
    (error) => (said.textContent = error.message),
  );
}

/** Keys for buttons; they can be switched off, since a single key can be in the way of what reads a screen. */
let hasKeys = true;
function shortcuts() {
  const box = make("input", { type: "checkbox", id: "keys", checked: hasKeys });
  box.addEventListener("change", () => (hasKeys = box.checked));
  const keys = { mushra: "0 plays the reference, 1 to 9 the sounds A to I", mos: "0 plays the sound, 1 to 5 rate it", abx: "A, B and X play, 1 and 2 answer" };
  return make("p", { className: "note keys" }, make("label", {}, box, ` Keys: ${keys[TEST.method]}, space stops.`));
}

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (!hasKeys || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  if (target.matches("select, input:not([type=range], [type=radio])")) return;
  if (event.key === " " && target.matches("button, input")) return;
  const button = /** @type {HTMLElement | null} */ (root.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`));
  if (!button) return;
  event.preventDefault();
  button.click();
});

function showPlaying() {
  for (const button of root.querySelectorAll("[data-plays]"))
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.plays === player.current));
}

/** What is sent back. */
function result() {
  return {
    format: "oscine-listening-result",
    version: TEST.version,
    test: TEST.test,
    method: TEST.method,
    listener: state.listener,
    seed: state.seed,
    started: state.started,
    finished: state.finished,
    playback: { device: state.device, sample_rate: player.context?.sampleRate ?? null },
    training_seconds: state.training_seconds,
    reloads: state.reloads,
    trials: planned.map(({ item, order, x }, i) => {
      const { ratings, answer, seconds, plays } = state.answers[i];
      return { item, order, ...(TEST.method === "abx" ? { x, answer } : { ratings }), seconds, plays };
    }),
  };
}

function showEnd() {
  const text = JSON.stringify(result(), null, 1);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const name = `listening-${TEST.test.slice(0, 6)}-${state.listener.replace(/[^\w-]+/g, "_")}.json`;
  const again = make("button", { type: "button", id: "again" }, "Another listener");
  again.addEventListener("click", () => {
    if (!confirm("The answers in this browser will be deleted. Has the file been saved?")) return;
    state = fresh();
    [planned, trained] = [planTest(TEST, state.seed), planTraining(TEST, state.seed)];
    save();
    showNext();
  });
  show(
    make("h1", {}, "Thank you"),
    make("p", {}, "The test is finished. Save your answers as a file. ", TEST.contact),
    make("p", {}, make("a", { href: url, download: name, id: "save", className: "main" }, "Save the answers")),
    make("p", {}, again),
  );
}

showNext();
