"""What is drawn of a curve, in the picture and in the report: lines with bands, and the law as far as it promises."""

from collections.abc import Iterator, Sequence

import numpy as np

from tonearm.curve.records import AxisRecord, CurveRecord, ModelRecord
from tonearm.evaluation.power_law import PowerLaw
from tonearm.plots import BandLine
from tonearm.theme import places

LAW_POINTS = 25


def panels(record: CurveRecord, ranking: Sequence[str] = ()) -> Iterator[tuple[str, list[BandLine]]]:
    """Name of each horizontal axis, and the lines over it: accuracy by artists, and by clips.

    ranking: of the experiment in the same folder, whose colours the models have; () where there is none.
    """
    grown = {axis.by for model in record.models for axis in model.axes if axis.sizes}
    if "artist" in grown:
        own = [_line(each, axis, "artist", look) for look, each, axis in _axes(record, ranking) if axis.by == "artist"]
        yield "artists in training", own
    if "clip" in grown:
        yield "clips in training", [_line(each, axis, "clip", look) for look, each, axis in _axes(record, ranking)]


def _axes(record: CurveRecord, ranking: Sequence[str]) -> Iterator[tuple[int, ModelRecord, AxisRecord]]:
    looks = places([model.model for model in record.models], ranking)
    for look, model in zip(looks, record.models, strict=True):
        for axis in model.axes:
            if axis.sizes:
                yield look, model, axis


def _line(model: ModelRecord, axis: AxisRecord, across: str, look: int) -> BandLine:
    places = [size.artists if across == "artist" else size.clips for size in axis.sizes]
    points = [(place, size.accuracy) for place, size in zip(places, axis.sizes, strict=True)]
    band = [
        (place, low, high)
        for place, (low, high) in zip(places, (size.interval for size in axis.sizes), strict=True)
        if low is not None and high is not None
    ]
    several = across == "clip" and any(other.by == "artist" for other in model.axes)
    if several:
        band = []  # two for each model would hide one another
    law: list[tuple[float, float]] = []
    if axis.promise is not None and axis.by == across:
        if band:
            band.append((axis.promise.amount, *axis.promise.interval))
        found = PowerLaw(axis.promise.a, axis.promise.b, axis.promise.c)
        law = [(x, 1 - found.at(x)) for x in np.geomspace(places[0], axis.promise.amount, LAW_POINTS).tolist()]
    of_all = axis.by == "clip" and any(size.artists for size in axis.sizes)
    name = f"{model.model}, {'all artists' if of_all else 'part of the artists'}" if several else model.model
    return BandLine(name, points, band, law, look, of_all and several)
