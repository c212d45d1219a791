// Opens a slice, shows where the scanner sees nodules, and tells the probability of a patch.

import { readSlice } from "./dicom_slice.mjs";
import { draw, paintHeat, paintSlice } from "./drawing.mjs";
import { Scanner } from "./scanner.mjs";

const PATCH = 40;
const element = (id) => document.getElementById(id);
const [canvas, status, answer, highest] = ["slice", "status", "probability", "highest"].map(element);
const [rowField, columnField, opacity] = ["row", "column", "opacity"].map(element);

const opening = Scanner.open("scanner.onnx");
let shown = null;
let asked = false; // whether a file was chosen: from then on the status is about it

function say(text, state) {
  status.textContent = text;
  document.documentElement.dataset.state = state; // "waiting", "working", "done" or "failed"
}

function chosen() {
  const bound = (field, size) => Math.max(0, Math.min(size - PATCH, Math.round(Number(field.value) || 0)));
  return { row: bound(rowField, shown.slice.rows), column: bound(columnField, shown.slice.columns) };
}

function redraw() {
  draw(canvas, shown.picture, shown.heat, shown.map, Number(opacity.value), chosen());
}

async function judge() {
  const { scanner, slice } = shown;
  const patch = chosen();
  [rowField.value, columnField.value] = [patch.row, patch.column];
  document.documentElement.dataset.state = "working";
  redraw();
  const probability = await scanner.patch(slice, patch.row, patch.column);
  answer.textContent = probability.toFixed(7);
  document.documentElement.dataset.state = "done";
}

async function open(file) {
  asked = true;
  say("Looking at every position of the slice ...", "working");
  try {
    const slice = readSlice(await file.arrayBuffer());
    const scanner = await opening;
    const start = performance.now();
    const map = await scanner.heatMap(slice);
    const milliseconds = Math.round(performance.now() - start);
    shown = { scanner, slice, map, picture: paintSlice(slice), heat: paintHeat(map) };
    [canvas.width, canvas.height] = [slice.columns, slice.rows];
    element("view").hidden = false;
    const best = map.probability.reduce((found, p, i, all) => (p > all[found] ? i : found), 0);
    const [row, column] = [Math.floor(best / map.columns), best % map.columns].map((cell) => cell * map.stride);
    [rowField.value, columnField.value] = [row, column];
    highest.textContent = `${map.probability[best].toFixed(7)} at row ${row}, column ${column}`;
    await judge();
    say(`${map.probability.length} positions in ${milliseconds} ms, in this browser.`, "done");
  } catch (error) {
    say(error.message, "failed");
  }
}

element("file").addEventListener("change", ({ target }) => target.files[0] && open(target.files[0]));
element("again").addEventListener("submit", (event) => {
  event.preventDefault();
  judge();
});
opacity.addEventListener("input", redraw);
canvas.addEventListener("click", ({ offsetX, offsetY }) => {
  const scale = canvas.width / canvas.clientWidth;
  [rowField.value, columnField.value] = [offsetY, offsetX].map((at) => Math.round(at * scale) - PATCH / 2);
  judge();
});
opening.then(
  () => asked || say("The model is ready: choose a DICOM file of one axial CT slice.", "waiting"),
  (error) => say(`The model cannot be opened: ${error.message}`, "failed"),
);
