// What a page asks: sliders from 0 to 100 (MUSHRA), five points (MOS), or which sound X is (ABX).

/** @typedef {{ ratings: Record<string, number>, answer?: string }} Given What was answered so far. */
/** @typedef {{ element: HTMLElement, sounds: Record<string, string>, missing: (given: Given) => string }} Question
 *  Its parts; the name of each sound by its label; what is not answered yet, as a sentence. */

const WORDS = ["Bad", "Poor", "Fair", "Good", "Excellent"];

/**
 * An element with its properties, attributes (with a hyphen, or of ARIA) and children.
 * @param {string} tag @param {Record<string, any>} [given] @param {...(Node | string)} children @returns {any}
 */
function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given))
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else /** @type {any} */ (element)[name] = value;
  element.append(...children);
  return element;
}

/** @param {number} rating From 0 to 100. */
const wordOf = (rating) => WORDS[Math.min(4, Math.floor(rating / 20))];

/**
 * A button that plays a sound; the page listens for its click.
 * @param {string} label @param {string} text @param {string} key
 */
function playButton(label, text, key) {
  return make("button", { type: "button", className: "play", "data-plays": label, "data-key": key, "aria-pressed": "false" }, text);
}

/** @type {Record<string, (planned: Planned, given: Given, save: () => void) => Question>} */
const QUESTIONS = {
  mushra(planned, given, save) {
    const rows = planned.order.map((name, i) => {
      const letter = String.fromCharCode(65 + i);
      const slider = make("input", { type: "range", min: 0, max: 100, step: 1, id: `rating-${i}`, "aria-label": `Quality of sound ${letter}` });
      const value = make("span", { className: "value", "aria-hidden": "true" });
      const row = make("div", { className: "row" }, playButton(name, `Play ${letter}`, i < 9 ? String(i + 1) : ""), slider, value);
      const show = () => {
        const isRated = name in given.ratings;
        row.classList.toggle("unrated", !isRated);
        value.textContent = isRated ? slider.value : "–";
        slider.setAttribute("aria-valuetext", isRated ? `${slider.value}, ${wordOf(Number(slider.value))}` : "not rated yet");
      };
      const rate = () => {
        given.ratings[name] = Number(slider.value);
        show();
        save();
      };
      slider.value = String(given.ratings[name] ?? 0);
      slider.addEventListener("input", rate);
      // A slider that is left where it stood is an answer as well, once it was taken hold of.
      slider.addEventListener("pointerup", rate);
      slider.addEventListener("keyup", (/** @type {KeyboardEvent} */ { key }) => ["Home", "End", "Enter"].includes(key) && rate());
      show();
      return row;
    });
    const words = make("div", { className: "words", "aria-hidden": "true" }, ...WORDS.map((word) => make("span", {}, word)));
    const reference = make("div", { className: "row reference" }, playButton("reference", "Play the reference", "0"));
    const element = make(
      "fieldset",
      {},
      make("legend", {}, "Rate the quality of each sound against the reference"),
      make("p", { className: "note" }, "From 0 to 100. One of the sounds is the reference itself: give 100 to at least one."),
      reference,
      words,
      ...rows,
    );
    return {
      element,
      sounds: Object.fromEntries([["reference", planned.reference], ...planned.order.map((name) => [name, name])]),
      missing({ ratings }) {
        const open = planned.order.flatMap((name, i) => (name in ratings ? [] : [String.fromCharCode(65 + i)]));
        if (open.length) return `Rate ${open.length > 1 ? "sounds" : "sound"} ${open.join(", ")} as well.`;
        return Object.values(ratings).includes(100) ? "" : "Give 100 to at least one sound: one of them is the reference.";
      },
    };
  },

  mos(planned, given, save) {
    const [name] = planned.order;
    const points = WORDS.map((word, i) => {
      const input = make("input", { type: "radio", name: "rating", value: i + 1, checked: given.ratings[name] === i + 1, "data-key": String(i + 1) });
      input.addEventListener("change", () => {
        given.ratings[name] = i + 1;
        save();
      });
      return make("label", { className: "point" }, input, make("span", {}, `${i + 1} ${word}`));
    });
    const element = make(
      "fieldset",
      {},
      make("legend", {}, "How good is the quality of this sound?"),
      make("div", { className: "row reference" }, playButton(name, "Play the sound", "0")),
      make("div", { className: "points" }, ...points.reverse()),
    );
    return { element, sounds: { [name]: name }, missing: ({ ratings }) => (name in ratings ? "" : "Choose one of the five points.") };
  },

  abx(planned, given, save) {
    const choices = planned.order.map((name, i) => {
      const letter = "AB"[i];
      const input = make("input", { type: "radio", name: "answer", checked: given.answer === name, "data-key": String(i + 1) });
      input.addEventListener("change", () => {
        given.answer = name;
        save();
      });
      return make("label", { className: "point" }, input, make("span", {}, `X is ${letter}`));
    });
    const element = make(
      "fieldset",
      {},
      make("legend", {}, "Is X the same sound as A, or as B?"),
      make(
        "div",
        { className: "row reference" },
        ...["A", "B", "X"].map((letter) => playButton(letter.toLowerCase(), `Play ${letter}`, letter.toLowerCase())),
      ),
      make("div", { className: "points" }, ...choices),
    );
    const [a, b] = planned.order;
    return {
      element,
      sounds: { a, b, x: String(planned.x) },
      missing: ({ answer }) => (answer ? "" : "Choose whether X is A or B; guess if you don't know."),
    };
  },
};
