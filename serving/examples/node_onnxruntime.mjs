// Classifies patches with onnxruntime-node; nothing of lungnet is needed.
//
// node node_onnxruntime.mjs classifier.onnx patches.npy [threshold]
//
// The threshold stands in the file's metadata, which ONNX Runtime does not show to JavaScript: 0.5 by default.

import { readFile } from "node:fs/promises";
import ort from "onnxruntime-node";

const [modelFile, patchesFile, threshold = "0.5"] = process.argv.slice(2);
if (!patchesFile) {
  console.error("usage: node node_onnxruntime.mjs classifier.onnx patches.npy [threshold]");
  process.exit(2);
}

/** Reads int16 (n, 40, 40), Hounsfield units, from NumPy's format (versions 1 to 3, little-endian, C order). */
function readPatches(bytes) {
  const wide = bytes[6] > 1; // the major version
  const start = wide ? 12 : 10;
  const length = wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", start, start + length);
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").filter((text) => text.trim()).map(Number);
  const [count, rows, columns] = shape;
  const fits = header.includes("'<i2'") && header.includes("False") && shape.length === 3;
  if (!bytes.toString("latin1", 1, 6).startsWith("NUMPY") || !fits || rows !== 40 || columns !== 40) {
    throw new Error(`${patchesFile}: expected int16 (n, 40, 40) in Hounsfield units. Received: ${header.trim()}`);
  }
  const values = new Int16Array(count * rows * columns);
  for (let i = 0; i < values.length; i += 1) values[i] = bytes.readInt16LE(start + length + 2 * i);
  return new ort.Tensor("int16", values, shape);
}

const session = await ort.InferenceSession.create(modelFile, { executionProviders: ["cpu"] });
const { probability, cluster } = await session.run({ patches_hu: readPatches(await readFile(patchesFile)) });
probability.data.forEach((p, i) => {
  console.log(p.toFixed(7), p >= Number(threshold) ? "positive" : "negative", `cluster ${cluster.data[i]}`);
});
