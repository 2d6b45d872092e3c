// A table that scrolls can be reached and scrolled by keyboard, and says that there is more of it.
function markTables() {
  for (const frame of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
    const scrolls = frame.scrollWidth > frame.clientWidth + 1;
    const isTable = frame.matches(".md-typeset__scrollwrap");
    if (scrolls && !frame.hasAttribute("tabindex")) {
      frame.tabIndex = 0;
      frame.setAttribute("role", "region");
      frame.setAttribute("aria-label", isTable ? "Table, scrolls sideways" : "Code, scrolls sideways");
      if (isTable) {
        const more = document.createElement("p");
        more.className = "look-more";
        more.textContent = "The table scrolls sideways →";
        frame.after(more);
      }
    }
    const more = frame.nextElementSibling;
    if (more?.matches(".look-more")) more.hidden = !scrolls;
  }
}
addEventListener("load", markTables);
addEventListener("resize", markTables);
