"""Weights of encoders: fetched once, held to a hash, converted, and listed."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import encoder_files
import encoder_oracle as oracle
from tonearm.cli import app
from tonearm.errors import RepresentationError, WeightsError
from tonearm.representations.encoders import musicnn, weights
from tonearm.representations.encoders.card import BuiltIn, Weights
from tonearm.representations.encoders.registry import ALIASES, ENCODERS


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("TONEARM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_weights_are_fetched_once_and_held_to_a_hash_that_was_confirmed_once(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(wanted: Weights, folder: Path) -> Path:
        fetched.append(wanted.file)
        return oracle.save_torch(oracle.random_mobilenet(0.1, seed=len(fetched) // 3), folder / wanted.file)

    monkeypatch.setattr(weights, "fetch", fetch)
    with pytest.raises(WeightsError, match="tonearm encoders get mn01_as"):
        weights.kept("mn01_as")
    with pytest.raises(RepresentationError, match="does not know the hash") as refused:
        weights.get_weights("mn01_as")
    assert not weights.is_kept("mn01_as")
    sha256 = str(refused.value).split()[-1]
    assert weights.get_weights("mn01_as", sha256=sha256) == ["mn01_as"]
    assert weights.get_weights("mn01_as") == []
    assert len(fetched) == 2
    assert weights.kept("mn01_as").digest == weights.tensors_digest(oracle.random_mobilenet(0.1))
    with pytest.raises(RepresentationError, match=f"should be {sha256}"):  # the third file is another
        weights.get_weights("mn01_as", again=True)
    weights.kept("mn01_as")


def test_one_file_of_musicnn_gives_both_networks(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = {name: oracle.random_musicnn(seed) for seed, name in enumerate(("MSD_musicnn", "MTT_musicnn"))}
    file = encoder_files.wheel(tmp_path / "m.whl", networks)
    known = musicnn.WEIGHTS._replace(sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    for name, tensors in networks.items():
        changed = BuiltIn(
            ENCODERS[name].encoder, known, ENCODERS[name].read, ENCODERS[name].build, weights.tensors_digest(tensors)
        )
        monkeypatch.setitem(ENCODERS, name, changed)
    done = CliRunner().invoke(app, ["encoders", "get", "musicnn", "--from", str(file)])
    assert done.exit_code == 0, done.output
    listed = {one["name"]: one["here"] for one in json.loads(CliRunner().invoke(app, ["encoders", "--json"]).stdout)}
    assert [name for name, here in listed.items() if here] == ["MSD_musicnn", "MTT_musicnn"]
    installed = tmp_path / "musicnn"
    for name, tensors in networks.items():
        (installed / name).mkdir(parents=True)
        index, data = encoder_files.checkpoint(tensors)
        (installed / name / ".index").write_bytes(index)
        (installed / name / ".data-00000-of-00001").write_bytes(data)
    before = weights.kept("MSD_musicnn")
    weights.get_weights("musicnn", installed, again=True)
    assert weights.kept("MSD_musicnn") == before


def test_the_list_names_every_encoder_and_where_it_was_trained(cache: Path) -> None:
    listed = CliRunner().invoke(app, ["encoders"]).stdout
    assert all(name in listed for name in (*ENCODERS, *ALIASES))
    assert "AudioSet" in listed
    assert "Million Song Dataset" in listed
