"""Draws the lineage of an artifact: as Mermaid text, and as a page that needs nothing else."""

import itertools
from collections.abc import Mapping
from html import escape

from lungnet.pipeline.lineage import Lineage, facts, moment
from lungnet.pipeline.metadata_records import StoredArtifact

_WIDTH, _LANE, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 230, 20, 58, 40, 46, 24
_DRAWING_STYLE = """
rect { fill: #f3f6fa; stroke: #8fa3b8; } .target rect { fill: #dfeefe; stroke: #2f6fb0; stroke-width: 2; }
.series rect { fill: #fdf3e1; stroke: #c9a25a; }
path { fill: none; stroke: #9fb0c0; }
text { font: 12px system-ui, sans-serif; fill: #1d2733; } .small { fill: #5b6b7b; font-size: 11px; }
"""
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem; color: #1d2733; }
h1 { font-size: 1.25rem; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { padding: .25rem .7rem; text-align: left; vertical-align: top; }
td:nth-child(3), td code { white-space: nowrap; } td:last-child { overflow-wrap: anywhere; }
tr:nth-child(even) { background: #f6f8fa; } code { font-size: 12px; }
"""

#: Artifact id, ("series", execution id), or ("lane", number) of an edge that passes a layer.
Node = int | tuple[str, int]


def to_mermaid(lineage: Lineage) -> str:
    """Returns a Mermaid flowchart from the first inputs to the artifact."""
    lines = ["flowchart TD"]
    for artifact in lineage.artifacts.values():
        lines.append(f'  a{artifact.id}["{_quoted(artifact.type)}<br/>{_quoted(artifact.uri)}"]')
    for execution, uids in lineage.series_uids.items():
        if uids:
            lines.append(f'  s{execution}(["{len(uids)} CT series"])')
    for artifact in lineage.artifacts.values():
        maker = lineage.makers[artifact.id]
        for key, one in lineage.before(artifact.id):
            lines.append(f'  a{one.id} -- "{_quoted(key)}" --> a{artifact.id}')
        if maker is not None and lineage.series_uids.get(maker.id):
            lines.append(f"  s{maker.id} --> a{artifact.id}")
    lines.append(f"  style a{lineage.target.id} stroke-width:3px")
    return "\n".join(lines) + "\n"


def to_html(lineage: Lineage) -> str:
    """Returns a page with the drawing, every artifact with its properties, and the series.

    It holds no script and asks for nothing from elsewhere; all names are escaped.
    """
    rows = "".join(_row(lineage, one) for one in sorted(lineage.artifacts.values(), key=lambda one: -one.id))
    series = "".join(
        f"<details><summary>{len(uids)} CT series read by execution {execution}</summary><p><code>"
        f"{'<br>'.join(escape(uid) for uid in uids)}</code></p></details>"
        for execution, uids in lineage.series_uids.items()
        if uids
    )
    title = escape(f"Lineage of {lineage.target.type} {lineage.target.uri}")
    head = "<tr><th>Artifact</th><th>Made by</th><th>When, UTC</th><th>SHA-256</th><th>Properties</th></tr>"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{to_svg(lineage)}"
        f"<table>{head}{rows}</table>{series}</body></html>\n"
    )


def to_svg(lineage: Lineage) -> str:
    """Returns the drawing as an SVG file that needs nothing else; all names are escaped."""
    layers, routes = _routes(_edges(lineage))
    spans = [sum(_span(node) + _GAP_X for node in layer) - _GAP_X for layer in layers]
    width = 2 * _MARGIN + max(spans)
    height = 2 * _MARGIN + len(layers) * (_HEIGHT + _GAP_Y) - _GAP_Y
    middle: dict[Node, float] = {}
    top: dict[Node, int] = {}
    for level, (layer, span) in enumerate(zip(layers, spans, strict=True)):
        left = (width - span) / 2
        for node in layer:
            middle[node], top[node] = left + _span(node) / 2, _MARGIN + level * (_HEIGHT + _GAP_Y)
            left += _span(node) + _GAP_X
    lines = [_line(route, middle, top) for route in routes]
    boxes = [_box(lineage, node, middle[node] - _WIDTH / 2, top[node]) for node in _edges(lineage)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><style>{_DRAWING_STYLE}</style>{"".join(lines)}{"".join(boxes)}</svg>'
    )


def _row(lineage: Lineage, artifact: StoredArtifact) -> str:
    maker = lineage.makers[artifact.id]
    made_by = f"{maker.name}, execution {maker.id}" if maker else "outside"
    cells = (
        f"{escape(artifact.type)}<br><code>{escape(artifact.uri)}</code>",
        escape(made_by),
        moment(artifact.create_time),
        f"<code>{escape(artifact.digest[:16])}</code>",
        escape(facts(artifact, longest=400)),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _edges(lineage: Lineage) -> dict[Node, list[Node]]:
    """Node -> the nodes it was made of."""
    edges: dict[Node, list[Node]] = {}
    for artifact in lineage.artifacts.values():
        maker = lineage.makers[artifact.id]
        edges[artifact.id] = list(dict.fromkeys(one.id for _, one in lineage.before(artifact.id)))
        if maker is not None and lineage.series_uids.get(maker.id):
            edges[artifact.id].append(("series", maker.id))
            edges[("series", maker.id)] = []
    return edges


def _routes(edges: Mapping[Node, list[Node]]) -> tuple[list[list[Node]], list[list[Node]]]:
    """Parts nodes into layers by the longest way from the first inputs.

    Returns:
        The layers, and each edge as the nodes that it passes: a lane (a node of its own) in every layer
        between its ends, so that no line runs behind a box.
    """
    depth: dict[Node, int] = {}

    def measure(node: Node) -> int:
        if node not in depth:
            depth[node] = 1 + max((measure(one) for one in edges[node]), default=-1)
        return depth[node]

    for node in edges:
        measure(node)
    layers: list[list[Node]] = [[] for _ in range(max(depth.values()) + 1)]
    for node, level in depth.items():
        layers[level].append(node)
    routes: list[list[Node]] = []
    for node, before in edges.items():
        for one in before:
            lanes: list[Node] = [("lane", len(routes) * len(layers) + n) for n in range(depth[node])]
            lanes = lanes[depth[one] + 1 :]
            for level, lane in enumerate(lanes, depth[one] + 1):
                layers[level].append(lane)
            routes.append([one, *lanes, node])
    _order(layers, routes)
    return layers, routes


def _order(layers: list[list[Node]], routes: list[list[Node]]) -> None:
    """Sorts each layer so that its nodes stand below what leads to them."""
    leading: dict[Node, list[Node]] = {}
    for route in routes:
        for one, next_one in itertools.pairwise(route):
            leading.setdefault(next_one, []).append(one)
    place: dict[Node, float] = {}
    for layer in layers:
        layer.sort(key=lambda node: _mean([place[one] for one in leading.get(node, [])]))
        place |= {node: index - (len(layer) - 1) / 2 for index, node in enumerate(layer)}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _span(node: Node) -> int:
    return _LANE if isinstance(node, tuple) and node[0] == "lane" else _WIDTH


def _line(route: list[Node], middle: Mapping[Node, float], top: Mapping[Node, int]) -> str:
    bend = 0.6 * _GAP_Y
    path = f"M{middle[route[0]]:.0f} {top[route[0]] + _HEIGHT}"
    for one, next_one in itertools.pairwise(route):
        x, y, to_x, to_y = middle[one], top[one] + _HEIGHT, middle[next_one], top[next_one]
        path += f"C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y}"
        if next_one is not route[-1]:
            path += f"V{to_y + _HEIGHT}"
    return f'<path d="{path}"/>'


def _box(lineage: Lineage, node: Node, x: float, y: float) -> str:
    if isinstance(node, tuple):
        kind, first, second = (
            "series",
            f"{len(lineage.series_uids[node[1]])} CT series",
            "outside the pipeline",
        )
    else:
        artifact = lineage.artifacts[node]
        kind = "target" if node == lineage.target.id else "artifact"
        first, second = artifact.type, artifact.uri
    return (
        f'<g class="{kind}"><rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{x + 12:.0f}" y="{y + 24:.0f}">{escape(first)}</text>'
        f'<text class="small" x="{x + 12:.0f}" y="{y + 43:.0f}">{escape(_shortened(second))}</text></g>'
    )


def _shortened(text: str, most: int = 36) -> str:
    return text if len(text) <= most else f"...{text[-most + 3 :]}"


def _quoted(text: str) -> str:
    """Text for a Mermaid label: its own quotes and brackets would end it."""
    return escape(text, quote=True).replace("#", "&num;").replace("&", "#").replace("\n", " ")
