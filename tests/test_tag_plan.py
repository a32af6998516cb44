"""Plans of tags: what is planned and why, and what becomes of a file that a person has edited."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import tagged_files
from tagged_files import answer
from tonearm.answers import Prediction
from tonearm.errors import PlanError
from tonearm.library.fields import field_of
from tonearm.library.plan import Policy, make_plan, read_library, to_ask
from tonearm.library.plan_file import Plan, read_plan
from tonearm.library.plan_text import advice, summary
from tonearm.settings import GenreSettings


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Five tracks: two without a genre, three with."""
    folder = tmp_path / "Music"
    for name, genre in (
        ("A/1.mp3", ""),
        ("A/2.flac", ""),
        ("B/1.ogg", "Rock"),
        ("B/2.m4a", "METAL"),
        ("C/1.wav", "Rock"),
    ):
        tagged_files.write(folder / name, genre)
    return folder


def plan(library: Path, policy: Policy = Policy(), labels: str = "rock metal rock rock metal", **given: object) -> Plan:
    files = sorted(path for path in library.rglob("*.*") if path.is_file())
    answers = [replace(answer(path, label), **given) for path, label in zip(files, labels.split(), strict=True)]  # type: ignore[arg-type]
    return make_plan(library, answers, policy)


def new(plan: Plan) -> dict[str, object]:
    return {row.file: row.new for row in plan.planned}


def why_not(plan: Plan) -> dict[str, str]:
    return {row.file: row.reason for row in plan.rows if row.new is None}


def test_by_default_what_lacks_a_genre_gets_a_sure_one_as_the_library_spells_it(library: Path) -> None:
    made = plan(library)
    assert new(made) == {"A/1.mp3": "Rock", "A/2.flac": "METAL"}
    assert why_not(made) == dict.fromkeys(("B/1.ogg", "B/2.m4a", "C/1.wav"), "has a genre")


def test_a_genre_that_is_none_is_missing(library: Path) -> None:
    tagged_files.write(library / "B" / "1.ogg", "Unknown")
    made = plan(library)
    assert new(made) == {"A/1.mp3": "Rock", "A/2.flac": "METAL", "B/1.ogg": "Rock"}
    files = read_library(library, sorted(library.glob("*/*")), field_of("genre"))
    assert [file.name for file in to_ask(files, Policy())] == [*new(made)]
    assert why_not(plan(library, Policy(only="conflicts")))["B/1.ogg"] == "has no genre"
    assert [file.name for file in to_ask(files, Policy(field="mood"))] == ["A/1.mp3", "A/2.flac"]


def test_conflicts_are_genres_that_say_otherwise_by_the_aliases_of_the_training(library: Path) -> None:
    made = plan(library, Policy(only="conflicts"))
    assert new(made) == {"B/2.m4a": "Rock", "C/1.wav": "METAL"}
    assert why_not(made)["B/1.ogg"] == "its genre says so already"
    assert why_not(made)["A/1.mp3"] == "has no genre"
    answers = [answer(library / "B" / "2.m4a", "heavy")]
    aliases = GenreSettings(alias={"metal": "heavy"})
    known = make_plan(library, answers, Policy(only="conflicts"), genres=aliases)
    assert why_not(known)["B/2.m4a"] == "its genre says so already"
    unknown = make_plan(library, answers, Policy(only="conflicts"))
    assert why_not(unknown)["B/2.m4a"] == "the run does not know its genre"


def test_all_keeps_what_is_there_on_wish(library: Path) -> None:
    assert set(new(plan(library, Policy(only="all")))) == {"A/1.mp3", "A/2.flac", "B/2.m4a", "C/1.wav"}
    made = plan(library, Policy(only="all", add=True))
    assert new(made)["B/2.m4a"] == ("Rock", "METAL")
    row = next(row for row in made.rows if row.file == "B/2.m4a")
    assert (row.values("values"), row.values(";")) == (("Rock", "METAL"), ("Rock; METAL",))


def test_unsure_answers_wait_until_they_are_asked_for(library: Path) -> None:
    for sure, reason in ((False, "the answer is not sure"), (None, "the run was not calibrated, so no answer is sure")):
        made = plan(library, sure=sure)
        assert not made.planned
        assert why_not(made)["A/1.mp3"] == reason
        said = advice(made, ("no answer is called sure: why",))
        assert said[0].endswith(": why")
        assert "2 files would be planned" in said[1]
        assert "--unsure" in said[1]
        assert len(plan(library, Policy(unsure=True), sure=sure).planned) == 2
    assert why_not(plan(library, Policy(min_probability=0.95)))["A/1.mp3"] == "the probability is below 0.95"
    assert advice(plan(library)) == []


def test_an_album_shares_the_answer_of_its_tracks(tmp_path: Path) -> None:
    library = tmp_path / "Music"
    names = [f"An Album/CD{disc}/{track}.flac" for disc in (1, 2) for track in (1, 2)]
    for name in names:
        tagged_files.write(library / name, "Rock" if name.endswith("CD2/2.flac") else "")
    labels = ("rock", "rock", "metal", "rock")
    answers = [answer(library / name, label) for name, label in zip(names, labels, strict=True)]
    made = make_plan(library, answers, Policy(by="album"))
    assert new(made) == dict.fromkeys(names[:3], "Rock")
    assert made.rows[0].probability == pytest.approx((3 * 0.9 + 0.1) / 4)
    unsure = [replace(one, sure=number == 0) for number, one in enumerate(answers)]
    assert not make_plan(library, unsure, Policy(by="album")).planned  # one of four does not decide for all


