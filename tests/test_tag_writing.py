"""Plans carried out and taken back: every byte, whoever is killed whenever, and what others changed stays theirs."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import tagged_files
from tagged_files import answer, contents
from tonearm.errors import OutputError, PlanError, TonearmError
from tonearm.library import exchange
from tonearm.library.fields import field_of
from tonearm.library.journal import Journal
from tonearm.library.plan import Policy, make_plan
from tonearm.library.plan_file import read_plan
from tonearm.library.status import status_of
from tonearm.library.writer import read_fields, write_field
from tonearm.library.writing import apply_plan, undo
from tonearm.runtime.leftovers import claim
from tonearm.runtime.locks import hold

GENRE = field_of("genre")
YESTERDAY = 1_700_000_000_123_456_789


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A track of each format, half of them tagged, with a genre or without; and one without any tag."""
    folder = tmp_path / "Music"
    for number, kind in enumerate(tagged_files.FORMATS):
        tagged_files.write(folder / f"Artist {number % 2}" / f"a.{kind}", "Old" if number % 3 else "", 3 + number % 2)
    tagged_files.write(folder / "bare.mp3", tagged=False)
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(YESTERDAY, YESTERDAY))
    return folder


def planned(library: Path, policy: Policy | None = None, label: str = "Rock", name: str = "plan") -> Path:
    """A plan that gives every file the label."""
    files = sorted(path for path in library.rglob("*.*") if path.is_file())
    path = library.parent / f"{name}.jsonl"
    made = make_plan(library, [answer(file, label) for file in files], policy or Policy(only="all"))
    made.write(path)
    return path


def genres(library: Path) -> dict[str, tuple[str, ...]]:
    return {name: read_fields(library / name, [GENRE])[0] for name in contents(library)}


def test_what_was_written_is_taken_back_byte_for_byte(library: Path) -> None:
    before = contents(library)
    for policy in (Policy(only="all", add=True), Policy(only="all", field="TXXX:Mine")):
        plan = planned(library, policy, name=policy.field.replace(":", "") + str(policy.add))
        done = apply_plan(plan)
        assert (done.done, done.left) == (8, {})
        after = contents(library)
        assert all(after[name] != before[name] for name in before)
        assert apply_plan(plan).already == 8
        assert contents(library) == after
        taken = undo(done.journal)
        assert (taken.done, taken.left, taken.by_field) == (8, {}, [])
        assert contents(library) == before
        assert undo(plan).done == 0
        assert apply_plan(plan).done == 8  # and once more
        undo(plan)
        assert contents(library) == before


def extended(path: Path) -> dict[str, bytes]:
    """The file's extended attributes, where the system has them."""
    if not hasattr(os, "listxattr"):
        return {}
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


def test_times_stay_on_wish_and_rights_always(library: Path) -> None:
    path = library / "bare.mp3"
    path.chmod(0o640)
    with contextlib.suppress(OSError, AttributeError):  # not everywhere
        os.setxattr(path, "user.note", b"mine")
    attributes = extended(path)
    apply_plan(planned(library), keep_times=True)
    assert {time for _, time in contents(library).values()} == {YESTERDAY}
    assert set(genres(library).values()) == {("Rock",)}
    assert path.stat().st_mode & 0o777 == 0o640
    assert extended(path) == attributes
    undo(library.parent / "plan.jsonl")
    apply_plan(library.parent / "plan.jsonl")
    assert YESTERDAY not in {time for _, time in contents(library).values()}


def test_an_edited_plan_is_what_is_written(library: Path) -> None:
    path = planned(library)
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    changed = [json.loads(row) for row in rows[1:]]
    changed[0]["new"], changed[1]["new"], changed[2]["new"] = "Other", None, ["Two", "Values"]
    path.write_text("\n".join([head, *map(json.dumps, changed)]), encoding="utf-8")
    before = genres(library)
    assert apply_plan(path).done == 6
    after = genres(library)
    names = [row["file"] for row in changed]
    assert after[json.loads(rows[0])["file"]] == before[json.loads(rows[0])["file"]]
    assert [after[name] for name in names[:4]] == [("Other",), before[names[1]], ("Two", "Values"), ("Rock",)]


def test_what_others_changed_since_the_plan_is_left_alone(library: Path) -> None:
    path = planned(library)
    bare, touched, other = library / "bare.mp3", library / "Artist 0" / "a.mp3", library / "Artist 1" / "a.flac"
    with bare.open("ab") as file:
        file.write(b"x")
    os.utime(touched)
    data = bytearray(other.read_bytes())
    data[-1] ^= 1
    other.write_bytes(data)
    os.utime(other, ns=(YESTERDAY, YESTERDAY))
    (library / "Artist 1" / "a.opus").unlink()
    outcome = apply_plan(path)
    assert outcome.done == 4
    size = bare.stat().st_size
    assert outcome.left == {
        "bare.mp3": f"changed since the plan: it has {size} bytes, and had {size - 1}; plan it again",
        "Artist 0/a.mp3": "changed since the plan: it was written to, though its size is the same; plan it again",
        "Artist 1/a.flac": "changed since the plan: its beginning or end is another; plan it again",
        "Artist 1/a.opus": "is not there any more",
    }


