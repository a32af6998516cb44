"""A division in one plain sentence: how it was made, and what is known of artists."""

from dataclasses import replace

from tonearm.data.dataset import Dataset
from tonearm.data.metadata import name_some
from tonearm.settings import SplitSettings
from tonearm.splits.parts import Split, never_trained, overlap


def describe(dataset: Dataset, settings: SplitSettings, method: str, splits: tuple[Split, ...]) -> str:
    """The sentence on a division: how it was made, its sizes, and what it does not keep apart or cannot know."""
    counts = ", ".join(f"{part} {len(getattr(splits[0], part))}" for part in ("train", "valid", "test"))
    if len(splits) > 1:
        times = f" in {settings.repeats} repeats" if settings.repeats > 1 else ""
        counts = f"{len(splits)} folds{times}, the first with {counts}"
    lost = never_trained(dataset, splits[0]) if method == "listed" else []
    remarks = [
        f"split {_kept_apart(dataset, method)}: {counts} clips, seed {settings.seed}",
        _crossing(dataset, splits),
        _unknown_artists(dataset),
        f"judged but never trained: {name_some(lost)}" if lost else "",
    ]
    return "; ".join(remark for remark in remarks if remark)


def _kept_apart(dataset: Dataset, method: str) -> str:
    """How the method divides these clips, in words that claim no more than what is known of them."""
    if method != "group":
        return {
            "random": "at random",
            "stratified": "with even shares of the classes",
            "listed": "as the data list it",
        }[method]
    labelled = dataset.labels != ""
    known, tied = dataset.artists[labelled] != "", dataset.groups[labelled] != ""
    if known.all():
        return "by artist or recording, none of them in two parts"
    if known.any():
        return "by artist or recording where known, none of these in two parts"
    return "clip by clip, copies of one recording in one part" if tied.any() else "clip by clip"


def _crossing(dataset: Dataset, splits: tuple[Split, ...]) -> str:
    """Known artists, or else copies of one recording, that stand in two parts of a split."""
    artists, tied = set(dataset.artists) - {""}, set(dataset.groups) - {""}
    by_artist = replace(dataset, groups=dataset.artists)
    crossing = max((len(artists.intersection(overlap(by_artist, split))) for split in splits), default=0)
    if crossing:
        where = "two parts" if len(splits) == 1 else "two parts of one fold"
        return f"optimistic: {crossing} {'artist stands' if crossing == 1 else 'artists stand'} in {where}"
    if any(tied.intersection(overlap(dataset, split)) for split in splits):
        return "optimistic: copies of one recording stand in two parts"
    return ""


def _unknown_artists(dataset: Dataset) -> str:
    """Of how many labelled clips the artist is not known."""
    unknown = dataset.artists[dataset.labels != ""] == ""
    if not unknown.any():
        return ""
    if unknown.all():
        return "artists are not known, so they may cross"
    return f"artists are not known for {unknown.sum()} of {len(unknown)} clips; they may cross"
