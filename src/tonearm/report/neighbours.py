"""The nearest training clips of mistakes and suspicious labels: beside each on the page, and as a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from tonearm.errors import TonearmError
from tonearm.experiment.named_neighbours import Neighbour, in_words, of_one_artist
from tonearm.experiment.neighbours import near_clips
from tonearm.experiment.reopened import reopen
from tonearm.report.clips import Excerpts
from tonearm.report.collect import ExperimentRecord, Mistake
from tonearm.report.html import sentence
from tonearm.runtime.files import write_csv
from tonearm.wording import count

NEIGHBOURS = 3
MOST_CLIPS = 1_000  # of mistakes, and of suspicious labels, whose neighbours are looked for
HEADER = ("filename", "label", "group", "rank", "neighbour", "neighbour_label", "neighbour_group")
# whether the neighbour is of the clip's own artist, and whether another neighbour is of the neighbour's
DISTANCES = ("own_group", "shared_group", "distance", "relative_distance")


@dataclass(frozen=True)
class Nearest:
    """Neighbours by the name of the clip. clips: label and group of each. mistakes: names of the mistakes among them.

    space: what is compared. missing: why there are none.
    """

    near: Mapping[str, tuple[Neighbour, ...]] = field(default_factory=dict)
    clips: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()
    space: str = ""
    missing: str = ""

    def of_mistakes(self) -> str:
        """How often the neighbours of a mistake are of one artist, as HTML."""
        if self.missing:
            return f"Their nearest training clips are not shown: {escape(self.missing)}."
        known = [near for name in self.mistakes if (near := self.near.get(name)) and any(one.group for one in near)]
        if not self.near:
            return ""
        alone = sum(map(of_one_artist, known))
        own = sum(self._own(name) for name in self.mistakes)
        have = "has" if alone == 1 else "have"
        said = f"Of {count(len(known), 'mistake')}, {alone} {have} all {NEIGHBOURS} nearest by one artist"
        said += f", and {own} the clip's own artist among them. " if own else ". "
        return (
            f"Under each clip stand the training clips nearest to it: by {escape(self.space)}, Euclidean distance, "
            f"where 1 is how far training clips usually are from their nearest other one. {said if known else ''}"
        )

    def _own(self, name: str) -> bool:
        """Whether a clip's own artist is among its neighbours."""
        own = self.clips[name][1]
        return bool(own) and any(one.group == own for one in self.near.get(name, ()))

    def of(self, name: str, excerpts: Excerpts) -> str:
        """The neighbours of a clip, to open and listen to; "" where there are none."""
        near = self.near.get(name)
        if not near:
            return ""
        items = ""
        for one in near:
            uri = excerpts.of_neighbour(one.name)
            sound = (
                f'<audio controls preload="none" src="{uri}" aria-label="{escape(one.name)}"></audio>' if uri else ""
            )
            items += f"<li>{escape(one.words())}{sound}</li>"
        said = in_words(near, self.clips[name][1])
        labels = ", ".join(one.label for one in near)
        words = f'<p class="soft">{escape(sentence(said))}</p>' if said else ""
        return f"<details><summary>nearest in training: {escape(labels)}</summary><ol>{items}</ol></details>{words}"

    def rows(self) -> Iterator[list[Any]]:
        """A row for each clip and neighbour."""
        for name, near in self.near.items():
            label, group = self.clips[name]
            for rank, one in enumerate(near, start=1):
                own = _yes_or_no(one.group == group, group, one.group)
                shared = _yes_or_no(sum(each.group == one.group for each in near) > 1, one.group)
                relative = "" if one.relative != one.relative else one.relative
                yield [name, label, group, rank, one.name, one.label, one.group, own, shared, one.distance, relative]

    def write(self, path: Path) -> None:
        """Write the table."""
        write_csv(path, (*HEADER, *DISTANCES), self.rows())


def _yes_or_no(answer: bool, *groups: str) -> str:
    """The answer, "" where one of the groups that it needs is not known."""
    return "" if not all(groups) else ("yes" if answer else "no")


NOT_ASKED = Nearest()


def nearest_clips(record: ExperimentRecord, mistakes: Sequence[Mistake], suspicious: Sequence[Mistake]) -> Nearest:
    """The nearest training clips of the best model's mistakes and suspicious labels, the worst of each."""
    if not record.trained:
        return NOT_ASKED
    wrong = tuple(clip.name for clip in mistakes[:MOST_CLIPS])
    names = dict.fromkeys([*wrong, *(clip.name for clip in suspicious[:MOST_CLIPS])])
    try:
        experiment = reopen(record.folder)
        near, space = near_clips(experiment, record.trained[0].name, list(names), NEIGHBOURS)
    except TonearmError as error:  # rows that have gone are no fault of the results, which are shown all the same
        return Nearest(missing=str(error))
    clips = experiment.clips
    known = {name: (label, group) for name, label, group in zip(clips.names, clips.labels, clips.groups, strict=True)}
    return Nearest({name: near[name] for name in names if name in near}, known, wrong, space)
