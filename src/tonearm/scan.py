"""What a folder or table of music holds: counts, durations, what is broken and what is there twice.

Conventions
-----------
Every file is read once, whole. Two clips are duplicates when their files are equal byte for byte
("bytes"), else when the decoded samples are ("samples": the same recording in another lossless format); two
rows of a table when all their numbers are ("features"). A group of duplicates whose labels differ comes
first: whatever learns from it is taught a contradiction.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tonearm.audio import read
from tonearm.catalog import Catalog, Clip
from tonearm.dataset import Dataset
from tonearm.errors import AudioError, TonearmError
from tonearm.metadata import NAMED_AT_MOST

CLIPS_A_TASK = 16
LISTED_AT_MOST = 20


class Sound(NamedTuple):
    """What reading one file gave; kind and reason are "" where it is sound."""

    seconds: float
    sr: int
    channels: int
    file_digest: str
    sample_digest: str
    kind: str
    reason: str


class Duplicates(NamedTuple):
    """Clips that are the same, and in which sense: bytes, samples or features."""

    same: str
    names: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def contradicts(self) -> bool:
        """Whether the same music has different labels."""
        return len(set(self.labels)) > 1


class Problem(NamedTuple):
    """A clip that cannot be used, and why."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class ScanReport:
    """All that is worth knowing before a clip is used; `to_json` for machines, `text` for people."""

    root: str
    clips: int
    classes: dict[str, int]
    unlabelled: int
    groups: int
    splits: dict[str, int]
    seconds: float
    shortest: float
    longest: float
    rates: dict[int, int]
    channels: dict[int, int]
    problems: tuple[Problem, ...]
    duplicates: tuple[Duplicates, ...]
    ignored: dict[str, int]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON-ready values, nothing cut short."""
        values = asdict(self)
        values["problems"] = [problem._asdict() for problem in self.problems]
        values["duplicates"] = [{**group._asdict(), "contradicts": group.contradicts} for group in self.duplicates]
        return values

    def text(self) -> str:
        """The report for a person; long lists are cut, and say so."""
        return "\n".join([*self._summary(), *self._contradictions(), *self._others()])

    def _summary(self) -> list[str]:
        lines = [f"{self.root}: {self.clips} clips in {len(self.classes)} classes"]
        width = max((len(label) for label in self.classes), default=0)
        lines += [f"  {label:<{width}}  {count:>6}" for label, count in self.classes.items()]
        if self.unlabelled:
            lines.append(f"  without label: {self.unlabelled}")
        if self.seconds:
            lines.append(
                f"duration: {_clock(self.seconds)} in all, {self.shortest:.1f} to {self.longest:.1f} s a clip; "
                f"rates: {_counts(self.rates, ' Hz')}; channels: {_counts(self.channels, '')}"
            )
        lines.append(
            f"artists or recordings known: {self.groups}"
            if self.groups
            else "artists or recordings: not known, so a split cannot keep them apart"
        )
        if self.splits:
            lines.append("splits: " + ", ".join(f"{part} {count}" for part, count in self.splits.items()))
        return lines + [f"note: {note}" for note in self.notes]

    def _contradictions(self) -> list[str]:
        wrong = [group for group in self.duplicates if group.contradicts]
        if not wrong:
            return []
        lines = [f"!!! THE SAME MUSIC WITH DIFFERENT LABELS: {len(wrong)} groups"]
        return lines + _cut([f"!!!   {_named(group)}" for group in wrong])

    def _others(self) -> list[str]:
        lines = []
        alike = [group for group in self.duplicates if not group.contradicts]
        if alike:
            lines += [f"duplicates: {len(alike)} groups", *_cut([f"  {_named(group)}" for group in alike])]
        if self.problems:
            lines.append(f"unusable: {len(self.problems)} clips")
            lines += _cut([f"  {name}: {kind}, {reason}" for name, kind, reason in self.problems])
        if self.ignored:
            others = ", ".join(
                f"{count} {ending or 'without ending'}" for ending, count in sorted(self.ignored.items())
            )
            lines.append(f"other files passed over: {others}")
        if not lines:
            lines = ["nothing broken, nothing twice"]
        return lines


def scan_catalog(
    catalog: Catalog, workers: int = 1, progress: Callable[[int, int, int], None] | None = None
) -> ScanReport:
    """Read every clip of the catalog and say what is there."""
    sounds = _read_all(catalog.clips, workers, progress or (lambda done, total, failed: None))
    usable = [sound for sound in sounds if not sound.kind]
    problems = [
        Problem(clip.name, sound.kind, sound.reason)
        for clip, sound in zip(catalog.clips, sounds, strict=True)
        if sound.kind
    ]
    lengths = [sound.seconds for sound in usable]
    return ScanReport(
        root=catalog.root,
        clips=len(catalog),
        **_counted((clip.label, clip.group, clip.split) for clip in catalog.clips),
        seconds=sum(lengths),
        shortest=min(lengths, default=0.0),
        longest=max(lengths, default=0.0),
        rates=dict(sorted(Counter(sound.sr for sound in usable).items())),
        channels=dict(sorted(Counter(sound.channels for sound in usable).items())),
        problems=tuple(problems),
        duplicates=_duplicate_sounds(catalog.clips, sounds),
        ignored=catalog.ignored,
        notes=catalog.notes,
    )


def scan_dataset(dataset: Dataset, root: str, notes: Iterable[str]) -> ScanReport:
    """Say what a feature table holds."""
    rows: defaultdict[bytes, list[int]] = defaultdict(list)
    for index, row in enumerate(dataset.X):
        rows[row.tobytes()].append(index)
    groups = [
        Duplicates("features", tuple(dataset.names[same]), tuple(dataset.labels[same]))
        for same in rows.values()
        if len(same) > 1
    ]
    return ScanReport(
        root=root,
        clips=len(dataset),
        **_counted(zip(dataset.labels, dataset.groups, dataset.splits, strict=True)),
        seconds=0.0,
        shortest=0.0,
        longest=0.0,
        rates={},
        channels={},
        problems=(),
        duplicates=_worst_first(groups),
        ignored={},
        notes=tuple(notes),
    )


def _counted(clips: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    labels, groups, splits = zip(*clips, strict=True)
    classes = Counter(label for label in labels if label)
    return {
        "classes": dict(sorted(classes.items())),
        "unlabelled": sum(not label for label in labels),
        "groups": len(set(groups) - {""}),
        "splits": dict(sorted(Counter(split for split in splits if split).items())),
    }


def _read_all(clips: tuple[Clip, ...], workers: int, progress: Callable[[int, int, int], None]) -> list[Sound]:
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    tasks = [clips[start : start + CLIPS_A_TASK] for start in range(0, len(clips), CLIPS_A_TASK)]
    sounds: list[Sound] = []
    pool = joblib.Parallel(n_jobs=workers, return_as="generator")
    failed = 0
    try:
        for part in pool(joblib.delayed(_read_some)([clip.path for clip in task]) for task in tasks):
            sounds += part
            failed += sum(bool(sound.kind) for sound in part)
            progress(len(sounds), len(clips), failed)
    except TerminatedWorkerError as error:
        raise TonearmError(
            f"a worker process was killed, most often because memory ran out with {workers} workers; "
            "start again with fewer"
        ) from error
    return sounds


def _read_some(paths: list[str]) -> list[Sound]:
    return [_read_one(Path(path)) for path in paths]


def _read_one(path: Path) -> Sound:
    """Read a file; runs in a worker process."""
    digest = ""
    try:
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        waveform = read(path)
    except (AudioError, OSError) as error:
        kind, reason = (error.kind, error.reason) if isinstance(error, AudioError) else ("undecodable", str(error))
        return Sound(0.0, 0, 0, digest, "", kind, reason)
    samples = hashlib.sha256(f"{waveform.sr}:{waveform.channels}:".encode() + waveform.samples.tobytes())
    return Sound(waveform.seconds, waveform.sr, waveform.channels, digest, samples.hexdigest(), "", "")


def _duplicate_sounds(clips: tuple[Clip, ...], sounds: list[Sound]) -> tuple[Duplicates, ...]:
    """Groups of the same samples; "bytes" where the whole group is one file copied."""
    same: defaultdict[str, list[int]] = defaultdict(list)
    for index, sound in enumerate(sounds):
        if sound.sample_digest:
            same[sound.sample_digest].append(index)
    groups = [
        Duplicates(
            "bytes" if len({sounds[index].file_digest for index in members}) == 1 else "samples",
            tuple(clips[index].name for index in members),
            tuple(clips[index].label for index in members),
        )
        for members in same.values()
        if len(members) > 1
    ]
    return _worst_first(groups)


def _worst_first(groups: list[Duplicates]) -> tuple[Duplicates, ...]:
    return tuple(sorted(groups, key=lambda group: (not group.contradicts, group.names)))


def _named(group: Duplicates) -> str:
    members = [f"{name} ({label})" if label else name for name, label in zip(group.names, group.labels, strict=True)]
    more = f" and {len(members) - NAMED_AT_MOST} more" if len(members) > NAMED_AT_MOST else ""
    return f"same {group.same}: " + " = ".join(members[:NAMED_AT_MOST]) + more


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - LISTED_AT_MOST
    return lines[:LISTED_AT_MOST] + ([f"  … and {more} more; --json lists them all"] if more > 0 else [])


def _counts(counts: dict[int, int], unit: str) -> str:
    if len(counts) == 1:
        return f"{next(iter(counts))}{unit}"
    return ", ".join(f"{value}{unit} ({count})" for value, count in counts.items())


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {rest} s" if hours else f"{minutes} min {rest} s"
