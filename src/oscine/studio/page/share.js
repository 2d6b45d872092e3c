// Share: who played, the licence, consent; and the instrument as a file for others.

import { ask, get } from "./api.js";
import { h, field, select } from "./dom.js";
import { icon } from "./icons.js";
import { draft, empty, head, instrumentSelect, progress, shown } from "./parts.js";
import { download } from "./sound.js";
import { once, problem, sends } from "./tell.js";
import { size } from "./words.js";

const LICENCES = /** @type {[string, string][]} */ ([
  ["cc0-1.0", "CC0 1.0: anything is allowed"],
  ["cc-by-4.0", "CC BY 4.0: anything, with credit"],
  ["cc-by-3.0", "CC BY 3.0: anything, with credit"],
  ["cc-by-sa-4.0", "CC BY-SA 4.0: with credit, shared alike"],
  ["cc-by-nc-4.0", "CC BY-NC 4.0: with credit, nothing commercial"],
  ["apache-2.0", "Apache 2.0"],
  ["mit", "MIT"],
  ["other", "Another one"],
]);

/** @param {import("./app.js").Place} place @returns {Promise<import("./app.js").Screen>} */
export async function share({ id, signal, go }) {
  const [all, about] = await Promise.all([get("/api/instruments", signal), get("/api/about", signal)]);
  const lead =
    "Give an instrument away: as a folder in a zip, on the Hugging Face hub, or as a plug-in, a web " +
    "page or a file for another program.";
  const own = all.filter((/** @type {any} */ one) => one.kind === "mine");
  const chosen = id ? await get(`/api/instruments/${id}`, signal) : (own[0] ?? all[0]);
  if (!chosen)
    return {
      title: "Share",
      element: h(
        "div",
        {},
        head("Share", lead),
        empty("No instrument yet", "Learn one first.", h("a.button.primary", { href: "/record" }, "Record")),
      ),
    };
  const choice = instrumentSelect(all, chosen.id);
  choice.addEventListener("change", () => go(`/share/${choice.value}`));
  const isMine = chosen.kind === "mine";
  const renamed = (/** @type {any} */ { name }) => (choice.selectedOptions[0].textContent = name);
  const element = h(
    "div",
    {},
    head("Share", lead),
    h("div.row.top", {}, field("Instrument", choice)),
    h(
      "div.two",
      {},
      isMine ? cardForm(chosen, renamed) : cardFacts(chosen),
      h("div.stack", {}, files(chosen, about, signal), isMine ? hub(chosen, signal) : null),
    ),
  );
  return { element, title: id ? `Share ${chosen.name}` : "Share" };
}

/** The card of an instrument of the package. @param {any} one */
function cardFacts(one) {
  const rows = [
    ["Licence", one.licence],
    ["Credit", one.credit],
    ["Consent", one.consent === true ? "Given" : null],
    ["Description", one.description],
  ];
  return h(
    "section.panel",
    { "aria-label": "Model card" },
    h("h2", {}, "Model card"),
    h(
      "p",
      {},
      `${one.name} belongs to the package; its card is fixed. Keep licence and credit with whatever ` +
        "you make from it.",
    ),
    h(
      "dl.facts.rows",
      {},
      rows
        .filter(([, value]) => value)
        .map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
    ),
  );
}

