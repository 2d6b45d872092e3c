// Fills in a MUSHRA test by itself, and leaves the result in the page: the tests add it to a copy of the page.

/** @type {Record<string, number>} */
const WANTED = {}; // ratings

(async () => {
  const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const click = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector)).click();
  click("#begin");
  while (!document.querySelector("#save")) {
    const next = /** @type {HTMLButtonElement} */ (document.querySelector("#next"));
    if (next.disabled) {
      await wait(20);
      continue;
    }
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-plays]"))) {
      button.click();
      await wait(20);
      const slider = button.parentElement?.querySelector("input");
      if (!slider) continue;
      slider.value = String(WANTED[String(button.dataset.plays)]);
      slider.dispatchEvent(new Event("input"));
    }
    next.click();
  }
  const text = document.createElement("pre");
  text.id = "result";
  text.textContent = JSON.stringify(result());
  document.body.append(text);
})();
