"""The model card of the model that comes with lungnet: a run's own card, with what shipping adds."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from lungnet.evaluation.markdown import markdown_table
from lungnet.evaluation.model_card import model_card
from lungnet.evaluation.model_card_schema import Description, License, ModelCard, Owner
from lungnet.evaluation.model_card_text import model_card_markdown

WEIGHTS_LICENCE = (
    "Of the weights, as of lungnet. They were trained on the data below, which ask for attribution wherever "
    "the weights go."
)
#: Beyond what every run's card warns of.
NOT_TESTED = (
    "Not tested as a detector in whole CTs (`lungnet scan`, `POST /scan`): no sensitivity and no rate of "
    "false positives per CT was measured (`lungnet froc` measures them). It was trained on places that an "
    "algorithm took for nodules, has seen little of what else a lung holds, and calls many places nodules "
    "that are none.",
    "CTs of LIDC-IDRI may be among those that its training patches were cut from: what it finds there says "
    "nothing of other CTs.",
    "Not tested on real 16-bit Hounsfield units (its patches had been rebuilt from 8-bit pictures), thick "
    "slices, other manufacturers and kernels one by one: the patches do not say what they were taken with.",
)


class ShippedFile(BaseModel):
    """Attributes: `sha256` and `size_bytes` of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    size_bytes: int


class Shipping(BaseModel):
    """Attributes: `commands` that remake the files, `files` by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    commands: tuple[str, ...]
    files: dict[str, ShippedFile]


class ShippedCard(ModelCard):
    """A model card that belongs to certain files.

    Attributes:
        shipping: see there.
    """

    shipping: Shipping


def shipped_card(metrics: Mapping[str, Any], shipping: Shipping) -> ShippedCard:
    """Returns the card of a run's first row as it ships.

    Args:
        metrics: what `metrics.json` of the run holds.
        shipping: which files, and how they were made.
    """
    card = model_card(metrics)
    details = card.model_details.model_copy(
        update={
            "documentation": "README.md of lungnet; model.json beside this card.",
            "owners": (Owner(name="the authors of lungnet"),),
            "licenses": (License(identifier="Apache-2.0", custom_text=WEIGHTS_LICENCE),),
        }
    )
    limits = (*(Description(description=one) for one in NOT_TESTED), *card.considerations.limitations)
    considerations = card.considerations.model_copy(update={"limitations": limits})
    parts = {name: getattr(card, name) for name in ModelCard.model_fields}
    parts |= {"model_details": details, "considerations": considerations}
    return ShippedCard(**parts, shipping=shipping)


def shipped_card_markdown(card: ShippedCard) -> str:
    """Returns the card for people."""
    commands = "\n".join(f"$ {command}" for command in card.shipping.commands)
    rows = [
        (f"`{name}`", f"{one.size_bytes:,}", f"`{one.sha256}`") for name, one in card.shipping.files.items()
    ]
    return (
        f"{model_card_markdown(card)}\n## How it was made\n\n```console\n{commands}\n```\n\n"
        f"{markdown_table(('File', 'Bytes', 'SHA-256'), rows)}\n"
    )
