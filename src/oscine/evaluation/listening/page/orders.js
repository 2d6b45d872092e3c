// The order of everything in a test: a function of the test and the listener's seed alone.

/** @typedef {{ item: string, sounds: string[], reference?: string }} Item */
/** @typedef {{ test: string, version: number, method: "mushra" | "mos" | "abx", title: string, contact: string, sample_rate: number, repeats: number, training: Item, items: Item[] }} Test */
/** @typedef {{ item: string, order: string[], reference?: string, x?: string }} Planned One page of the test. */

/**
 * Numbers from 0 to below 1, by the generator mulberry32.
 * @param {number} seed A whole number of 32 bits.
 */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** @template T @param {readonly T[]} list @param {() => number} random @returns {T[]} */
function shuffled(list, random) {
  const mixed = [...list];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
  }
  return mixed;
}

/**
 * The numbers below `n` in random order, `length` of them, each as often as the others or once more.
 * @param {number} n @param {number} length @param {() => number} random @returns {number[]}
 */
function balanced(n, length, random) {
  const numbers = shuffled([...Array(n).keys()], random);
  return shuffled(Array.from({ length }, (_, i) => numbers[i % n]), random);
}

/**
 * MUSHRA: every item once. Which condition stands in which row is a Latin square with its rows and columns shuffled, so
 * each condition stands in each row equally often.
 * @param {Test} test @param {() => number} random @returns {Planned[]}
 */
function planMushra(test, random) {
  const n = test.items[0].sounds.length;
  const columns = shuffled([...Array(n).keys()], random);
  const shifts = balanced(n, test.items.length, random);
  return shuffled(test.items, random).map(({ item, sounds, reference }, i) => ({
    item,
    reference,
    order: columns.map((_, row) => sounds[columns[(row + shifts[i]) % n]]),
  }));
}

/**
 * MOS: every sound once, in blocks in which every item stands once and the conditions stand equally often. An item does
 * not follow itself where there are others.
 * @param {Test} test @param {() => number} random @returns {Planned[]}
 */
function planMos(test, random) {
  const n = test.items[0].sounds.length;
  const conditions = shuffled([...Array(n).keys()], random);
  const places = shuffled([...test.items.keys()], random);
  /** @type {Planned[]} */
  const planned = [];
  for (let block = 0; block < n; block++) {
    const here = shuffled([...test.items.keys()], random);
    if (here.length > 1 && test.items[here[0]].item === planned.at(-1)?.item) here.push(...here.splice(0, 1));
    for (const i of here) {
      const { item, sounds } = test.items[i];
      planned.push({ item, order: [sounds[conditions[(places[i] + block) % n]]] });
    }
  }
  return planned;
}

/**
 * ABX: every pair as often as the test repeats it. Over all pages, A and X are the reference equally often.
 * @param {Test} test @param {() => number} random @returns {Planned[]}
 */
function planAbx(test, random) {
  const pairs = test.items.flatMap(({ item, sounds, reference }) =>
    sounds.filter((one) => one !== reference).map((system) => ({ item, pair: [String(reference), system] })),
  );
  const pages = pairs.flatMap((one) => Array(test.repeats).fill(one));
  const ways = balanced(4, pages.length, random);
  const planned = pages.map(({ item, pair }, i) => ({
    item,
    order: ways[i] & 1 ? [pair[1], pair[0]] : pair,
    x: pair[ways[i] >> 1],
  }));
  return shuffled(planned, random);
}

/**
 * All pages of a test in their order.
 * @param {Test} test @param {number} seed @returns {Planned[]}
 */
function planTest(test, seed) {
  const plan = { mushra: planMushra, mos: planMos, abx: planAbx }[test.method];
  return plan(test, randomNumbers(seed));
}

/**
 * The pages of the training: the same question about one item, of MOS and ABX about each of its sounds once.
 * @param {Test} test @param {number} seed @returns {Planned[]}
 */
function planTraining(test, seed) {
  return planTest({ ...test, items: [test.training], repeats: 1 }, seed ^ 0x5eed);
}
