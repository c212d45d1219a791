"""Opens a run's TensorBoard in headless Chromium, says what its dashboards show, and takes their pictures.

lungnet demo
python benchmarks/tensorboard_screenshots.py lungnet-demo --to docs/figures

What was seen is printed as JSON: of each scalar its run, its last value and whether a line is drawn, of each
image its run and size, of the PR curves the runs, of the projector how many points of which dimension.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from browser import Browser, missing
from PIL import Image

from lungnet.cli.tensorboard import serve_tensorboard

#: Size of the window for pictures.
WIDTH, HEIGHT = 1500, 1000
#: Room for three rows of charts, and for the width of the ROC figure.
THREE_ROWS, WIDE = 1320, 1950
#: Height of a window in which every card is in view, for cards out of view stay empty.
TALL = 2300
#: Tags of one page; a page has room for twelve.
PAGES = ("^gan/|^cnn/", "^cae/", "^calm/", "^fine_tuning/|^gan_cae_nn/|^ae/")
#: What the pictures for the documentation show.
SCALARS_SHOWN = "gan/(critic_loss|wassers|gradient_norm)|calm/(cluster|changed|intra|.*loss)"
IMAGES_SHOWN = "gan/real_and_synthetic|cae/layer_./reconstruction$"

#: Finds elements in shadow roots and frames as if they were in the page.
DEEP = """
function deep(selector, root = document, found = []) {
  for (const element of root.querySelectorAll("*")) {
    if (element.matches(selector)) found.push(element);
    const inner = element.shadowRoot || (element.tagName === "IFRAME" && element.contentDocument);
    if (inner) deep(selector, inner, found);
  }
  return found;
}
function box(element) {
  const {left, top, right, bottom} = element.getBoundingClientRect();
  return [left, top, right, bottom].map(Math.round);
}
"""

SCALARS = """
const cards = deep("scalar-card").map(card => ({
  tag: card.querySelector("tb-truncated-path").title,
  cells: [...card.querySelectorAll("tb-data-table-content-cell")].map(e => e.innerText.trim()).filter(e => e),
  box: [...card.querySelectorAll("line-chart canvas")].map(box)[0],
}));
return cards.length && cards.every(card => card.box && card.cells.length) ? cards : null;
"""

IMAGES = """
deep("tf-category-paginated-view").filter(group => !group.opened && group.category.items.length)
  .forEach(group => group.shadowRoot.querySelector("button.heading").click());
const images = deep("tf-image-loader").map(loader => {
  const image = loader.shadowRoot.querySelector("#main-image-container img");
  return {tag: loader.tag, run: loader.run, size: image ? [image.naturalWidth, image.naturalHeight] : [0, 0]};
});
return images.length >= arguments[0] && images.every(image => image.size[0]) ? images : null;
"""

IMAGES_SERVED = """
return fetch("data/plugin/images/tags").then(answer => answer.json())
  .then(runs => Object.values(runs).flatMap(tags => Object.keys(tags)).length);
"""

CARDS_LOADED = """
const images = deep("image-card img");
return deep("card-view").length && images.every(image => image.naturalWidth) && {images: images.length};
"""

WITHOUT_SETTINGS = """
deep(".scalars-step-selector input").filter(box => box.checked).forEach(box => box.click());
deep("button[aria-label='Close side pane']").forEach(button => button.click());
"""

CURVES = """
const lines = deep("path.line").filter(path => (path.getAttribute("d") || "").includes("L"));
const runs = deep("tf-pr-curve-card").flatMap(card => card.runs);
return lines.length && lines.length === runs.length ? {runs} : null;
"""

PROJECTOR = """
const [points, dimension] = ["numDataPoints", "dim"].map(name => deep(`span.${name}`)[0]?.innerText);
const sprites = deep("iframe").flatMap(frame => frame.contentWindow.performance.getEntriesByType("resource"))
  .filter(entry => entry.name.includes("sprite_image") && entry.decodedBodySize > 0);
const scene = deep("#scatter")[0];
if (!points || !scene || !sprites.length) return null;
const frames = deep("iframe").map(box);
const [left, top] = [0, 1].map(side => frames.reduce((sum, frame) => sum + frame[side], 0));
const [x, y, right, bottom] = box(scene);
const place = [x + left, y + top, right + left, bottom + top];
return {points: Number(points), dimension: Number(dimension), box: place};
"""


def main() -> None:
    """Looks at every dashboard in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("root", type=Path, help="pipeline root")
    parser.add_argument("--to", type=Path, required=True, help="folder for tensorboard_*.png")
    options = parser.parse_args()
    if missing():
        sys.exit(f"{missing()} is not installed (Debian: apt-get install chromium chromium-driver).")
    options.to.mkdir(parents=True, exist_ok=True)
    with serve_tensorboard(options.root / "tensorboard") as url, Browser(WIDTH, HEIGHT) as browser:
        dashboards = Dashboards(browser, url, options.to)
        seen = {
            "scalars": dashboards.scalars(),
            "images": dashboards.images(),
            "pr_curves": dashboards.pr_curves(),
            "projector": dashboards.projector(),
        }
    print(json.dumps(seen, indent=2))


