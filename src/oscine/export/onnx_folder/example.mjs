// Plays two seconds of A4 and writes them as float32 samples: node example.mjs > a4.f32
import { readFileSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ort from "onnxruntime-node";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const facts = JSON.parse(readFileSync(file("interface.json"), "utf8"));
const session = await ort.InferenceSession.create(file("one_frame.onnx"), {
  intraOpNumThreads: 1,
  extra: { session: { set_denormal_as_zero: "1" } },
});

const ARRAYS = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array };
const filled = (type, shape, value) => {
  const values = new ARRAYS[type](shape.reduce((a, b) => a * b, 1));
  return new ort.Tensor(type, values.fill(type === "int64" ? BigInt(value) : value), shape);
};

const feeds = {};
for (const { name, size, default: value } of facts.inputs) {
  feeds[name] = filled("float32", size > 1 ? [1, 1, size] : [1, 1], value);
}
for (const { name, type, shape, start } of facts.states) feeds["state." + name] = filled(type, shape, start);

for (let frame = 0; frame < Math.floor((2 * facts.sample_rate) / facts.hop_length); frame++) {
  for (const [name, value] of [["f0_hz", 440], ["loudness_db", -20]]) {
    if (name in feeds) feeds[name].data.fill(value);
  }
  const results = await session.run(feeds);
  for (const { name } of facts.states) feeds["state." + name] = results["next." + name];
  const { data } = results.audio;
  writeSync(1, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
