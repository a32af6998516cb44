"""Damaged files and full disks, where tags are written: a file is refused, or all that it held is still there."""

import shutil
from pathlib import Path

import av
import pytest

import tagged_files
from hostile import can_mount, leftovers, small_disk
from mutations import mutate
from tonearm.errors import OutputError, TagError
from tonearm.library.delta import difference, rebuild
from tonearm.library.fields import field_of
from tonearm.library.plan import Policy, make_plan
from tonearm.library.writer import check_written, write_field
from tonearm.library.writing import apply_plan, undo

GENRE = field_of("genre")
MUTATIONS = 25


def sound(path: Path) -> bytes | None:
    try:
        return tagged_files.sound(path)
    except av.FFmpegError:
        return None


@pytest.mark.parametrize("kind", tagged_files.FORMATS)
def test_a_damaged_file_is_refused_or_sounds_as_before(tmp_path: Path, kind: str) -> None:
    whole = tagged_files.write(tmp_path / f"whole.{kind}", "Old").read_bytes()
    path, copy, back = (tmp_path / f"{name}.{kind}" for name in ("a", "copy", "back"))
    written = 0
    for seed in range(MUTATIONS):
        path.write_bytes(mutate(whole, seed))
        try:
            write_field(path, copy, GENRE, ["New"])
            check_written(path, copy, GENRE, ["New"])
        except TagError:
            continue
        written += 1
        assert sound(copy) == sound(path)
        rebuild(difference(path, copy), copy, back)
        assert back.read_bytes() == path.read_bytes()
    assert written < MUTATIONS


@pytest.mark.skipif(not can_mount(), reason="mounts a small disk, which needs to be root")
def test_a_full_disk_ends_in_a_sentence_and_goes_on_with_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1_000) as disk:
        library = disk / "Music"
        for number in range(6):
            path = tagged_files.write(library / f"{number}.mp3", "Old")
            path.write_bytes(path.read_bytes() + bytes(50_000))
        make_plan(library, [tagged_files.answer(path, "Rock") for path in library.iterdir()], Policy(only="all")).write(
            disk / "plan.jsonl"
        )
        before = tagged_files.contents(library)
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - 30_000))
        with pytest.raises(OutputError, match="its disk is full"):
            apply_plan(disk / "plan.jsonl")
        assert tagged_files.contents(library) == before
        assert leftovers(disk) == []
        filler.unlink()
        assert apply_plan(disk / "plan.jsonl").done == 6
        undo(disk / "plan.jsonl")
        assert tagged_files.contents(library) == before
