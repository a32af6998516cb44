"""Whether sure answers keep their promise on real tables, by the rule of earlier versions and by the present one.

    python benchmarks/sure.py [--splits 40] [--judged 0.5 0.2] [--models logistic trees] [--promises 0.8 0.9 0.95]
        [--table features.csv [--metadata metadata.csv] | --jam 5]

Many splits of a table by artist (the shared GTZAN table by default: 710 of its 1,000 rows; or the built-in music): a
part of the artists is held out as a fresh judge, and all others go through tonearm's own folds, calibration and final
model. Then the same with two genres left out of training: how many of their clips are called sure, whose labels
cannot be right. `promises.py` simulates what real tables are too small to show.

The earlier rule: temperature and threshold from the validation clips of the final model alone, the threshold being
the lowest above which the promised share of them was right.

Columns. kept: experiments in which at least the promised share of the sure answers of the judge is right; one without
a sure answer keeps its promise, and is counted in "none sure" too. A judge of few artists is noisy itself: "clearly
broken" counts those whose share right is below the promise with 95 % confidence by artists. right: of all sure answers
of all experiments together. sure: their share of all answers.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tonearm.api import extract_table
from tonearm.config import Config, parse_config
from tonearm.data.dataset import Dataset, group_or_own, label_codes
from tonearm.errors import SplitError
from tonearm.evaluation.calibration import LEAST_CLIPS, cross_fit, fit_temperature, scale
from tonearm.evaluation.sureness import (
    NEVER,
    effective_observations,
    intraclass_correlation,
    lower_bound,
)
from tonearm.experiment.inputs import read_inputs
from tonearm.experiment.runs import probabilities
from tonearm.jam import render_jam
from tonearm.models import MODELS
from tonearm.settings import SplitSettings
from tonearm.splits.divide import divide, final_split
from tonearm.training import fit_classifier
from tonearm.training.contract import FittedClassifier

GTZAN = Path(__file__).resolve().parents[2] / "shared" / "data" / "gtzan"
LEFT_OUT = 2  # genres
APART = ("names", "groups", "artists")  # columns in which two collections have nothing in common
Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Answers:
    """Answers of a model to some clips: their probabilities, and the clips."""

    probabilities: Numbers
    clips: Dataset

    def calibrated(self, temperature: float, labels: tuple[str, ...]) -> tuple[Numbers, NDArray[np.bool_]]:
        """Confidence of each answer, and whether it is right; shape (clips,)."""
        scaled = scale(self.probabilities, temperature)
        said = np.array(labels, dtype=object)[scaled.argmax(axis=1)]
        return scaled.max(axis=1), said == self.clips.labels

    @property
    def units(self) -> NDArray[np.object_]:
        """Artist of each clip, or the clip itself."""
        return group_or_own(self.clips.groups, self.clips.names)


@dataclass(frozen=True)
class Experiment:
    """What the folds answer to the clips that they do not train on, and the final model to its validation clips, to
    the judge's and to those of genres that it never had.
    """

    labels: tuple[str, ...]
    numbers: Rows  # the fold of each answer
    folds: Answers
    valid: Answers
    judge: Answers
    unknown: Answers | None = None


def fit(model: str, config: Config, clips: Dataset, rows: Rows) -> FittedClassifier:
    """The model, trained on the rows."""
    entry, settings = MODELS[config.models[model].type], config.models[model]
    own = partial(entry.fit, settings) if entry.fit else None
    return fit_classifier(entry.build(settings, config.train), clips.X[rows], clips.labels[rows], None, None, own)


def experiment(
    clips: Dataset, config: Config, model: str, judged: float, seed: int, left_out: Sequence[str] = ()
) -> Experiment:
    """One experiment. judged: share of the clips held out as judge. left_out: genres that no model is trained on."""
    known = clips.take(np.flatnonzero(~np.isin(clips.labels.astype(str), list(left_out))))
    labels = known.classes
    outer = divide(known, SplitSettings(method="group", valid=0, test=judged, seed=seed)).splits[0]
    rest, judge = known.take(outer.train), known.take(outer.test)
    settings = SplitSettings(method="group", folds=5, seed=seed)
    found, numbers = np.zeros((len(rest), len(labels))), np.zeros(len(rest), dtype=np.intp)
    for number, split in enumerate(divide(rest, settings).splits):
        numbers[split.test] = number
        found[split.test] = probabilities(fit(model, config, rest, split.train), rest.X[split.test], labels)
    final = final_split(rest, settings, "group")
    valid = rest.take(final.valid)
    asked = [valid, judge]
    if left_out:
        # an artist of a left-out genre may have clips of others, too
        heard = set(rest.groups) - {""}
        rows = [row for row in range(len(clips)) if clips.labels[row] in left_out and clips.groups[row] not in heard]
        asked.append(clips.take(np.array(rows, dtype=np.intp)))
    last = fit(model, config, rest, final.train)
    answers = [Answers(probabilities(last, some.X, labels), some) for some in asked]
    return Experiment(labels, numbers, Answers(found, rest), *answers)


def earlier_rule(one: Experiment, sure: float) -> tuple[float, float]:
    """Temperature and threshold as earlier versions had them."""
    codes = label_codes(one.valid.clips.labels, one.labels)
    if len(codes) < LEAST_CLIPS:
        return 1.0, NEVER
    temperature = fit_temperature(one.valid.probabilities, codes)
    confidence, right = one.valid.calibrated(temperature, one.labels)
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(np.append(ranked[:-1] != ranked[1:], True) & (share >= sure))
    return temperature, float(ranked[enough[-1]]) if len(enough) else NEVER


def present_rule(one: Experiment, sure: float) -> tuple[float, float]:
    """Temperature and threshold of the final model as this version has them."""
    clips = one.folds.clips
    columns = clips.labels, one.folds.probabilities, one.labels, clips.names, one.folds.units
    _, final = cross_fit(*columns, one.numbers, sure)
    return final.temperature, final.threshold


RULES = {"earlier": earlier_rule, "present": present_rule}


@dataclass
class Count:
    """Sums over experiments."""

    experiments: int = 0
    kept: int = 0
    none: int = 0
    broken: int = 0
    answers: int = 0
    sure: int = 0
    right: int = 0

    def add(
        self, is_sure: NDArray[np.bool_], right: NDArray[np.bool_], units: NDArray[np.object_], promise: float
    ) -> None:
        """One experiment's judge."""
        self.experiments += 1
        self.answers += len(right)
        self.sure += int(is_sure.sum())
        self.right += int(right[is_sure].sum())
        if not is_sure.any():
            self.none += 1
            self.kept += 1
            return
        share = float(right[is_sure].mean())
        self.kept += share >= promise
        _, member = np.unique(units[is_sure].astype(str), return_inverse=True)
        correlation = intraclass_correlation(right[is_sure].astype(np.float64), member)
        observations = effective_observations(member, correlation)
        self.broken += 1 - lower_bound(1 - share, observations) < promise

    def cells(self) -> str:
        """The columns of the module's docstring."""
        n = self.experiments
        right = f"{self.right / self.sure:8.3f}" if self.sure else f"{'–':>8}"
        return (
            f"{self.kept / n:6.3f}  {self.none / n:9.3f}  {self.broken / n:14.3f}  {right}  "
            f"{self.sure / self.answers:6.3f}"
        )


