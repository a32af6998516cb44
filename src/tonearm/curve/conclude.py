"""From trainings to curve.json: accuracies with intervals, promises, and artists against clips."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.curve.estimate import Measured, Numbers, resample
from tonearm.curve.points import Point
from tonearm.curve.promise import Promise, promise
from tonearm.curve.records import AxisRecord, ContrastRecord, CurveRecord, ModelRecord, PromiseRecord, SizeRecord
from tonearm.curve.subsets import artist_codes
from tonearm.curve.trainings import Trainings, artist_count
from tonearm.data.dataset import Dataset, group_or_own
from tonearm.evaluation.uncertainty import Interval, percentile_interval
from tonearm.experiment.jobs import Job
from tonearm.experiment.records import Bounds
from tonearm.splits.parts import Division


def conclude(
    clips: Dataset,
    division: Division,
    trainings: Sequence[Trainings],
    points: Mapping[str, Point],
    repeats: int,
    notes: Sequence[str],
) -> CurveRecord:
    """What curve.json holds. points: what came out of each training, by digest."""
    judged = np.unique(np.concatenate([split.judged for split in division.splits]))
    names, codes = np.unique(group_or_own(clips.groups[judged], judged).astype(str), return_inverse=True)
    groups = np.full(len(clips), -1)
    groups[judged] = codes
    found = [
        _model(name, list(own), artist_codes(clips), groups, points, repeats)
        for name, own in groupby(trainings, key=lambda each: each.model)
    ]
    return CurveRecord(
        format=1,
        division=division.sentence,
        judged_clips=len(judged),
        judged_groups=len(names),
        repeats=repeats,
        trainings=len({job.digest for each in trainings for job in each.each()}),
        notes=tuple(notes),
        models=tuple(found),
    )


@dataclass(frozen=True)
class _Result:
    """What was measured along an axis. kept: the sizes all of whose trainings are done. artists, clips: their means."""

    trainings: Trainings
    measured: Measured
    kept: list[int]
    artists: Numbers
    clips: Numbers


def _model(
    name: str,
    own: Sequence[Trainings],
    artists: NDArray[np.intp],
    groups: NDArray[np.intp],
    points: Mapping[str, Point],
    repeats: int,
) -> ModelRecord:
    reasons = [points[job.digest].reason for each in own for job in each.each()]
    results = {each.axis.by: _result(each, artists, groups, points, repeats) for each in own}
    return ModelRecord(
        model=name,
        axes=tuple(map(_axis, results.values())),
        contrast=_contrast(results["artist"], results["clip"]) if len(results) > 1 else None,
        failures=tuple(dict.fromkeys(reason for reason in reasons if reason)),
    )


def _result(
    trainings: Trainings, artists: NDArray[np.intp], groups: NDArray[np.intp], points: Mapping[str, Point], repeats: int
) -> _Result:
    """artists: see `subsets.artist_codes`. groups: number of each clip's group among the judged ones, -1 of others."""
    jobs = trainings.jobs
    kept = [
        size
        for size, splits in enumerate(jobs)
        if all(points[job.digest].state == "done" for split in splits for job in split)
    ]
    counts = np.array([_mean(jobs[size], lambda job: artist_count(artists, job)) for size in kept])
    amounts = np.array([_mean(jobs[size], lambda job: len(job.split.train)) for size in kept])
    right = np.zeros((groups.max() + 1, len(kept), len(jobs[0]), repeats))
    judged = np.zeros((groups.max() + 1, len(jobs[0])))
    for split, [job, *_] in enumerate(jobs[-1]):
        np.add.at(judged[:, split], groups[job.split.judged], 1)
        for place, size in enumerate(kept):
            for repeat in range(repeats):
                one = jobs[size][split][min(repeat, len(jobs[size][split]) - 1)]  # the whole part is one for all
                rows = job.split.judged[points[one.digest].answers()]
                np.add.at(right[:, place, split, repeat], groups[rows], 1)
    own = counts if trainings.axis.by == "artist" else amounts
    whole = _mean(
        jobs[-1], lambda job: artist_count(artists, job) if trainings.axis.by == "artist" else len(job.split.train)
    )
    return _Result(trainings, Measured(own, own / whole, right, judged), kept, counts, amounts)


def _mean(splits: Sequence[Sequence[Job]], amount: Callable[[Job], int]) -> float:
    """Over the splits of the mean over their repeats."""
    return float(np.mean([np.mean([amount(job) for job in split]) for split in splits]))


def _axis(result: _Result) -> AxisRecord:
    measured, by = result.measured, result.trainings.axis.by
    draws, spreads = measured.draws(), measured.spreads()
    sizes = tuple(
        SizeRecord(
            artists=float(result.artists[place]),
            clips=float(result.clips[place]),
            accuracy=float(accuracy),
            interval=_known(percentile_interval(draws[:, place], measured.groups)),
            spread=float(spreads[place]) if np.isfinite(spreads[place]) else None,
        )
        for place, accuracy in enumerate(measured.accuracies())
    )
    found = promise(measured, by)
    if isinstance(found, str):
        return AxisRecord(by=by, sizes=sizes, promise=None, refusal=found)
    return AxisRecord(by=by, sizes=sizes, promise=PromiseRecord(**found.law._asdict(), **_facts(found)), refusal="")


def _facts(found: Promise) -> dict[str, Any]:
    names = ("amount", "accuracy", "interval", "gain", "gain_interval")
    return {name: getattr(found, name) for name in names}


def _known(interval: Interval) -> Bounds:
    return (interval.low, interval.high) if np.isfinite(interval).all() else (None, None)


def _contrast(artist: _Result, clip: _Result) -> ContrastRecord | None:
    """All artists against part of them, with as many clips; None where no size is shared."""
    pairs = [
        (clip.kept.index(size), artist.kept.index(shared))
        for size, shared in enumerate(clip.trainings.axis.shared[:-1])
        if size in clip.kept and shared in artist.kept
    ]
    if not pairs:
        return None
    by_clip, by_artist = (list(places) for places in zip(*pairs, strict=True))
    gained = clip.measured.right[:, by_clip] - artist.measured.right[:, by_artist]
    judged = clip.measured.judged
    difference = gained.mean(axis=(1, 3)).sum() / judged.sum()
    interval = percentile_interval(resample(gained, judged).mean(axis=1), len(judged))
    return ContrastRecord(difference=float(difference), interval=_known(interval), sizes=len(pairs))
