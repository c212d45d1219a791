// The slice in grey, the heat map over it in colour, the chosen patch as a frame.

const WINDOW_HU = [-1000, 400];
const PATCH = 40;

/** Anchors of the colours from 0 to 1: clear, then violet, red, orange, light yellow. */
const COLOURS = [
  [0, [60, 20, 110, 0]],
  [0.2, [95, 25, 120, 60]],
  [0.5, [200, 50, 70, 190]],
  [0.75, [250, 140, 20, 225]],
  [1, [255, 245, 140, 245]],
];

/** Returns red, green, blue and opacity, 0 to 255 each, of a probability. */
export function colourOf(probability) {
  const above = Math.max(1, COLOURS.findIndex(([at]) => at >= probability));
  const [[from, low], [to, high]] = [COLOURS[above - 1], COLOURS[above]];
  const share = (probability - from) / (to - from);
  return low.map((value, i) => Math.round(value + share * (high[i] - value)));
}

/** Paints values, one a pixel, on a canvas of their size. */
function painted(columns, rows, colour) {
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i += 1) image.data.set(colour(i), 4 * i);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Paints a slice once, to be drawn many times. */
export function paintSlice({ hu, rows, columns }) {
  const [low, high] = WINDOW_HU;
  return painted(columns, rows, (i) => {
    const grey = Math.max(0, Math.min(255, Math.round((255 * (hu[i] - low)) / (high - low))));
    return [grey, grey, grey, 255];
  });
}

/** Paints a heat map once, one pixel a cell. */
export function paintHeat({ probability, rows, columns }) {
  return painted(columns, rows, (i) => colourOf(probability[i]));
}

/** Draws a slice, its heat map (a cell about the centre of its patch) and the frame of a patch. */
export function draw(canvas, picture, heat, map, opacity, patch) {
  const context = canvas.getContext("2d");
  context.globalAlpha = 1;
  context.drawImage(picture, 0, 0);
  context.globalAlpha = opacity;
  const first = PATCH / 2 - map.stride / 2;
  context.drawImage(heat, first, first, map.columns * map.stride, map.rows * map.stride);
  context.globalAlpha = 1;
  context.strokeStyle = "#7fe3ff";
  context.lineWidth = 1.5;
  context.strokeRect(patch.column + 0.5, patch.row + 0.5, PATCH - 1, PATCH - 1);
}
