// One DICOM file to Hounsfield units, as lungnet reads it: rounded half to even, saturated to int16.

/* global dicomParser */

const NATIVE_LITTLE_ENDIAN = new Set(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]);

function roundHalfToEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * Reads a slice.
 *
 * @param {ArrayBuffer} file - a DICOM file of one uncompressed 16-bit image with rescale slope and intercept.
 * @returns {{hu: Int16Array, rows: number, columns: number}} Hounsfield units, row by row.
 * @throws {Error} one sentence on what the file is instead; it quotes nothing of the patient's.
 */
export function readSlice(file) {
  let dataset;
  try {
    dataset = dicomParser.parseDicom(new Uint8Array(file));
  } catch (error) {
    throw new Error("This is not a DICOM file.", { cause: error });
  }
  const syntax = dataset.string("x00020010");
  if (!NATIVE_LITTLE_ENDIAN.has(syntax)) {
    throw new Error("This slice is compressed or big-endian; expected uncompressed, little-endian pixels.");
  }
  const rows = dataset.uint16("x00280010");
  const columns = dataset.uint16("x00280011");
  const pixels = dataset.elements.x7fe00010;
  const slope = dataset.floatString("x00281053");
  const intercept = dataset.floatString("x00281052");
  const plain = dataset.uint16("x00280002") === 1 && dataset.uint16("x00280100") === 16;
  if (!plain || !pixels || pixels.length < 2 * rows * columns) {
    throw new Error("This file holds no image of one 16-bit sample per pixel, as CT has.");
  }
  if (!(rows >= 40 && columns >= 40)) throw new Error("This slice is smaller than a patch of 40 x 40 pixels.");
  if (!Number.isFinite(slope) || !Number.isFinite(intercept)) {
    throw new Error("This file does not say how its values become Hounsfield units (rescale slope and intercept).");
  }
  const signed = dataset.uint16("x00280103") === 1;
  const view = new DataView(file, pixels.dataOffset, 2 * rows * columns);
  const hu = new Int16Array(rows * columns);
  for (let i = 0; i < hu.length; i += 1) {
    const stored = signed ? view.getInt16(2 * i, true) : view.getUint16(2 * i, true);
    hu[i] = Math.max(-32768, Math.min(32767, roundHalfToEven(stored * slope + intercept)));
  }
  return { hu, rows, columns };
}

/** Cuts the patch whose top left pixel is given: int16, 40 x 40, row by row. */
export function cutPatch(slice, row, column) {
  const patch = new Int16Array(1600);
  for (let i = 0; i < 40; i += 1) {
    const start = (row + i) * slice.columns + column;
    patch.set(slice.hu.subarray(start, start + 40), 40 * i);
  }
  return patch;
}
