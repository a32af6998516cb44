"""What a scan found, for machines and for people.

Conventions
-----------
Contradictions come first: the same music with different labels. Long lists are cut in the text, and say so; the
JSON holds everything.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from tonearm.data.metadata import NAMED_AT_MOST, name_some
from tonearm.data.tagged import GenreTable
from tonearm.errors import Failure
from tonearm.wording import count

LISTED_AT_MOST = 20


class Duplicates(NamedTuple):
    """Clips that are the same, and in which sense: bytes, samples, features, or one recording.

    seconds: of recordings, how much later each clip begins in the recording than the first one.
    """

    same: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    seconds: tuple[float, ...] = ()

    @property
    def contradicts(self) -> bool:
        """Whether the same music has different labels; a clip without one says nothing."""
        return len(set(self.labels) - {""}) > 1

    @property
    def answers(self) -> bool:
        """Whether clips without a label are the same as labelled ones."""
        return "" in self.labels and any(self.labels)


class Collection(NamedTuple):
    """A long file that contains several others (`scan.mixes`).

    seconds: where each begins in it. is_mix: whether they are of several artists or classes. labelled: whether it has
    a label itself.
    """

    name: str
    contains: tuple[str, ...]
    seconds: tuple[float, ...]
    is_mix: bool
    labelled: bool

    @property
    def tied(self) -> bool:
        """Whether a training keeps it and what it contains together, as one recording."""
        return self.labelled and not self.is_mix

    def sentence(self) -> str:
        """What it is and what follows, for a person."""
        what = "counts as one recording with them" if self.labelled else "has no label, and ties nothing together"
        if self.is_mix:
            what = "is a mix, and ties nothing together"
        return f"{self.name} {what}: it contains {len(self.contains)} other clips, {name_some(self.contains)}"


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
    problems: tuple[Failure, ...]
    duplicates: tuple[Duplicates, ...]
    ignored: dict[str, int]
    notes: tuple[str, ...]
    collections: tuple[Collection, ...] = ()
    genres: GenreTable | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as JSON-ready values, nothing cut short."""
        values = asdict(self)
        values["problems"] = [problem._asdict() for problem in self.problems]
        values["duplicates"] = [{**group._asdict(), "contradicts": group.contradicts} for group in self.duplicates]
        values["genres"] = self.genres and self.genres.to_json()
        values["collections"] = [{**collection._asdict(), "tied": collection.tied} for collection in self.collections]
        return values

    def text(self) -> str:
        """The report for a person; long lists are cut, and say so."""
        return "\n".join([*self._summary(), *self._contradictions(), *self._others()])

    def _summary(self) -> list[str]:
        lines = [f"{self.root}: {count(self.clips, 'clip')} in {count(len(self.classes), 'class')}"]
        if self.genres is not None:
            lines += [f"  {line}" for line in self.genres.lines()]
        else:
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
        lines += [f"note: {note}" for note in self.notes]
        return lines + (self.genres.proposed() if self.genres is not None else [])

    def _contradictions(self) -> list[str]:
        wrong = [group for group in self.duplicates if group.contradicts]
        if not wrong:
            return []
        lines = [f"!!! THE SAME MUSIC WITH DIFFERENT LABELS: {count(len(wrong), 'group')}"]
        return lines + _cut([f"!!!   {_named(group)}" for group in wrong])

    def _others(self) -> list[str]:
        lines = []
        answered = [group for group in self.duplicates if group.answers and not group.contradicts]
        if answered:
            unlabelled = sum(group.labels.count("") for group in answered)
            lines.append(f"unlabelled clips that are the same as labelled ones: {unlabelled}")
            lines += _cut([f"  {_named(group)}" for group in answered])
        alike = [group for group in self.duplicates if not (group.contradicts or group.answers)]
        if alike:
            lines += [f"duplicates: {count(len(alike), 'group')}", *_cut([f"  {_named(group)}" for group in alike])]
        if self.collections:
            lines.append(f"long files that contain several others: {len(self.collections)}")
            lines += _cut([f"  {collection.sentence()}" for collection in self.collections])
        if self.problems:
            lines.append(f"unusable: {count(len(self.problems), 'clip')}")
            lines += _cut([f"  {name}: {kind}, {reason}" for name, kind, reason in self.problems])
        if self.ignored:
            others = ", ".join(
                f"{count} {ending or 'without ending'}" for ending, count in sorted(self.ignored.items())
            )
            lines.append(f"other files ignored: {others}")
        if not lines:
            lines = ["no broken files, no duplicates"]
        return lines


def _named(group: Duplicates) -> str:
    members = [f"{name} ({label})" if label else name for name, label in zip(group.names, group.labels, strict=True)]
    for place, seconds in enumerate(group.seconds):
        if abs(seconds) >= 0.1:
            members[place] += f" {abs(seconds):.1f} s {'later' if seconds > 0 else 'earlier'}"
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
