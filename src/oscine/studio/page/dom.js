// Elements by tag, classes, attributes and children.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @param {Element} element
 * @param {Record<string, any>} attributes Functions listen to events (`onclick`), booleans are properties,
 *   null is left out.
 * @param {(Child | Child[])[]} children
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean" || name === "value") /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, String(value));
  }
  put(element, ...children);
  return element;
}

/** Append children. @param {Element} element @param {...(Child | Child[])} children */
export function put(element, ...children) {
  for (const child of children.flat())
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : String(child));
}

/**
 * @param {string} what Tag and classes, `button.primary`.
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  return filled(element, attributes, children);
}

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

let nIds = 0;
/** An id that nothing else has. */
export const freshId = () => `id-${++nIds}`;

/**
 * A control with its label, and a hint below.
 * @param {string} label
 * @param {HTMLElement} control
 * @param {Child} [hint]
 */
export function field(label, control, hint) {
  control.id ||= freshId();
  const told = hint ? h("p.hint", { id: `${control.id}-hint` }, hint) : null;
  if (told) control.setAttribute("aria-describedby", told.id);
  return h("div.field", {}, h("label", { for: control.id }, label), control, told);
}

/**
 * @param {{value: string, label: string}[]} options
 * @param {Record<string, any>} [attributes]
 * @param {string} [chosen]
 * @returns {HTMLSelectElement}
 */
export function select(options, attributes = {}, chosen = undefined) {
  const element = h(
    "select",
    attributes,
    ...options.map(({ value, label }) => h("option", { value }, label)),
  );
  if (chosen !== undefined && options.some(({ value }) => value === chosen)) element.value = chosen;
  return element;
}

/**
 * Show items in a place and keep their elements between calls, so that focus and what plays stay.
 * @template {{id: string}} T
 * @param {Element} place
 * @param {(item: T) => {element: Element, update: (item: T) => void}} make
 * @returns {(items: T[]) => void}
 */
export function keyed(place, make) {
  /** @type {Map<string, {element: Element, update: (item: T) => void}>} */
  const shown = new Map();
  return (items) => {
    const ids = new Set(items.map(({ id }) => id));
    for (const [id, { element }] of shown) {
      if (ids.has(id)) continue;
      element.remove();
      shown.delete(id);
    }
    items.forEach((item, at) => {
      let one = shown.get(item.id);
      if (!one) shown.set(item.id, (one = make(item)));
      one.update(item);
      if (place.children[at] !== one.element) place.insertBefore(one.element, place.children[at] ?? null);
    });
  };
}

/** The value of a colour of the style sheet. @param {string} name */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Call a function when a place changes its size or the page its colours.
 * @param {Element} place
 * @param {() => void} draw
 * @param {AbortSignal} [signal]
 */
export function drawn(place, draw, signal) {
  const observer = new ResizeObserver(draw);
  observer.observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal });
  signal?.addEventListener("abort", () => observer.disconnect());
}

/**
 * A canvas made as large as its place, in pixels of the screen.
 * @param {HTMLCanvasElement} canvas
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number}}
 */
export function surface(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
