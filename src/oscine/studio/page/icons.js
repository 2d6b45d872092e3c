// Small drawings of 24 × 24, in strokes of the text's colour.

import { s } from "./dom.js";

const PATHS = {
  shelf: "M4 5v14M8 5v14M12 5v14M16 6l4 13M3 21h18",
  record: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  learn: "M3 4v16h18M6 8c3 8 8 9 14 9",
  play: "M3 12h3l2-6 4 12 3-9 2 3h4",
  live: "M3 5h18v14H3zM8 5v8M12 5v8M16 5v8M8 13v6M16 13v6",
  share: "M12 15V3M8 7l4-4 4 4M5 12v8h14v-8",
  go: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  stop: "M6 6h12v12H6z",
  dot: "M12 6a6 6 0 1 0 0 12a6 6 0 1 0 0-12z",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  undo: "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-3",
  redo: "M16 5l4 4-4 4M20 9H10a5 5 0 0 0 0 10h3",
  download: "M12 4v11M8 11l4 4 4-4M5 19h14",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  upload: "M12 16V5M8 9l4-4 4 4M5 19h14",
  back: "M15 5l-7 7 7 7",
};
const SOLID = new Set(["go", "stop", "dot"]);

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const path = s("path", { d: PATHS[name] });
  return s(
    "svg",
    { class: SOLID.has(name) ? "icon solid" : "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    path,
  );
}
