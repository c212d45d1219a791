"""How artifacts and executions look in a notebook: HTML without scripts, everything escaped."""

import base64
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from lungnet.pipeline.artifacts import Artifact

#: Beyond these a notebook would become heavy.
_MOST_FILES, _MOST_FIGURES = 30, 8
_LARGEST_FIGURE_BYTES, _LARGEST_TEXT_BYTES = 400_000, 20_000


def result_html(
    component_id: str,
    state: str,
    inputs: Mapping[str, list[Artifact]],
    outputs: Mapping[str, Artifact],
    exec_properties: Mapping[str, Any],
) -> str:
    """Returns what a component took and made.

    Args:
        component_id: its name.
        state: whether and how long it ran.
        inputs, outputs: by key.
        exec_properties: parameters.
    """
    taken = "".join(
        _entry(key, artifact, artifact_html(artifact, figures=False))
        for key, several in inputs.items()
        for artifact in several
    )
    made = "".join(
        _entry(key, artifact, artifact_html(artifact), opened=True) for key, artifact in outputs.items()
    )
    return (
        f"<div><b>{escape(component_id)}</b> {escape(state)}"
        f"{_section('Inputs', taken)}{_section('Outputs', made)}"
        f"<details><summary>Parameters</summary>{_json(exec_properties)}</details></div>"
    )


def artifact_html(artifact: Artifact, figures: bool = True) -> str:
    """Returns properties, files, and on request figures and small JSON files of an artifact."""
    parts = [_json(artifact.properties)] if artifact.properties else []
    if not artifact.uri.is_dir():
        return "".join([*parts, "<p>Its files are gone.</p>"])
    files = sorted(path for path in artifact.uri.rglob("*") if path.is_file())
    parts.append(_files(artifact.uri, files))
    if figures:
        shown = [path for path in files if path.suffix == ".png"]
        shown = [path for path in shown if path.stat().st_size <= _LARGEST_FIGURE_BYTES]
        parts += [_figure(path) for path in shown[:_MOST_FIGURES]]
        texts = [path for path in files if path.suffix == ".json"]
        parts += [_text(path) for path in texts if path.stat().st_size <= _LARGEST_TEXT_BYTES]
    return "".join(parts)


def _entry(key: str, artifact: Artifact, inner: str, opened: bool = False) -> str:
    title = f"{escape(key)}: {escape(artifact.TYPE_NAME)} <code>{escape(str(artifact.uri))}</code>"
    digest = f" <small>sha256 {escape(artifact.digest[:12])}</small>" if artifact.digest else ""
    return f"<details{' open' if opened else ''}><summary>{title}{digest}</summary>{inner}</details>"


def _section(title: str, inner: str) -> str:
    return f"<p>{title}</p>{inner}" if inner else ""


def _files(folder: Path, files: list[Path]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(path.relative_to(folder).as_posix())}</code></td>"
        f"<td>{path.stat().st_size / 1000:,.1f} kB</td></tr>"
        for path in files[:_MOST_FILES]
    )
    more = len(files) - _MOST_FILES
    rest = f"<p>... and {more} more files</p>" if more > 0 else ""
    return f"<table>{rows}</table>{rest}"


def _figure(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    title = escape(path.stem.replace("_", " "))
    return f'<p><img src="data:image/png;base64,{data}" alt="{title}" title="{title}"></p>'


def _text(path: Path) -> str:
    text = escape(path.read_text("utf-8", errors="replace"))
    return f"<details><summary>{escape(path.name)}</summary><pre>{text}</pre></details>"


def _json(values: Mapping[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(dict(values), indent=2, sort_keys=True, default=str))}</pre>"