class Dashboards:
    """The dashboards of one TensorBoard; each method returns what one shows, and takes a picture of it."""

    def __init__(self, browser: Browser, url: str, folder: Path) -> None:
        self.browser, self.url, self.folder = browser, url, folder

    def scalars(self) -> dict[str, Any]:
        """Returns tag -> run and last value, once a line (or a dot) is drawn for each."""
        seen: dict[str, Any] = {}
        self.browser.resize(WIDE, TALL)
        for tags in PAGES:
            self._open("timeseries", tags)
            cards = self.browser.until(DEEP + SCALARS)
            self._until_drawn([card["box"] for card in cards], coloured, 10)
            seen |= {card["tag"]: {"run": card["cells"][0], "value": card["cells"][1]} for card in cards}
        self.browser.resize(WIDTH, THREE_ROWS)
        self._open("timeseries", SCALARS_SHOWN)
        cards = self.browser.until(DEEP + SCALARS)
        self._without_settings()
        self._save("scalars")
        return seen

    def images(self) -> list[dict[str, Any]]:
        """Returns tag, run and size of every image, once all are loaded."""
        self.browser.resize(WIDTH, HEIGHT)
        self._open("timeseries", IMAGES_SHOWN)
        self.browser.until(DEEP + CARDS_LOADED)
        self._without_settings()
        self._save("images")
        self.browser.resize(WIDE, TALL)
        self._open("images")
        served = self.browser.until(IMAGES_SERVED)
        seen: list[dict[str, Any]] = self.browser.until(DEEP + IMAGES, served)
        self.browser.resize(WIDE, THREE_ROWS)
        self.browser.run(DEEP + 'deep("tf-tag-filterer")[0].set("_tagFilter", "figures/roc");')
        self.browser.run(DEEP + 'deep("tf-image-dashboard")[0].set("_actualSize", true);')
        self.browser.until(DEEP + IMAGES, 1)
        self._save("roc")
        return seen

    def pr_curves(self) -> dict[str, Any]:
        """Returns the runs for which a curve is drawn."""
        self.browser.resize(WIDTH, HEIGHT)
        self._open("pr_curves")
        seen: dict[str, Any] = self.browser.until(DEEP + CURVES)
        self._save("pr_curves")
        return seen

    def projector(self) -> dict[str, Any]:
        """Returns number and dimension of the points, once their patches are drawn."""
        self._open("projector")
        seen: dict[str, Any] = self.browser.until(DEEP + PROJECTOR)
        self._until_drawn([seen.pop("box")], dark, 1000)
        colour = 'deep("vz-projector-data-panel")[0].set("selectedColorOptionName", "kind");'
        self.browser.run(DEEP + colour)
        time.sleep(1.0)
        self._save("projector")
        return seen

    def _open(self, dashboard: str, tags: str = "") -> None:
        self.browser.go("about:blank")  # another fragment alone would not load the page anew
        self.browser.go(f"{self.url}?tagFilter={quote(tags)}&smoothing=0#{dashboard}")

    def _without_settings(self) -> None:
        """Makes room for cards: no table of values below a chart, no pane of settings."""
        self.browser.run(DEEP + WITHOUT_SETTINGS)
        time.sleep(1.0)  # charts move to their new places

    def _until_drawn(
        self, boxes: list[list[int]], which: Callable[[np.ndarray], np.ndarray], least: int
    ) -> None:
        """Waits until there are at least `least` pixels of a kind in each box of the window."""
        end = time.monotonic() + 30.0
        while True:
            picture = self.browser.screenshot()
            crops = [np.asarray(picture.crop(tuple(box)), np.int16) for box in boxes]
            empty = [box for box, crop in zip(boxes, crops, strict=True) if which(crop).sum() < least]
            if not empty:
                return
            if time.monotonic() > end:
                raise TimeoutError(
                    f"nothing is drawn at {empty} of {self.browser.run('return document.URL')}"
                )
            time.sleep(0.2)

    def _save(self, name: str) -> None:
        picture = self.browser.screenshot().quantize(256, dither=Image.Dither.NONE)
        picture.save(self.folder / f"tensorboard_{name}.png", optimize=True)


def coloured(pixels: np.ndarray) -> np.ndarray:
    """Returns which pixels are neither white nor grey nor black, as lines are and axes are not."""
    return np.ptp(pixels, axis=2) > 20


def dark(pixels: np.ndarray) -> np.ndarray:
    """Returns which pixels are dark, as patches of a lung are and the space about them is not."""
    return pixels.max(axis=2) < 100


if __name__ == "__main__":
    main()