def test_what_others_changed_after_it_was_written_stays_theirs(library: Path) -> None:
    path = planned(library)
    before = genres(library)
    apply_plan(path)
    for name, field, value in (("Artist 0/a.mp3", "comment", "mine"), ("Artist 1/a.flac", "genre", "Mine")):
        changed = library / "changed"
        write_field(library / name, changed, field_of(field), [value])
        changed.replace(library / name)
    (library / "bare.mp3").unlink()
    assert status_of(path).changed == ("Artist 0/a.mp3", "Artist 1/a.flac", "bare.mp3")
    outcome = undo(path)
    assert outcome.by_field == ["Artist 0/a.mp3"]
    assert outcome.left == {
        "Artist 1/a.flac": "was changed since, and its genre is ['Mine'] now, not ['Rock']",
        "bare.mp3": "is not there any more, or cannot be read",
    }
    assert read_fields(library / "Artist 0" / "a.mp3", [field_of("comment")])[0] == ("mine",)
    after = genres(library)
    assert {name for name in after if after[name] != before[name]} == {"Artist 1/a.flac"}


def test_a_recipe_that_is_damaged_leaves_one_file_as_it_is(library: Path) -> None:
    path = planned(library)
    journal = path.with_suffix(".journal")
    apply_plan(path)
    lines = journal.read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[1])
    row["recipe"] = row["recipe"][:-5]
    journal.write_text("\n".join([lines[0], json.dumps(row), *lines[2:]]) + "\n", encoding="utf-8")
    outcome = undo(path)
    assert outcome.done == 7
    assert outcome.left[row["file"]].startswith("the journal's recipe is damaged")


def test_status_counts(library: Path) -> None:
    path = planned(library)
    assert "  waiting      8" in status_of(path).text()
    apply_plan(path)
    found = status_of(path)
    assert (found.planned, found.written, found.waiting, found.changed) == (8, 8, 0, ())
    undo(path)
    found = status_of(path)
    assert (found.written, found.restored, found.changed) == (0, 8, ())


def test_a_file_at_which_a_stop_came_was_not_changed_by_others(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    path = planned(library)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "end", stop)  # between the exchange of a file and the line that says so
        with pytest.raises(KeyboardInterrupt):
            apply_plan(path)
    found = status_of(path)
    assert (found.written, found.interrupted, found.waiting, found.changed) == (0, 1, 7, ())
    first = read_plan(path).planned[0].file
    (library / first).unlink()
    assert status_of(path).changed == (first,)


def test_files_that_are_not_to_be_written_are_left_alone(library: Path) -> None:
    (library / "bare.mp3").chmod(0o444)
    os.link(library / "Artist 0" / "a.mp3", library.parent / "second name.mp3")
    path = planned(library)
    before = contents(library)
    outcome = apply_plan(path)
    assert outcome.left["bare.mp3"] == "is write-protected"
    assert outcome.left["Artist 0/a.mp3"].startswith(
        "has 2 names (hard links), of which only one would lead to the new"
    )
    assert outcome.done == 6
    assert apply_plan(path, part_links=True).done == 1
    assert (library.parent / "second name.mp3").read_bytes() == before["Artist 0/a.mp3"][0]
    undo(path)
    assert contents(library) == before


