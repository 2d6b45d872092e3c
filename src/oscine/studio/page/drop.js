// Files that are dropped or chosen.

import { h } from "./dom.js";
import { icon } from "./icons.js";

/** Where files that were dropped lay. @type {WeakMap<File, string>} */
const paths = new WeakMap();

/** A file's name with the folder that it was chosen or dropped in. @param {File} file */
export const pathOf = (file) => paths.get(file) || file.webkitRelativePath || file.name;

/** Files in a folder that was dropped. @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function within(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    paths.set(file, entry.fullPath.slice(1));
    return [file];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const files = [];
  for (;;) {
    // A reader gives a hundred entries at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return files;
    for (const one of some) files.push(...(await within(one)));
  }
}

/** @param {DataTransfer} transfer */
async function dropped(transfer) {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry?.())
    .filter((entry) => entry !== null && entry !== undefined);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(within))).flat();
}

/**
 * A button that opens the file picker.
 * @param {string} label
 * @param {Record<string, any>} attributes Of the picker.
 * @param {(files: File[]) => void} onfiles
 */
export function picker(label, attributes, onfiles, look = "button") {
  const input = h("input", {
    type: "file",
    hidden: true,
    tabindex: "-1",
    "aria-label": label,
    ...attributes,
  });
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) onfiles(files);
  });
  return h(
    "span",
    {},
    input,
    h(look, { type: "button", onclick: () => input.click() }, icon("upload"), label),
  );
}

/**
 * Take files that are dropped on a place. The page as a whole then never opens a file that misses it.
 * @param {HTMLElement} place
 * @param {(files: File[]) => void} onfiles
 */
export function takesDrops(place, onfiles) {
  let depth = 0;
  const show = () => place.classList.toggle("over", depth > 0);
  place.addEventListener("dragenter", () => (depth++, show()));
  place.addEventListener("dragleave", () => (depth--, show()));
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", async (event) => {
    event.preventDefault();
    depth = 0;
    show();
    if (!event.dataTransfer) return;
    // What can't be read any more is left out; the others come.
    const files = (await dropped(event.dataTransfer).catch(() => [])).filter(
      ({ name }) => !name.startsWith("."),
    );
    if (files.length) onfiles(files);
  });
}

/**
 * A place to drop files or to choose them.
 * @param {string} words
 * @param {Record<string, any>} attributes
 * @param {(files: File[]) => void} onfiles
 */
export function dropPlace(words, attributes, onfiles) {
  const place = h(
    "div.drop",
    {},
    h("p", {}, words),
    picker("Choose files", { multiple: true, ...attributes }, onfiles),
  );
  takesDrops(place, onfiles);
  return place;
}
