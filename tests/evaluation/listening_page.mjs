// Fills in listening tests in Chromium: `node listening_page.mjs MODULES PLAN`. listening_page.py makes the plan.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, planFile] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");
const plan = JSON.parse(readFileSync(planFile, "utf8"));
const found = { sentences: {}, texts: [], runs: {} };
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: plan.chromium, args: ["--no-sandbox"] });

/** A page; what goes wrong on it is kept, and what it plays goes to an analyser as well. */
async function opened(run) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 760 }, acceptDownloads: true, ...run.settings });
  const page = await context.newPage();
  page.on("pageerror", (error) => (found.errors ??= []).push(`${run.name}: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && (found.errors ??= []).push(`${run.name}: ${message.text()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(run.root) && !/^(data|blob):/.test(request.url())) (found.elsewhere ??= []).push(request.url());
  });
  page.on("dialog", (dialog) => dialog.accept());
  await page.addInitScript(() => {
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (target, ...rest) {
      if (target instanceof AudioDestinationNode) {
        globalThis.analyser ??= new AnalyserNode(target.context, { fftSize: 2048 });
        connect.call(this, globalThis.analyser);
      }
      return connect.call(this, target, ...rest);
    };
  });
  await page.goto(run.url);
  return page;
}

/** What someone sees: a picture, the text, what axe finds, the width. */
async function look(page, run, name) {
  await page.screenshot({ path: `${plan.folder}/${run.name}-${name}.png`, fullPage: true });
  found.texts.push(await page.evaluate(() => document.documentElement.innerText + document.title));
  await page.evaluate(axe + "; 0");
  const { violations } = await page.evaluate(() => globalThis.axe.run({ preload: false }));
  for (const { id, impact, nodes } of violations)
    (found.violations ??= []).push(`${run.name} ${name}: ${id} (${impact}): ${nodes.map((node) => node.target).join(" ")}`);
  const { wider, smallest } = await page.evaluate(() => {
    const texts = [...document.body.querySelectorAll("*")].filter((one) => [...one.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
    return {
      wider: document.documentElement.scrollWidth - innerWidth,
      smallest: Math.min(...texts.filter((one) => one.checkVisibility()).map((one) => parseFloat(getComputedStyle(one).fontSize))),
    };
  });
  found.wider = Math.max(found.wider ?? 0, wider);
  found.smallest = Math.min(found.smallest ?? 99, smallest);
}

/** Where in the sound what is heard stands, against the clock and against what the page says; and how loud it is, in dB. */
const measured = (page) =>
  page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 150));
    const samples = new Float32Array(globalThis.analyser.fftSize);
    globalThis.analyser.getFloatTimeDomainData(samples);
    const [said, clock] = [player.position, player.context.currentTime];
    const level = 10 * Math.log10(samples.reduce((sum, one) => sum + one * one, 0) / samples.length + 1e-12);
    if (!player.current) return { level };
    const sound = player.buffers.get(player.current).getChannelData(0);
    const taken = samples.subarray(-256);
    let [best, at] = [-1, 0];
    for (let i = 0; i + 256 <= sound.length; i++) {
      let product = 0;
      let energy = 1e-9;
      for (let j = 0; j < 256; j++) {
        product += taken[j] * sound[i + j];
        energy += sound[i + j] ** 2;
      }
      if (product / Math.sqrt(energy) > best) [best, at] = [product / Math.sqrt(energy), i];
    }
    const alike = best / Math.sqrt(taken.reduce((sum, one) => sum + one * one, 0));
    const heard = (at + 256) / player.rate;
    return { level, alike, off_s: said - heard, turns: (clock - heard) / player.duration };
  });

const ready = (page) => page.waitForFunction(() => document.querySelector("#next")?.disabled === false);
const heading = (page) => page.locator("h1").innerText();

/** Listen to all, and answer as the plan says, by mouse or finger. */
async function fillByPointer(page, run, answers = true) {
  const press = (one) => (run.settings?.hasTouch ? one.tap() : one.click());
  for (const button of await page.locator("[data-plays]").all()) await press(button);
  if (!answers) return;
  if (run.method === "mushra") {
    for (const row of await page.locator(".row:not(.reference)").all()) {
      const name = await row.locator("button").getAttribute("data-plays");
      const slider = row.locator("input");
      const { width, height } = await slider.boundingBox();
      await slider.click({ position: { x: Math.max(1, Math.min(width - 1, (width * run.ratings[name]) / 100)), y: height / 2 } });
      for (let off; (off = run.ratings[name] - Number(await slider.inputValue())); )
        await slider.press(off > 0 ? "ArrowRight" : "ArrowLeft");
    }
  } else if (run.method === "mos") {
    const name = await page.locator("[data-plays]").getAttribute("data-plays");
    await press(page.locator(`input[value="${run.ratings[name]}"]`));
  }
}