HEAD = f"{'kept':>6}  {'none sure':>9}  {'clearly broken':>14}  {'right':>8}  {'sure':>6}"


def judge_rules(clips: Dataset, config: Config, args: argparse.Namespace) -> None:
    """The promise on fresh artists."""
    for judged in args.judged:
        print(f"\n{args.splits} splits, {judged:.0%} of the clips held out by artist as judge")
        print(f"{'model':<10}  {'promise':>7}  {'rule':<8}  {HEAD}")
        every = {(promise, rule): Count() for promise in args.promises for rule in RULES}
        for model in args.models:
            own = {key: Count() for key in every}
            for one in _experiments(clips, config, model, judged, args.splits):
                for (promise, rule), count in own.items():
                    temperature, threshold = RULES[rule](one, promise)
                    confidence, right = one.judge.calibrated(temperature, one.labels)
                    for counts in (count, every[promise, rule]):
                        counts.add(confidence >= threshold, right, one.judge.units, promise)
            _print(model, own)
        _print("all", every)


def _print(model: str, counts: dict[tuple[float, str], Count]) -> None:
    for (promise, rule), count in counts.items():
        print(f"{model:<10}  {promise:>7}  {rule:<8}  {count.cells()}", flush=True)


def _experiments(
    clips: Dataset, config: Config, model: str, judged: float, splits: int, unknown: bool = False
) -> Iterator[Experiment]:
    for seed in range(splits):
        generator = np.random.default_rng(seed)
        left_out = generator.choice(clips.classes, LEFT_OUT, replace=False).tolist() if unknown else ()
        try:
            yield experiment(clips, config, model, judged, seed, left_out)
        except SplitError as error:
            print(f"split {seed}: {error}")


