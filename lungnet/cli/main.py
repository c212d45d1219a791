"""`lungnet VERB ...`: finds the verb's module, and turns errors into one sentence and an exit status."""

import importlib
import logging
import os
import sys

import click

import lungnet
from lungnet.errors import LungnetError

#: Verb -> what `lungnet --help` says of it. The module of that name holds the command.
VERBS = {
    "demo": "The whole method on phantom CTs, in minutes.",
    "run": "The whole method on your CTs or patches.",
    "benchmark": "Cross-validation: the whole method once a fold, Table 1 over folds and seeds.",
    "step": "One step of the pipeline, on what the steps before it made.",
    "compile": "The whole method as a file that a cluster runs.",
    "cohort": "Scans and nodules that enter, and why the others do not.",
    "phantom": "Chest-like CT series with real nodule shapes, as DICOM.",
    "predict": "Probabilities for candidates in a CT, by an ONNX file.",
    "scan": "Nodules in a whole CT, by an ONNX file.",
    "serve": "The classifier over HTTP, by the Open Inference Protocol (KServe v2).",
    "froc": "LUNA16's FROC of detections: sensitivity against false positives per scan.",
    "export": "A trained classifier as ONNX files, or as a model repository for Triton.",
    "report": "The table of a run, as Markdown.",
    "lineage": "What led to a model, down to the CT series.",
}


class LazyVerbs(click.Group):
    """A group that imports a verb's module when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Lists the verbs in the order of `VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports `lungnet.cli.<verb>` and returns its `command`."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"lungnet.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=LazyVerbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(lungnet.__version__, prog_name="lungnet")
def cli() -> None:
    """Lung CT to an ONNX nodule classifier. Research software, not for diagnosis."""


def main() -> None:
    """Runs the command line; exits 0 on success, 2 for wrong usage, 1 for a failure, 130 for Ctrl-C."""
    # Before anything imports TensorFlow, whose banner says nothing to the user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.basicConfig(format="lungnet: %(message)s", level=logging.WARNING, stream=sys.stderr)
    for noisy in ("tensorflow", "tf2onnx", "absl", "h5py"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except LungnetError as error:
        click.echo(f"lungnet: {_printable(str(error))}", err=True)
        code = 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("lungnet: interrupted; what was complete is kept.", err=True)
        code = 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _printable(message: str) -> str:
    """Escapes what would steer a terminal: names of files and values of headers may hold anything."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in message)
