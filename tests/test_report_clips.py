"""Excerpts of clips that cannot be made, or would be too many."""

from pathlib import Path

import pytest

from test_experiment import music  # noqa: F401  # the fixture
from tonearm.report.clips import Excerpts


@pytest.mark.parametrize(
    ("folder", "name", "says"),
    [
        ("music", "bass/gone.wav", "the clip is not at"),
        ("music", "bass/broken.wav", "cannot be decoded"),
        ("table", "x", "the experiment read a table, which has no sound"),
    ],
)
def test_an_excerpt_that_cannot_be_made_says_why(
    music: Path,  # noqa: F811
    tmp_path: Path,
    folder: str,
    name: str,
    says: str,
) -> None:
    (tmp_path / "t.csv").write_text("filename,label,a\n")
    place = music if folder == "music" else tmp_path / "t.csv"
    excerpt = Excerpts({"folder": str(place)}).of(name)
    assert not excerpt.sound
    assert says in excerpt.missing


def test_excerpts_have_a_bound_and_sound_can_be_left_out(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("tonearm.report.clips.MOST_BYTES", 1000)
    excerpts = Excerpts({"folder": str(music)}, audio=False)
    first = excerpts.of("bass/00.wav")
    assert (first.sound, bool(first.picture)) == ("", True)
    assert "excerpts already" in excerpts.of("bass/01.wav").missing
