// Edits of a pitch curve: each takes the MIDI pitch of every frame (NaN where there is none) and a span of
// frames, and
// returns what stands in that span afterwards.

/** @typedef {{midi: Float64Array, from: number, to: number, frameRate: number}} Span `to` is not included. */

/**
 * How far a pitch may leave its note before another note begins, in semitones, and for how long, in seconds.
 */
const LEAVES = 0.8;
const LEAVES_S = 0.06;
/** What an edit may come to: 10 Hz to 8 kHz. */
export const [LOWEST, HIGHEST] = [4, 119];
/** Averages over this long, done twice, leave nothing of a vibrato of 4 Hz and above. */
const VIBRATO_S = 0.2;

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : NaN;
}

/**
 * The notes in a span: runs of frames with a pitch, cut where the pitch moves on to another note.
 * @param {Span} span
 * @returns {[number, number][]} First frame and the one after the last.
 */
export function notes({ midi, from, to, frameRate }) {
  /** @type {[number, number][]} */
  const found = [];
  const patience = Math.max(1, Math.round(LEAVES_S * frameRate));
  let begin = -1;
  let away = 0;
  let sum = 0;
  let n = 0;
  const end = (/** @type {number} */ at) => {
    if (begin >= 0 && at > begin) found.push([begin, at]);
    begin = -1;
    away = sum = n = 0;
  };
  for (let i = from; i < to; i++) {
    if (Number.isNaN(midi[i])) {
      end(i);
      continue;
    }
    if (begin < 0) begin = i;
    if (n > 0 && Math.abs(midi[i] - sum / n) > LEAVES) {
      away++;
      if (away < patience) continue;
      const cut = i - away + 1;
      end(cut);
      begin = cut;
      for (let k = cut; k <= i; k++, n++) sum += midi[k];
      continue;
    }
    away = 0;
    sum += midi[i];
    n++;
  }
  end(to);
  return found;
}

/** The span moved by some semitones. @param {Span} span @param {number} semitones */
export function lifted({ midi, from, to }, semitones) {
  return midi.slice(from, to).map((one) => Math.max(LOWEST, Math.min(HIGHEST, one + semitones)));
}

/** Each note moved so that its middle lies on a semitone; vibrato and slides stay. @param {Span} span */
export function snapped(span) {
  const { midi, from, to } = span;
  const made = midi.slice(from, to);
  for (const [begin, end] of notes(span)) {
    const middle = median([...midi.slice(begin, end)]);
    for (let i = begin; i < end; i++) made[i - from] += Math.round(middle) - middle;
  }
  return made;
}

/** Each note without its vibrato: what changes faster than about 3 Hz is averaged away. @param {Span} span */
export function flattened(span) {
  const { midi, from, to, frameRate } = span;
  const made = midi.slice(from, to);
  const half = Math.max(1, Math.round((VIBRATO_S * frameRate) / 2));
  for (const [begin, end] of notes(span)) {
    let note = midi.slice(begin, end);
    for (let twice = 0; twice < 2; twice++) note = averaged(note, half);
    made.set(note, begin - from);
  }
  return made;
}

/**
 * A moving average; near an end, that of the window which just fits.
 * @param {Float64Array} values
 * @param {number} half
 */
function averaged(values, half) {
  const sums = new Float64Array(values.length + 1);
  values.forEach((value, i) => (sums[i + 1] = sums[i] + value));
  const wide = Math.min(values.length, 2 * half + 1);
  return values.map((_, i) => {
    const from = Math.max(0, Math.min(values.length - wide, i - half));
    return (sums[from + wide] - sums[from]) / wide;
  });
}

/** No pitch. @param {Span} span */
export const unvoiced = ({ from, to }) => new Float64Array(to - from).fill(NaN);

/**
 * A straight line from the first pitch in the span to the last; a pitch beside the span helps where there is
 * none.
 * @param {Span} span
 */
export function straight({ midi, from, to }) {
  const made = midi.slice(from, to);
  const [before, after] = [midi[from - 1], midi[to]].map((one) => (Number.isNaN(one) ? undefined : one));
  const first = made.find((one) => !Number.isNaN(one)) ?? before ?? after;
  const last = made.findLast((one) => !Number.isNaN(one)) ?? after ?? before;
  if (first === undefined || last === undefined) return made;
  const [a, b] = [first, last];
  return made.map((_, i) => a + ((b - a) * i) / Math.max(1, made.length - 1));
}