/** @param {any} one @param {(now: any) => void} onsaved */
function cardForm(one, onsaved) {
  const said = problem();
  const done = h("p", { role: "status" });
  const tell = (/** @type {boolean} */ isSaved) => {
    done.textContent = isSaved ? "Saved." : "Not saved yet.";
    done.className = isSaved ? "done" : "hint";
  };
  const name = h("input", {
    type: "text",
    name: "name",
    required: true,
    maxlength: "80",
    value: one.name,
    autocomplete: "off",
  });
  const credit = h("textarea", { name: "credit", rows: "2", maxlength: "500", value: one.credit ?? "" });
  const isKnown = LICENCES.some(([known]) => known === one.licence);
  const licence = select(
    [{ value: "", label: "Choose …" }, ...LICENCES.map(([value, label]) => ({ value, label }))],
    { name: "licence" },
    one.licence ? (isKnown ? one.licence : "other") : "",
  );
  const otherLicence = h("input", {
    type: "text",
    name: "other",
    maxlength: "200",
    value: isKnown ? "" : (one.licence ?? ""),
    placeholder: "Name or address of the licence",
    autocomplete: "off",
  });
  const otherField = field("Which licence?", otherLicence);
  const description = h("textarea", {
    name: "description",
    rows: "3",
    maxlength: "2000",
    value: one.description ?? "",
  });
  const consents = /** @type {[string, string, boolean | null][]} */ ([
    ["yes", "Yes, the person in the recordings has agreed to this", true],
    ["no", "No, or not yet", false],
    ["none", "Not stated, or nobody had to be asked", null],
  ]).map(([value, label, means]) => ({
    label,
    means,
    input: h("input", { type: "radio", name: "consent", value, checked: (one.consent ?? null) === means }),
  }));
  const button = h("button.primary", { type: "submit" }, "Save the card");
  const form = h(
    "form.panel",
    { "aria-label": "Model card" },
    h("h2", {}, "Model card"),
    field("Name", name),
    field("Who played or sang?", credit, "The credit is shown wherever the instrument is played."),
    field(
      "Licence",
      licence,
      "What others may do with the instrument. It has to be allowed by the licence of the recordings.",
    ),
    otherField,
    h(
      "fieldset.choice",
      {},
      h("legend", {}, "Has the player or singer agreed?"),
      consents.map(({ label, input }) => h("label.check", {}, input, label)),
      h("p.hint", {}, "A voice belongs to a person. Share it only with consent."),
    ),
    field("Description", description),
    said.element,
    h("div.actions", {}, button, done),
  );
  const kept = draft(form, `card ${one.id}`);
  const update = () => (otherField.hidden = licence.value !== "other");
  if (kept.isOld) tell(false);
  form.addEventListener("input", () => (update(), tell(false)));
  sends(form, () =>
    said.during(async () => {
      const consent = consents.find(({ input }) => input.checked)?.means ?? null;
      const now = await ask("PUT", `/api/instruments/${one.id}/card`, {
        name: name.value.trim(),
        credit: credit.value.trim(),
        licence: licence.value === "other" ? otherLicence.value.trim() : licence.value,
        consent,
        description: description.value.trim(),
      });
      kept.clear();
      tell(true);
      onsaved(now);
    }),
  );
  update();
  return form;
}

/** @param {any} one @param {any} about @param {AbortSignal} signal */
function files(one, about, signal) {
  const said = problem();
  const bar = progress("Export");
  const result = h("div.actions", { role: "status" });
  const offered = about.exports.filter((/** @type {any} */ { format }) => one.can_export.includes(format));
  const format = select(offered.map((/** @type {any} */ { format: value, label }) => ({ value, label })));
  const make = h("button", { type: "button" }, icon("share"), "Make the file");
  once(make, () =>
    said.during(async () => {
      result.replaceChildren();
      const label = format.selectedOptions[0].textContent;
      const job = await ask("POST", `/api/instruments/${one.id}/exports`, { format: format.value });
      const done = await shown(job, bar, signal);
      const bytes = done.result?.size_bytes;
      result.replaceChildren(
        download(`/api/jobs/${done.id}/file`, `Save: ${label}${bytes ? `, ${size(bytes)}` : ""}`),
      );
      result.querySelector("a").focus();
    }),
  );
  return h(
    "section.panel",
    { "aria-label": "As a file" },
    h("h2", {}, "As a file"),
    field("For", format),
    h("div.actions", {}, make),
    bar.element,
    result,
    said.element,
  );
}

/** @param {any} one @param {AbortSignal} signal */
function hub(one, signal) {
  const said = problem();
  const bar = progress("Upload");
  const done = h("p.done", { role: "status" });
  const repo = h("input", {
    type: "text",
    name: "repo",
    required: true,
    placeholder: "owner/name",
    pattern: "[A-Za-z0-9._\\-]+/[A-Za-z0-9._\\-]+",
    title: "owner/name",
    autocomplete: "off",
    spellcheck: "false",
  });
  const token = h("input", { type: "password", autocomplete: "off" });
  const isPrivate = h("input", { type: "checkbox", name: "private", checked: true });
  const button = h("button", { type: "submit" }, icon("upload"), "Upload");
  const form = h(
    "form.panel",
    { "aria-label": "On the hub" },
    h("h2", {}, "On the hub"),
    h("p", {}, "This is the one thing in the studio that needs a network and an account, at huggingface.co."),
    field("Repository", repo),
    field("Token", token, "Write access. Leave it empty where you are logged in. It is not kept."),
    h("label.check", {}, isPrivate, "Private: only you can see it"),
    h("div.actions", {}, button, done),
    bar.element,
    said.element,
  );
  const kept = draft(form, `hub ${one.id}`);
  sends(form, () =>
    said.during(async () => {
      done.textContent = "";
      const body = {
        repo: repo.value.trim(),
        private: isPrivate.checked,
        ...(token.value ? { token: token.value } : {}),
      };
      await shown(await ask("POST", `/api/instruments/${one.id}/hub`, body), bar, signal);
      kept.clear();
      token.value = "";
      done.textContent = `It is at ${body.repo}.`;
    }),
  );
  return form;
}
