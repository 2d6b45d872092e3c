// node onnx_play.mjs GRAPH CURVES NODE_MODULES > AUDIO: plays a graph of the format `onnx` in onnxruntime-node.
// CURVES has float32 numbers, the inputs of the graph one after the other, each frame by frame. Prints the load to stderr.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [graph, curves, modules] = process.argv.slice(2);
const ort = createRequire(join(modules, "package.json"))("onnxruntime-node");
const facts = JSON.parse(readFileSync(join(dirname(graph), "interface.json"), "utf8"));
const nFrames = facts.graphs[graph.split("/").pop()];
const session = await ort.InferenceSession.create(graph, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { set_denormal_as_zero: "1" } },
});
const bytes = readFileSync(curves);
const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const total = values.length / facts.inputs.reduce((sum, { size }) => sum + size, 0);
const ARRAYS = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array };
const feeds = {};
for (const { name, type, shape, start } of facts.states) {
  const array = new ARRAYS[type](shape.reduce((a, b) => a * b, 1));
  feeds["state." + name] = new ort.Tensor(type, array.fill(type === "int64" ? BigInt(start) : start), shape);
}
const began = process.cpuUsage();
for (let t = 0; t + nFrames <= total; t += nFrames) {
  let at = 0;
  for (const { name, size } of facts.inputs) {
    const part = values.slice(at + t * size, at + (t + nFrames) * size);
    feeds[name] = new ort.Tensor("float32", part, size > 1 ? [1, nFrames, size] : [1, nFrames]);
    at += total * size;
  }
  const results = await session.run(feeds);
  for (const { name } of facts.states) feeds["state." + name] = results["next." + name];
  const { data } = results.audio;
  writeSync(1, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
const { user, system } = process.cpuUsage(began);
console.error((user + system) / 1e6 / ((total * facts.hop_length) / facts.sample_rate));
