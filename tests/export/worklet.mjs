// Plays worklet.js without a browser: `node worklet.mjs FOLDER RATE VOICES < plan > audio`. The plan has messages for the
// port, each before a block of 128 samples, the sound that is heard, and how many blocks are played.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, rate, voices] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(0, "utf8"));
let Processor;
Object.assign(globalThis, {
  sampleRate: Number(rate),
  currentFrame: 0,
  AudioWorkletProcessor: class {
    port = { postMessage: (message) => said.push(message) };
  },
  registerProcessor: (name, processor) => (Processor = processor),
});
const said = [];
await import(pathToFileURL(`${folder}/worklet.js`));
const wasm = readFileSync(`${folder}/oscine.wasm`);
const program = new Uint8Array(readFileSync(`${folder}/${plan.file}`));
const processor = new Processor({ processorOptions: { wasm, program, voices: Number(voices) } });
const played = [];
for (let block = 0; block < plan.blocks; block++) {
  for (const [at, message] of plan.messages) if (at === block) processor.port.onmessage({ data: message });
  const heard = plan.heard ? [Float32Array.from(plan.heard.slice(128 * block, 128 * block + 128))] : [];
  const audio = new Float32Array(128);
  const goesOn = processor.process([heard], [[audio]]);
  if (goesOn !== (block < (plan.ends ?? Infinity))) throw new Error(`At block ${block}, it ${goesOn ? "goes on" : "ended"}.`);
  played.push(Buffer.from(audio.buffer));
  globalThis.currentFrame += 128;
}
writeFileSync(1, Buffer.concat(played));
writeFileSync(2, JSON.stringify(said.filter((one) => one.meters || one.answer !== undefined).map((one) => ({ ...one, meters: one.meters && [...one.meters] }))));
