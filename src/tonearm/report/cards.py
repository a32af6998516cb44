"""The clips of a page to look at and listen to: the worst mistakes, and labels that are likely wrong.

Conventions
-----------
A clip is shown once: a suspicious one that is among the mistakes is marked there, and only named below them.
"""

from collections.abc import Sequence
from html import escape

from tonearm.report.clips import Excerpt, Excerpts
from tonearm.report.collect import ExperimentRecord, Mistake
from tonearm.report.neighbours import Nearest

LISTEN = (
    "Clips that are confidently of another class than their label, by a model that has not seen them (confident "
    "learning). Listen before you change a label: a model can be wrong, too."
)


def clips(
    record: ExperimentRecord,
    mistakes: Sequence[Mistake],
    suspicious: Sequence[Mistake],
    excerpts: Excerpts,
    near: Nearest,
) -> str:
    """Both sections, "" where there is neither."""
    best = escape(record.trained[0].name) if record.trained else "no model"
    doubted = {clip.name for clip in suspicious}
    places = {clip.name: place for place, clip in enumerate(mistakes, start=1)}
    shown, again = apart_from(mistakes, suspicious)
    above = [f'<a href="#mistake{places[clip.name]}">{escape(clip.name)}</a>' for clip in again]
    found = ""
    if mistakes:
        words = f"What {best}, the best model, is surest of and wrong about, on clips that it has not seen. "
        cards = "".join(
            _card(clip, excerpts, "says", near, clip.name in doubted, f' id="mistake{places[clip.name]}"')
            for clip in mistakes
        )
        found += f'<h2>The worst mistakes</h2><p>{words}{near.of_mistakes()}</p><ul class="clips">{cards}</ul>'
    if suspicious:
        named = f"<p>{_so_many(len(above))} shown above: {', '.join(above)}.</p>" if above else ""
        cards = "".join(_card(clip, excerpts, "more likely", near, False) for clip in shown)
        found += f"<h2>Suspicious labels</h2><p>{LISTEN}</p>{named}"
        found += f'<ul class="clips">{cards}</ul>' if cards else ""
    return found


def apart_from(mistakes: Sequence[Mistake], suspicious: Sequence[Mistake]) -> tuple[list[Mistake], list[Mistake]]:
    """The suspicious clips that are not among the mistakes, and those that are."""
    names = {clip.name for clip in mistakes}
    return [one for one in suspicious if one.name not in names], [one for one in suspicious if one.name in names]


def _so_many(number: int) -> str:
    return f"{number} of them {'is' if number == 1 else 'are'}"


def _card(clip: Mistake, excerpts: Excerpts, verb: str, near: Nearest, doubted: bool, anchor: str = "") -> str:
    mark = '<br><em class="doubt">its label is suspicious</em>' if doubted else ""
    said = f"labelled {escape(clip.truth)}, {verb} {escape(clip.said)} ({clip.probability:.2f}){mark}"
    return card(clip.name, said, excerpts.of(clip.name), near.of(clip.name, excerpts), anchor)


def card(name: str, said: str, excerpt: Excerpt, more: str = "", anchor: str = "") -> str:
    """An item of a list of clips, with picture and sound. name: of the clip. said, more: HTML. anchor: an attribute."""
    name = escape(name)
    picture = f'<img src="{excerpt.picture}" alt="mel spectrogram of {name}">' if excerpt.picture else ""
    sound = (
        f'<audio controls preload="metadata" src="{excerpt.sound}" aria-label="{name}"></audio>'
        if excerpt.sound
        else ""
    )
    missing = f'<p class="soft">{escape(excerpt.missing)}</p>' if excerpt.missing else ""
    return f"<li{anchor}><strong>{name}</strong><br>{said}{picture}{sound}{missing}{more}</li>"
