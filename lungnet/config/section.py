"""What all sections of the configuration are made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]

#: What an anomaly does: ends the run, is logged and kept, or is not looked for.
Severity = Literal["fail", "report", "ignore"]

#: Rows of Table 1, in the paper's order, and two that look at one number of a patch.
Row = Literal["gan_cae_calm", "gan_cae_nn", "gan_cae_lr", "gan_cae_svm", "ae", "cnn", "brightness", "size"]


class Section(BaseModel):
    """Base of all sections: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
