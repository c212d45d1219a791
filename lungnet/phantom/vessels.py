"""Arteries, veins and airways of the lungs: trees of tubes.

Cut across they are round and bright like a small nodule, cut along they are bands, and where they
branch they are neither: what a classifier must learn to leave alone.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.phantom.organs import lungs
from lungnet.phantom.slab import Slab
from lungnet.phantom.thorax import Thorax

Points = npt.NDArray[np.float64]

#: Ends of one artery's (or vein's) tree in one lung, and how many more near the slices that are drawn.
TIPS = 260
TIPS_NEAR = 400
#: Radius of a tip, and the power by which the cross-sections of branches add up (Murray's law is 3).
TIP_RADIUS_MM = 0.5
MURRAY = 2.75


@dataclass(frozen=True, eq=False)
class Tubes:
    """Straight pieces of tube.

    Attributes:
        start_mm, end_mm: float64 `(n, 3)`, as (x, y, depth below the apex).
        radius_mm: float64 `(n,)`.
    """

    start_mm: Points
    end_mm: Points
    radius_mm: Points

    @staticmethod
    def join(parts: "list[Tubes]") -> "Tubes":
        """All pieces of several."""
        return Tubes(
            np.concatenate([part.start_mm for part in parts]),
            np.concatenate([part.end_mm for part in parts]),
            np.concatenate([part.radius_mm for part in parts]),
        )


def _tips(
    thorax: Thorax, rng: np.random.Generator, side: int, count: int, depths_mm: tuple[float, float]
) -> Points:
    """Draws points of one lung (`side` 1 is the patient's left), a few of them at the pleura."""
    found: list[Points] = []
    while sum(map(len, found)) < count:
        x = side * rng.uniform(0.0, thorax.half_width_mm, 4 * count)
        y = rng.uniform(-thorax.half_depth_mm, thorax.half_depth_mm, 4 * count)
        depth = rng.uniform(*depths_mm, 4 * count)
        margin = np.where(rng.random(4 * count) < 0.1, 0.5, 5.0)
        level = (depth / thorax.height_mm).astype(np.float32)
        inside = lungs(thorax, x.astype(np.float32), y.astype(np.float32), level) < -margin
        found.append(np.stack([x, y, depth], 1)[inside])
    return np.concatenate(found)[:count]


def _grow(root: Points, toward: Points, tips: Points, rng: np.random.Generator) -> Tubes:
    """Joins every tip, the nearest to the root first, to the piece of the tree that suits it best.

    Args:
        root: `(3,)`, where the tree starts.
        toward: `(3,)`, end of its trunk.
        tips: `(n, 3)`.
        rng: bends the pieces.
    """
    tips = tips[np.argsort(np.linalg.norm(tips - root, axis=1))]
    nodes = np.empty((2 + 2 * len(tips), 3))
    parent = np.zeros(len(nodes), int)
    nodes[0], nodes[1] = root, toward
    heading = np.zeros_like(nodes)
    reach = np.zeros(len(nodes))
    reach[1] = np.linalg.norm(toward - root)
    heading[1] = (toward - root) / reach[1]
    count = 2
    for tip in tips:
        # Every node but the root can branch.
        steps = tip - nodes[1:count]
        lengths = np.sqrt(np.einsum("ij,ij->i", steps, steps))
        ahead = np.einsum("ij,ij->i", steps, heading[1:count])
        # Short ways are good, ways that turn back are not, and neither are long detours from the root.
        best = 1 + int(np.argmin(1.6 * lengths - 0.8 * ahead + 0.25 * reach[1:count]))
        length = lengths[best - 1]
        middle = (nodes[best] + tip) / 2 + rng.normal(0.0, 0.09, 3) * length
        for node, before, point in ((count, best, middle), (count + 1, count, tip)):
            nodes[node], parent[node] = point, before
            heading[node] = (point - nodes[before]) / (math.dist(point, nodes[before]) + 1e-6)
            reach[node] = reach[before] + length / 2
        count += 2
    carried = np.zeros(count)
    carried[3::2] = 1.0
    for node in range(count - 1, 0, -1):
        carried[parent[node]] += carried[node]
    radius = TIP_RADIUS_MM * carried ** (1.0 / MURRAY)
    return Tubes(nodes[parent[1:count]], nodes[1:count], radius[1:count])


def grow_vessels(
    thorax: Thorax, rng: np.random.Generator, depths_mm: tuple[float, float]
) -> tuple[Tubes, Tubes]:
    """Grows the vessels of both lungs and the bronchi beside the larger arteries.

    Args:
        thorax: the chest.
        rng: draws where the branches end.
        depths_mm: depth below the apex of the uppermost and of the lowest slice that is drawn; there
            the finer branches grow as well.

    Returns:
        Blood vessels, and airways.
    """
    scale, depth = thorax.scale, thorax.half_depth_mm
    vessels, airways = [], []
    everywhere = (0.03 * thorax.height_mm, 0.98 * thorax.height_mm)
    near = (max(depths_mm[0] - 12.0, everywhere[0]), min(depths_mm[1] + 12.0, everywhere[1]))
    for side in (-1, 1):
        for at_level, at_y in ((0.46, 0.02), (0.54, -0.06)):
            hilum = np.array([side * 24.0 * scale, at_y * depth, at_level * thorax.height_mm])
            trunk = hilum + np.array([side * 24.0 * scale, rng.uniform(0, 8), rng.uniform(4, 14)])
            tips = np.concatenate(
                [_tips(thorax, rng, side, TIPS, everywhere), _tips(thorax, rng, side, TIPS_NEAR, near)]
            )
            tree = _grow(hilum, trunk, tips, rng)
            vessels.append(tree)
            if at_level < 0.5:
                wide = tree.radius_mm > 2.1
                aside = np.array([-side * 0.4, 0.9, 0.2]) * (1.9 * tree.radius_mm[wide, None])
                airways.append(
                    Tubes(tree.start_mm[wide] + aside, tree.end_mm[wide] + aside, tree.radius_mm[wide] * 0.8)
                )
        carina = np.array([0.0, 0.1 * depth, 0.40 * thorax.height_mm])
        main = np.array([side * 30.0 * scale, 0.08 * depth, 0.50 * thorax.height_mm])
        lower = np.array([side * 42.0 * scale, 0.22 * depth, 0.66 * thorax.height_mm])
        airways.append(Tubes(np.stack([carina, main]), np.stack([main, lower]), np.array([6.5, 4.5]) * scale))
    top = np.array([[0.0, 0.12 * depth, -0.1 * thorax.height_mm]])
    carina = np.array([[0.0, 0.1 * depth, 0.40 * thorax.height_mm]])
    airways.append(Tubes(top, carina, np.array([8.5 * scale])))
    return Tubes.join(vessels), Tubes.join(airways)


def draw_tubes(tubes: Tubes, radius_mm: Points, slab: Slab, thorax: Thorax) -> npt.NDArray[np.float32]:
    """Draws tubes into a volume.

    Args:
        tubes: pieces of tube.
        radius_mm: their radii, `(n,)`.
        slab: the volume. A tube that fills half a slice's thickness is half as bright there.
        thorax: the chest that both lie in.

    Returns:
        float32 `slab.shape`: the share of each voxel that tubes fill, 0 to 1.
    """
    shape, thickness_mm = slab.shape, slab.thickness_mm
    volume = np.zeros(shape, np.float32)
    # Slices go up, depth goes down.
    spacing = np.array([-slab.spacing_mm, slab.pixel_mm, slab.pixel_mm])
    origin = np.array(slab.origin_mm(thorax))
    start = (tubes.start_mm[:, ::-1] - origin) / spacing
    end = (tubes.end_mm[:, ::-1] - origin) / spacing
    margin = (radius_mm[:, None] + [thickness_mm / 2, 0, 0]) / np.abs(spacing) + 1.0
    low = np.maximum(np.ceil(np.minimum(start, end) - margin), 0).astype(int)
    high = np.minimum(np.floor(np.maximum(start, end) + margin) + 1, shape).astype(int)
    edge = 1.2 * slab.pixel_mm
    within = np.array([-0.26, 0.26], np.float32) * np.float32(thickness_mm)
    for piece in np.flatnonzero((low < high).all(1)):
        box = tuple(slice(a, b) for a, b in zip(low[piece], high[piece], strict=True))
        grid = [
            (np.arange(a, b, dtype=np.float32) - np.float32(s)) * np.float32(step)
            for a, b, s, step in zip(low[piece], high[piece], start[piece], spacing, strict=True)
        ]
        axis = ((end[piece] - start[piece]) * spacing).astype(np.float32)
        length = float(axis @ axis) + 1e-6
        z = grid[0][:, None, None, None] + within[:, None, None]
        y, x = grid[1][:, None], grid[2]
        t = np.clip((z * axis[0] + (y * axis[1] + x * axis[2])) / np.float32(length), 0.0, 1.0)
        square = (z - t * axis[0]) ** 2 + (y - t * axis[1]) ** 2 + (x - t * axis[2]) ** 2
        filled = np.clip(0.5 + (np.float32(radius_mm[piece]) - np.sqrt(square)) / np.float32(edge), 0.0, 1.0)
        np.maximum(volume[box], (filled[:, 0] + filled[:, 1]) * np.float32(0.5), out=volume[box])
    return volume
