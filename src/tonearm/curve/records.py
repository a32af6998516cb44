"""What curve.json holds, checked when it is read.

Conventions
-----------
All accuracies are shares in [0, 1]; bounds are of 95 % intervals and None where nothing could be resampled.
"""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tonearm.experiment.records import Bounds, Count, Record, Share
from tonearm.settings import CurveAxis

Amount = Annotated[float, Field(gt=0, le=1e12)]
Difference = Annotated[float, Field(ge=-1, le=1)]


class SizeRecord(Record):
    """One size: mean numbers of training artists (0 where none are known) and clips, and what was measured.

    spread: standard deviation of a split's accuracy over the subsets, None with one subset.
    """

    artists: Annotated[float, Field(ge=0, le=1e12)]
    clips: Amount
    accuracy: Share
    interval: Bounds
    spread: Annotated[float, Field(ge=0, le=1)] | None

    @model_validator(mode="after")
    def _inside(self) -> Self:
        low, high = self.interval
        if low is not None and high is not None and low > high:
            raise ValueError("the bounds of an accuracy are not in order")
        return self


class PromiseRecord(Record):
    """The fitted law (error = a + b * amount ** -c), and what it gives for twice as many.

    amount: artists or clips, twice the most that was measured. gain: of the law, from the most that was measured on.
    """

    a: Share
    b: Annotated[float, Field(ge=0, le=1e300)]
    c: Annotated[float, Field(gt=0, le=10)]
    amount: Amount
    accuracy: Share
    interval: tuple[Share, Share]
    gain: Difference
    gain_interval: tuple[Difference, Difference]


class AxisRecord(Record):
    """What grew, its sizes from the smallest, and what twice as many promise, or why nothing is promised."""

    by: CurveAxis
    sizes: tuple[SizeRecord, ...]
    promise: PromiseRecord | None
    refusal: str

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        amounts = self.amounts()
        if any(more <= less for less, more in pairwise([0.0, *amounts])):
            raise ValueError(f"the sizes of {self.by} do not ascend")
        if (self.promise is None) != bool(self.refusal):
            raise ValueError("there is either a promise or a reason why there is none")
        return self

    def amounts(self) -> list[float]:
        """Number of artists or clips of each size."""
        return [size.artists if self.by == "artist" else size.clips for size in self.sizes]


class ContrastRecord(Record):
    """Accuracy by all artists minus accuracy by part of them, with equally many clips: the mean over some sizes."""

    difference: Difference
    interval: Bounds
    sizes: Count


class ModelRecord(Record):
    """A model's curve. failures: reasons of trainings that failed, whose sizes are left out."""

    model: str
    axes: tuple[AxisRecord, ...]
    contrast: ContrastRecord | None
    failures: tuple[str, ...]


class CurveRecord(Record):
    """curve.json. division: the sentence on how the clips were divided. judged_clips, judged_groups: who judges."""

    format: Literal[1]
    division: str
    judged_clips: Count
    judged_groups: Count
    repeats: Count
    trainings: Count
    notes: tuple[str, ...]
    models: tuple[ModelRecord, ...] = Field(min_length=1)