/** The same of an ABX test by the keyboard alone: Tab, space and the page's keys. */
async function fillByKeyboard(page, run, answers = true) {
  for (const key of ["a", "b", "x"]) await page.keyboard.press(key);
  if (!answers) return;
  const right = await page.evaluate(() => planned[state.at].order.indexOf(planned[state.at].x));
  const isRight = run.n_answered++ % run.wrong_every !== 0;
  // Sometimes by Tab and space instead of by the key.
  if (run.n_answered % 2) await page.keyboard.press(String((isRight ? right : 1 - right) + 1));
  else {
    await tabTo(page, 'input[name="answer"]');
    await page.keyboard.press(" ");
    for (let i = 0; i < 3 && (await page.evaluate(() => planned[state.at].order.indexOf(state.answers[state.at].answer))) !== (isRight ? right : 1 - right); i++)
      await page.keyboard.press("ArrowDown");
  }
}

async function tabTo(page, selector) {
  for (let i = 0; i < 60; i++) {
    if (await page.evaluate((one) => document.activeElement?.matches(one), selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${selector}.`);
}

for (const run of plan.runs) {
  const page = await opened(run);
  const fill = run.keyboard ? fillByKeyboard : fillByPointer;
  const go = async (selector) => {
    if (run.keyboard) {
      await tabTo(page, selector);
      await page.keyboard.press("Enter");
    } else await page.locator(selector).click();
  };
  const kept = (found.runs[run.name] = {});
  await look(page, run, "start");
  if (!run.keyboard) {
    await page.locator("#code").fill("<b>!");
    await go("#begin");
    found.sentences["a code that is none"] = await page.locator(".said").innerText();
    await page.locator("#code").fill("");
  }
  await go("#begin");
  await ready(page);
  await look(page, run, "training");
  await go("#next");
  found.sentences["nothing was heard"] = await page.locator("#said").innerText();
  while ((await heading(page)).startsWith("Training")) {
    await ready(page);
    await fill(page, run, false);
    await go("#next");
  }
  await ready(page);
  // Changing the sound keeps the position, a loop stays within its passage, and stopping is silent.
  if (!run.keyboard) {
    const buttons = await page.locator("[data-plays]").all();
    kept.switches = [];
    for (const button of [...buttons, ...buttons].slice(0, 5)) {
      await button.click();
      kept.switches.push(await measured(page));
    }
    await page.locator("#loop-from").fill("1");
    await page.locator("#loop-to").fill("1.5");
    kept.loop = [];
    for (let i = 0; i < 4; i++) {
      await page.waitForTimeout(170);
      kept.loop.push({ ...(await measured(page)), position: await page.evaluate(() => player.position) });
    }
    await page.locator("#stop").click();
    await page.waitForTimeout(200);
    kept.silence = (await measured(page)).level;
  }
  const n = await page.evaluate(() => planned.length);
  for (let i = 0; i < n; i++) {
    await ready(page);
    await go("#next");
    if (i === 1) found.sentences[`${run.method}: nothing was answered`] = await page.locator("#said").innerText();
    await fill(page, run);
    if (i === 0) {
      await look(page, run, "trial");
      const before = await page.evaluate(() => JSON.stringify([planned, state.at, state.answers[0].ratings, state.answers[0].answer]));
      const shown = await page.locator("fieldset input").evaluateAll((all) => all.map((one) => `${one.value} ${one.checked}`));
      await page.reload();
      await ready(page);
      const after = await page.evaluate(() => JSON.stringify([planned, state.at, state.answers[0].ratings, state.answers[0].answer]));
      const again = await page.locator("fieldset input").evaluateAll((all) => all.map((one) => `${one.value} ${one.checked}`));
      kept.survives = before === after && shown.join() === again.join();
    }
    await go("#next");
  }
  await page.locator("#save").waitFor();
  await look(page, run, "end");
  await page.reload();
  const [download] = await Promise.all([page.waitForEvent("download"), go("#save")]);
  await download.saveAs(`${plan.folder}/results/${run.name}.json`);
  kept.file = download.suggestedFilename();
  if (!run.keyboard) {
    await page.locator("#again").click();
    kept.again = await page.locator("#begin").isVisible();
  }
  await page.context().close();
}
await browser.close();
writeFileSync(`${plan.folder}/found.json`, JSON.stringify(found, null, 1));
