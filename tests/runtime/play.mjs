// The page's player for WebAssembly: `node play.mjs oscine.wasm instrument.oscine < inputs > audio`. The module imports nothing.
import { readFileSync, writeFileSync } from "node:fs";

const [wasm, program] = process.argv.slice(2).map((path) => readFileSync(path));
const module = await WebAssembly.compile(wasm);
const imports = WebAssembly.Module.imports(module);
if (imports.length) throw new Error(`The module imports ${imports.map((one) => one.name).join(", ")}.`);
const { exports: oscine } = await WebAssembly.instantiate(module);
oscine._initialize();

// The memory may grow, so views of it are made anew.
const bytes = () => new Uint8Array(oscine.memory.buffer);
const word = (at) => new DataView(oscine.memory.buffer).getUint32(at, true);
const text = (at) => new TextDecoder().decode(bytes().slice(at, bytes().indexOf(0, at)));
const check = (code) => {
  if (code) throw new Error(text(oscine.oscine_error_text(code)));
};

const at = oscine.malloc(program.length);
bytes().set(program, at);
const result = oscine.malloc(4);
check(oscine.oscine_load(at, program.length, 0, 0, result));
const player = word(result);
oscine.free(at);

const hop = oscine.oscine_hop_length(player);
const sizes = Array.from({ length: oscine.oscine_n_inputs(player) }, (_, i) => oscine.oscine_input_size(player, i));
const width = sizes.reduce((sum, size) => sum + size, 0);
const values = oscine.malloc(4 * width);
const audio = oscine.malloc(4 * hop);
const pointers = oscine.malloc(4 * sizes.length);
let next = values;
sizes.forEach((size, i) => {
  new DataView(oscine.memory.buffer).setUint32(pointers + 4 * i, next, true);
  next += 4 * size;
});

const given = readFileSync(0);
const frames = [];
for (let first = 0; first + 4 * width <= given.length; first += 4 * width) {
  bytes().set(given.subarray(first, first + 4 * width), values);
  check(oscine.oscine_play(player, pointers, sizes.length, 1, audio));
  frames.push(bytes().slice(audio, audio + 4 * hop));
}
oscine.oscine_free(player);
writeFileSync(1, Buffer.concat(frames));