def unknown_genres(clips: Dataset, config: Config, args: argparse.Namespace) -> None:
    """What is said of genres that the model never had."""
    judged = min(args.judged)
    print(f"\n{args.splits} splits, {LEFT_OUT} genres left out of each: share of clips called sure")
    print(f"{'model':<10}  {'promise':>7}  {'rule':<8}  {'known genres':>12}  {'right':>6}  {'genres left out':>15}")
    for model in args.models:
        sums = {(promise, rule): np.zeros(5) for promise in args.promises for rule in RULES}
        for one in _experiments(clips, config, model, judged, args.splits, unknown=True):
            assert one.unknown is not None
            for (promise, rule), sum_ in sums.items():
                temperature, threshold = RULES[rule](one, promise)
                confidence, right = one.judge.calibrated(temperature, one.labels)
                strange, _ = one.unknown.calibrated(temperature, one.labels)
                is_sure = confidence >= threshold
                sum_ += [is_sure.sum(), right[is_sure].sum(), len(right), (strange >= threshold).sum(), len(strange)]
        for (promise, rule), (sure, right_, asked, wrong, strangers) in sums.items():
            share = f"{right_ / sure:6.3f}" if sure else f"{'–':>6}"
            print(
                f"{model:<10}  {promise:>7}  {rule:<8}  {sure / asked:12.3f}  {share}  {wrong / strangers:15.3f}",
                flush=True,
            )


def jam(collections: int, folder: Path) -> Dataset:
    """The built-in music by so many seeds, whose bands all differ: 57 features of 200 clips of 5 s by 80 bands each."""
    parts = []
    for seed in range(collections):
        render_jam(folder / str(seed), clips_per_genre=20, seconds=5.0, seed=seed, clean=True)
        clips = extract_table(folder / str(seed), folder / f"{seed}-features", preset="gtzan57")
        apart: dict[str, Any] = {
            name: np.array([f"{seed} {one}" for one in getattr(clips, name)], dtype=object) for name in APART
        }
        parts.append(replace(clips, **apart))
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("X", "names", "labels", "groups", "splits", "artists")
    }
    return replace(parts[0], **columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=GTZAN / "features_30_sec.csv")
    parser.add_argument("--metadata", type=Path)
    parser.add_argument("--models", nargs="+", default=["logistic", "trees"], choices=[*MODELS])
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--judged", type=float, nargs="+", default=[0.5, 0.2])
    parser.add_argument("--promises", type=float, nargs="+", default=[0.8, 0.9, 0.95])
    parser.add_argument("--jam", type=int, default=0, help="collections of the built-in music, in place of a table")
    args = parser.parse_args()
    data = {"folder": str(args.table)}
    if args.table.parent == GTZAN:
        data |= {"metadata": str(args.metadata or GTZAN / "metadata.csv"), "split_column": "none"}
    elif args.metadata:
        data |= {"metadata": str(args.metadata)}
    config = parse_config({"data": data, "models": {model: {} for model in args.models}})
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1):
        clips = jam(args.jam, Path(folder)) if args.jam else read_inputs(config, args.table.parent).clips
        artists = len(set(clips.groups) - {""})
        print(f"{len(clips)} clips, {artists} artists, {len(clips.classes)} genres, {clips.X.shape[1]} features")
        judge_rules(clips, config, args)
        unknown_genres(clips, config, args)


if __name__ == "__main__":
    main()