def test_only_what_decides_is_asked_about(library: Path) -> None:
    tagged_files.write(library / "A" / "3.flac", "Rock")
    (library / "C" / "broken.mp3").write_bytes(b"no music")
    files = read_library(library, sorted(library.glob("*/*")), field_of("genre"))
    assert [file.name for file in to_ask(files, Policy())] == ["A/1.mp3", "A/2.flac"]
    assert [file.name for file in to_ask(files, Policy(by="album"))] == ["A/1.mp3", "A/2.flac", "A/3.flac"]
    assert [file.name for file in to_ask(files, Policy(only="all"))] == sorted(
        {file.name for file in files} - {"C/broken.mp3"}
    )


def test_what_cannot_be_planned_is_a_reason(library: Path) -> None:
    (library / "broken.mp3").write_bytes(b"no music")
    (library / "link.flac").symlink_to(library / "A" / "2.flac")
    os.mkfifo(library / "pipe.mp3")
    listed = [library / name for name in ("A/2.flac", "pipe.mp3", "broken.mp3", "link.flac", "gone.ogg")]
    answers = [answer(path, "rock") for path in listed]
    answers.append(Prediction(str(library / "A" / "1.mp3"), "", 0.0, {}, "is silent"))
    reasons = why_not(make_plan(library, answers, Policy()))
    assert reasons.pop("broken.mp3").startswith("is not one of the files whose tags are written (mp3, flac, ")
    assert reasons == {
        "link.flac": "is the same file as A/2.flac",
        "gone.ogg": "cannot be read (No such file or directory)",
        "pipe.mp3": "cannot be read (it is a FIFO (a named pipe), not a file)",
        "A/1.mp3": "has no answer: is silent",
    }
    with pytest.raises(PlanError, match="is not in the library"):
        make_plan(library / "A", [answer(library / "B" / "1.ogg", "rock")], Policy())


def test_the_summary_counts_shows_and_says_what_is_left(library: Path) -> None:
    text = summary(plan(library))
    assert "5 files, of which 2 would get a genre" in text
    assert "  1  METAL\n  1  Rock\nleft alone: 3\n  3  has a genre\n" in text
    assert "A/1.mp3:  – → Rock  0.90" in text
    for number in range(30):
        tagged_files.write(library / f"{number:02}.flac")
    text = summary(make_plan(library, [answer(path, "rock") for path in library.glob("*.flac")], Policy()))
    assert text.count("→") == 20
    assert "20 examples:" in text


def test_a_plan_is_read_as_it_was_written_also_from_an_editor_of_windows(library: Path, tmp_path: Path) -> None:
    made = plan(library, Policy(only="all", add=True, by="album"))
    path = tmp_path / "plan.jsonl"
    made.write(path)
    assert read_plan(path) == made
    path.write_text(
        "\ufeff" + path.read_text(encoding="utf-8").replace("\n", "\r\n") + "\r\n", encoding="utf-8", newline=""
    )
    assert read_plan(path) == made


def edited(line: str, change: str) -> str:
    row = json.loads(line)
    match change:
        case "cut":
            return line[:-9]
        case "misspelt":
            row["nwe"] = row.pop("new")
        case "number":
            row["new"] = 5
        case "empty":
            row["new"] = " "
        case "none":
            row["new"] = []
        case "control":
            row["new"] = "a\0b"
        case "outside":
            row["file"] = "../../etc/passwd"
        case "long":
            row["new"] = "x" * 1001
        case "lacking":
            del row["digest"]
    return json.dumps(row)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("cut", "is not JSON"),
        ("misspelt", "'nwe' is not a part of a plan; did you mean 'new'"),
        ("number", "new: it must be a text, a list of texts, or null"),
        ("empty", "new: an empty text is not written; null leaves the file alone"),
        ("none", "new: an empty list is not written"),
        ("control", "holds a character that no tag can have"),
        ("outside", "file: it leads out of the library"),
        ("long", "it has 1001 characters; at most 1000 are allowed"),
        ("lacking", "digest: Field required"),
    ],
)
def test_a_wrong_edit_is_named_by_its_line(library: Path, tmp_path: Path, change: str, reason: str) -> None:
    path = tmp_path / "plan.jsonl"
    plan(library).write(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2] = edited(lines[2], change)
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    said = str(caught.value)
    assert said.startswith(f"{path}, line 3: ")
    assert reason in said
    assert said.endswith("(nothing was written)")


def test_other_mistakes_in_a_plan_are_sentences(library: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    plan(library).write(path)
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    for lines, reason in (
        (rows, "is not a plan: its first line does not say what it is of"),
        ([], "is not a plan"),
        ([head, rows[0], rows[0]], "line 3: 'A/1.mp3' is planned in line 2 already"),
        (
            [head.replace('"tonearm_plan": 1', '"tonearm_plan": 2'), *rows],
            "the plan has the format 2, and this tonearm knows 1",
        ),
        ([head.replace('"genre"', '"gerne"'), *rows], "field 'gerne' is not one that tonearm writes"),
    ):
        path.write_text("\n".join(lines), encoding="utf-8")
        with pytest.raises(PlanError, match=reason):
            read_plan(path)
    path.write_bytes(b"\xff\xfe{\0")
    with pytest.raises(PlanError, match="is not UTF-8 text"):
        read_plan(path)
    with pytest.raises(PlanError, match="cannot be read"):
        read_plan(tmp_path / "none.jsonl")
