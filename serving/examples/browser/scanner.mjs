// scanner.onnx in the browser: WebAssembly, nothing leaves the page.

import * as ort from "./vendor/ort.wasm.min.mjs";
import { cutPatch } from "./dicom_slice.mjs";

ort.env.wasm.wasmPaths = new URL("./vendor/", import.meta.url).href;

ort.env.wasm.numThreads = 1; // more need a page that is isolated (COOP and COEP headers)

const PATCH = 40;
const STRIDE = 8; // the file's metadata have it, which onnxruntime-web does not show

/** What judges slices and patches; one run at a time. */
export class Scanner {
  #session;
  #last = Promise.resolve();

  /** Opens the model at a URL. */
  static async open(url) {
    const scanner = new Scanner();
    scanner.#session = await ort.InferenceSession.create(url, { executionProviders: ["wasm"] });
    return scanner;
  }

  /**
   * Judges all positions of a slice.
   *
   * @returns {Promise<{probability: Float32Array, rows: number, columns: number, stride: number}>} cell (i, j) is
   * the probability of the patch whose top left pixel is (stride i, stride j).
   */
  async heatMap({ hu, rows, columns }) {
    const output = await this.#run(hu, rows, columns);
    const [, down, across] = output.dims;
    if ([rows, columns].some((size, i) => Math.floor((size - PATCH) / STRIDE) + 1 !== [down, across][i])) {
      throw new Error(`The scanner has another stride; expected ${STRIDE} pixels.`);
    }
    return { probability: output.data, rows: down, columns: across, stride: STRIDE };
  }

  /** Returns the probability of the patch whose top left pixel is given. */
  async patch(slice, row, column) {
    return (await this.#run(cutPatch(slice, row, column), PATCH, PATCH)).data[0];
  }

  #run(hu, rows, columns) {
    const run = async () => {
      const slices = new ort.Tensor("int16", hu, [1, rows, columns]);
      return (await this.#session.run({ slices_hu: slices })).probability;
    };
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }
}
