// How much time the runtime takes per block of 128 samples at 48 kHz: `node speed.mjs FOLDER FILE VOICES`.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const N_RUNS = 7;
const N_BLOCKS = 1500;
const [folder, file, voices] = process.argv.slice(2);
const { Performer } = await import(pathToFileURL(`${folder}/worklet.js`));
const { exports: runtime } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(`${folder}/oscine.wasm`)));
const performer = new Performer(runtime, new Uint8Array(readFileSync(`${folder}/${file}`)), 48000, Number(voices));
const audio = new Float32Array(128);
// What a block takes is the least of several runs that compute the same: other programs interrupt some of them.
const took = new Float64Array(N_BLOCKS).fill(Infinity);
let cpuS = Infinity;
for (let run = 0; run < N_RUNS; run++) {
  performer.reset();
  for (let i = 0; i < Number(voices); i++) performer.midi([0x90, 60 + i, 100]);
  const before = process.cpuUsage();
  for (let block = 0; block < N_BLOCKS; block++) {
    const began = performance.now();
    performer.play(undefined, audio);
    took[block] = Math.min(took[block], 1000 * (performance.now() - began));
  }
  const { user, system } = process.cpuUsage(before);
  cpuS = Math.min(cpuS, (user + system) / 1e6);
}
took.sort();
const load = cpuS / ((128 * N_BLOCKS) / 48000);
const at = (share) => took[Math.floor(share * (N_BLOCKS - 1))];
writeFileSync(1, JSON.stringify({ load, p50: at(0.5), p99: at(0.99), max: at(1), memory: runtime.memory.buffer.byteLength }));
