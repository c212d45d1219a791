"""`lungnet lineage`: what led to a model, down to the series."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from lungnet.cli import options
from lungnet.files import write_text
from lungnet.pipeline import look_at
from lungnet.pipeline.lineage import Lineage, facts, find_artifact, moment, trace
from lungnet.pipeline.lineage_drawing import to_html, to_mermaid
from lungnet.pipeline.metadata_records import StoredArtifact

#: Series that are printed unless all are asked for.
_SHOWN_SERIES = 5
#: A line that a program reads is not broken.
_NO_LIMIT = 2000

EPILOG = """\b
Examples:
  lungnet lineage --root lungnet-demo
  lungnet lineage runs/lidc/CalmTrainer/classifier/7 --root runs/lidc --html lineage.html
"""


@click.command(epilog=EPILOG)
@click.argument("artifact", required=False)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="lungnet-run",
    show_default=True,
    help="Pipeline root that the artifact lies in.",
)
@options.metadata
@click.option("--all", "everything", is_flag=True, help="All series, and the parameters of each step.")
@click.option("--mermaid", is_flag=True, help="Print a Mermaid flowchart instead of the tree.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the tree.")
@click.option(
    "--html",
    "html_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with a drawing, which needs no network.",
)
def command(
    artifact: str | None,
    root: Path,
    metadata: str | None,
    everything: bool,
    mermaid: bool,
    as_json: bool,
    html_file: Path | None,
) -> None:
    """Prints what ARTIFACT was made of; by default the newest model.

    ARTIFACT is an id, a folder, a file in it, or a component, which stands for its newest output.
    """
    with look_at(root, metadata) as session:
        lineage = trace(session, find_artifact(session, artifact))
    if html_file is not None:
        write_text(html_file, to_html(lineage))
        click.echo(f"Written to {html_file}", err=True)
    elif mermaid:
        click.echo(to_mermaid(lineage), nl=False)
    elif as_json:
        click.echo(json.dumps(lineage.to_json(), indent=2, sort_keys=True))
    else:
        terminal = Console().is_terminal
        console = Console() if terminal else Console(width=_NO_LIMIT)
        console.print(_tree(lineage, everything), highlight=False)


def _tree(lineage: Lineage, everything: bool) -> Tree:
    shown: set[int] = set()

    def add(tree: Tree, artifact: StoredArtifact) -> None:
        maker = lineage.makers[artifact.id]
        if artifact.id in shown or maker is None:
            return
        shown.add(artifact.id)
        if everything:
            tree.add(Text(json.dumps(maker.properties.get("parameters", {}), sort_keys=True), style="dim"))
        for key, one in lineage.before(artifact.id):
            again = " (see above)" if one.id in shown else ""
            add(tree.add(_line(lineage, one, f"{key}: ", again)), one)
        uids = lineage.series_uids[maker.id]
        if uids:
            branch = tree.add(Text(f"{len(uids)} CT series"))
            count = len(uids) if everything else _SHOWN_SERIES
            for uid in uids[:count]:
                branch.add(Text(uid))
            if len(uids) > count:
                branch.add(Text(f"... and {len(uids) - count} more (--all)"))

    tree = Tree(_line(lineage, lineage.target))
    add(tree, lineage.target)
    return tree


def _line(lineage: Lineage, artifact: StoredArtifact, before: str = "", after: str = "") -> Text:
    maker = lineage.makers[artifact.id]
    line = Text(before).append(artifact.type, style="bold").append(f" {artifact.uri}")
    line.append(f"  sha256 {artifact.digest[:12]}", style="dim")
    if maker is not None:
        line.append(f"  {maker.name} #{maker.id}, {moment(artifact.create_time)}", style="dim")
    if not after and (known := facts(artifact)):
        line.append(f"  {known}", style="dim")
    return line.append(after)