def test_a_link_stays_a_link(library: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.mp3"
    (library / "bare.mp3").replace(real)
    (library / "bare.mp3").symlink_to(real)
    apply_plan(planned(library))
    assert (library / "bare.mp3").is_symlink()
    assert read_fields(real, [GENRE])[0] == ("Rock",)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = planned(library)
    before = contents(library)
    left = [3]

    def fill(self: exchange.Exchange, mtime_ns: int | None) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        settle(self, mtime_ns)

    settle = exchange.Exchange.settle
    monkeypatch.setattr(exchange.Exchange, "settle", fill)
    with pytest.raises(OutputError, match="its disk is full"):
        apply_plan(path)
    monkeypatch.undo()
    assert sum(contents(library)[name] != before[name] for name in before) == 3
    assert set(contents(library)) == set(before)  # no copy is left
    assert apply_plan(path).done == 5
    undo(path)
    assert contents(library) == before


def test_a_program_that_writes_meanwhile_is_not_overwritten(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = planned(library)
    take_place = exchange.Exchange.take_place

    def meddle(self: exchange.Exchange) -> None:
        if self.path.name == "bare.mp3":
            os.utime(self.path)
        take_place(self)

    monkeypatch.setattr(exchange.Exchange, "take_place", meddle)
    outcome = apply_plan(path)
    assert outcome.left == {"bare.mp3": "was changed by another program while it was written"}
    assert (status_of(path).written, status_of(path).restored) == (7, 1)


def test_files_in_use_and_folders_that_are_write_protected_are_left_alone(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = planned(library)
    before = contents(library)

    def busy(source: Path, target: Path) -> None:  # as Windows does, after some patience
        raise OutputError(f"{target}: cannot be replaced, since another program has it or a file in it open")

    def refuse(folder: Path, suffix: str) -> tuple[Path, int]:
        if folder.name == "Artist 1":
            raise PermissionError(13, "Permission denied")
        return claim(folder, suffix)

    monkeypatch.setattr(exchange, "rename", busy)
    monkeypatch.setattr(exchange, "claim", refuse)
    outcome = apply_plan(path)
    assert (outcome.done, len(outcome.left)) == (0, 8)
    assert outcome.left["bare.mp3"] == "is open in another program, which must close it first"
    assert outcome.left["Artist 1/a.flac"] == "its folder is write-protected"
    assert contents(library) == before
    assert not list(library.rglob(".tonearm-*"))
    monkeypatch.undo()
    assert apply_plan(path).done == 8


def test_a_second_command_on_the_library_waits_for_none(library: Path) -> None:
    path = planned(library)
    with hold(library), pytest.raises(TonearmError, match="another tonearm"):
        apply_plan(path)
    assert apply_plan(path).done == 8


def test_a_library_that_moved_or_is_another_is_said(library: Path, tmp_path: Path) -> None:
    path = planned(library)
    before = contents(library)
    moved = tmp_path / "elsewhere" / "Music"
    shutil.move(library, moved)
    with pytest.raises(PlanError, match="the plan's library is not there; connect it, or say by --library"):
        apply_plan(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PlanError, match="not one of the 8 files of the plan is in it, so it is the plan of another"):
        apply_plan(path, tmp_path / "empty")
    assert apply_plan(path, moved).done == 8
    assert undo(path, moved).done == 8
    assert contents(moved) == before


def test_a_journal_is_that_of_its_plan(library: Path) -> None:
    path = planned(library)
    apply_plan(path)
    planned(library, label="Metal")
    with pytest.raises(PlanError, match=r"is the journal of another plan, which it can still take back \(`tonearm tag"):
        apply_plan(path)
    journal = path.with_suffix(".journal")
    journal.write_bytes(journal.read_bytes() + b'{"do":"write","file":"cut sho')  # as a kill leaves it
    assert undo(journal).done == 8
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], b'{"do":"wrote"}\n', *lines[2:]]))
    with pytest.raises(PlanError, match="line 3: is damaged, or not of a journal"):
        undo(journal)
    journal.write_bytes(b"")
    with pytest.raises(PlanError, match="is not a journal of `tonearm tag apply`"):
        undo(journal)


# Runs apply or undo again and again, killed by itself (SIGKILL) at each of the moments that matter in turn.
KILLED = """
import os, signal, sys
from pathlib import Path
import filelock
import tonearm.library.writer  # once, and not in each child
from tonearm.library import exchange, journal, writing
path, first, command = Path(sys.argv[1]), int(sys.argv[2]), getattr(writing, sys.argv[3])

def counted(work, where):
    def wrapped(*arguments, **options):
        for moment in ("before", "after"):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            if moment == "before":
                result = work(*arguments, **options)
        return result
    return wrapped

left = [first]
writing_moments = (exchange, "claim"), (exchange, "flush"), (exchange, "rename"), (journal, "flush")
for module, name in writing_moments:
    setattr(module, name, counted(getattr(module, name), name))
journal.Journal._append = counted(journal.Journal._append, "append")
for number in range(10_000):
    child = os.fork()
    if not child:
        left[0] = first + number
        command(path)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(status, flush=True)
    if sys.stdin.readline() != "on\\n":
        break
"""


def put(library: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Give the files these bytes and times."""
    for name, (data, time) in files.items():
        (library / name).write_bytes(data)
        os.utime(library / name, ns=(time, time))


@pytest.mark.parametrize("command", ["apply_plan", "undo"])
def test_a_kill_at_any_moment_leaves_whole_files_and_is_gone_on_with(tmp_path: Path, command: str) -> None:
    library = tmp_path / "Music"
    for name in ("a.flac", "b.mp3"):
        tagged_files.write(library / name)
    path = planned(library)
    journal = path.with_suffix(".journal")
    before = contents(library)
    apply_plan(path, keep_times=True)
    after, applied = contents(library), journal.read_bytes()
    undo(path)
    start, kept = (before, journal.read_bytes()) if command == "apply_plan" else (after, applied)
    put(library, start)
    journal.write_bytes(kept)
    arguments = [sys.executable, "-c", KILLED, str(path), "1", command]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    kills = 0
    while int(process.stdout.readline()) == signal.SIGKILL:
        kills += 1
        found = contents(library)
        assert found.keys() == before.keys()
        assert all(data in (before[name][0], after[name][0]) for name, (data, _) in found.items())
        if kills % 2:
            apply_plan(path, keep_times=True)
            assert {name: data for name, (data, _) in contents(library).items()} == {
                name: data for name, (data, _) in after.items()
            }
        undo(path)
        assert contents(library) == before
        assert not list(library.rglob(".tonearm-*"))
        put(library, start)
        journal.write_bytes(kept)
        process.stdin.write("on\n")
        process.stdin.flush()
    process.communicate("", timeout=60)
    assert process.returncode == 0
    assert kills > 20
