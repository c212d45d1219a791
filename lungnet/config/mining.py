"""Settings of hard negatives: what the trained scanner wrongly takes for nodules in training CTs."""

from typing import Annotated

from pydantic import Field

from lungnet.config.section import Count, Fraction, Section


class MiningConfig(Section):
    """How false positives become training negatives of a second round.

    Attributes:
        rounds: 0 trains once; 1 scans the training CTs with what was trained, and trains again with its false
            positives among the negatives.
        threshold: least probability of a false positive that is mined; None takes that of a detection
            (`scan.threshold`, or the model's own decision threshold).
        max_per_series: the most probable ones of a series that are mined; the others are dropped.
        max_share: of the training negatives that may be mined; the rest stays drawn at random, so that the
            second round does not forget what the first one found easy.
    """

    rounds: Annotated[int, Field(ge=0, le=1)] = 0
    threshold: Fraction | None = None
    max_per_series: Count = 20
    max_share: Fraction = 0.5
