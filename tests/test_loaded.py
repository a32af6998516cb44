"""A loaded model answers like `tonearm predict`, whatever the music comes from and whoever asks at the same time."""

import io
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import signals
import tonearm
from tonearm.answers import Prediction
from tonearm.dsp.audio import read
from tonearm.dsp.sources import Contents, Samples
from tonearm.errors import AudioError, PictureError, RunError
from tonearm.loaded import LoadedModel
from tonearm.runtime.threads import one_thread

FEATURES: dict[str, Any] = {"families": ["chroma_stft", "mfcc", "mfcc_delta", "tempo"], "statistics": ["mean", "std"]}
HEAVY = ("torch", "pandas", "pyarrow", "matplotlib", "librosa", "skops", "pytest", "scipy.stats", "scipy.signal")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loaded") / "music"
    for label, hertz in (("low", 220.0), ("high", 1760.0)):
        (folder / label).mkdir(parents=True)
        for take in range(8):
            sound = signals.tone(hertz * (1 + 0.01 * take), 1.0, 0.3) + signals.noise(1.0, 0.01, take)
            soundfile.write(folder / label / f"{take}.wav", sound, signals.SR)
    return folder


@pytest.fixture(scope="module")
def run(music: Path) -> Path:
    out = music.parent / "runs"
    tonearm.train(music, out, models={"logistic": {}}, features=FEATURES, split={"test": 0.25, "valid": 0.25})
    return out


@pytest.fixture(scope="module")
def model(run: Path) -> LoadedModel:
    return tonearm.load(run)


@pytest.fixture(scope="module")
def answers(run: Path, music: Path) -> dict[str, Prediction]:
    return {row.name: row for row in tonearm.predict(run, music).rows}


def test_files_bytes_open_files_and_samples_have_one_answer(
    model: LoadedModel, music: Path, answers: dict[str, Prediction]
) -> None:
    path = music / "low" / "3.wav"
    name, data = str(path), path.read_bytes()
    samples, rate = soundfile.read(path, dtype="float32")
    expected = answers[name]
    assert model.predict(path) == expected
    assert model.predict(data, name=name) == expected
    assert model.predict(memoryview(data), name=name) == expected
    with path.open("rb") as file:
        assert model.predict(file) == expected
    assert model.predict(io.BytesIO(data)).probabilities == expected.probabilities
    assert model.predict(samples, sr=rate, name=name) == expected
    both = np.stack([samples, samples], axis=1).astype(np.float64)
    assert model.predict(both, sr=rate, name=name) == expected
    assert list(model.predict_many(answers)) == list(answers.values())
    assert model.labels == ("high", "low")


def test_what_cannot_be_used_is_an_answer_and_a_callers_mistake_an_error(
    model: LoadedModel, music: Path, run: Path
) -> None:
    assert model.predict(b"").error == "the file has 0 bytes"
    assert "Format not recognised" in model.predict(b"no music at all", name="a.wav").error
    assert model.predict(music / "nowhere.wav").error == "no such file"
    assert "samples are zero" in model.predict(np.zeros(signals.SR), sr=signals.SR).error
    assert "not finite" in model.predict(np.full(signals.SR, np.nan), sr=signals.SR).error
    with pytest.raises(RunError, match=r"need their rate, `sr`, from 1,000 to 1,000,000 Hz; got None"):
        model.predict(np.zeros(9))
    with pytest.raises(RunError, match="are int16; samples must be floating point"):
        model.predict(np.zeros(9, dtype=np.int16), sr=8_000)
    with pytest.raises(RunError, match=r"the shape \(2, 3, 4\)"):
        model.predict(np.zeros((2, 3, 4)), sr=8_000)
    with pytest.raises(RunError, match="got a int; what can be predicted is a path"):
        model.predict(3)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="open the file in binary mode"):
        model.predict(io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(RunError, match="is a table"):
        model.predict(run / "features" / "features.csv")


def test_the_card_is_json_and_has_the_scores_of_the_evaluated_part(model: LoadedModel, run: Path) -> None:
    import json

    card = json.loads(json.dumps(model.card, allow_nan=False))
    assert card["type"] == card["model"] == "logistic"
    assert card["labels"] == ["high", "low"]
    assert card["scores"]["part"] == "test"
    assert card["scores"]["accuracy"]["value"] == 1.0
    assert card["split"]["method"] == "group"
    assert card["split"]["clips"]["test"] == card["scores"]["clips"]
    assert card["representation"]["columns"] == model.run.classifier.n_features_in_  # type: ignore[attr-defined]
    assert card["encoders"] == []


def test_many_threads_get_the_same_bits(model: LoadedModel, answers: dict[str, Prediction]) -> None:
    def ask(start: int) -> list[Prediction]:
        names = list(answers)[start:] + list(answers)[:start]
        return [model.predict(name) for name in names]

    with ThreadPoolExecutor(8) as threads:
        for some in threads.map(ask, range(8)):
            assert some == [answers[row.name] for row in some]


def blas_threads() -> set[int]:
    from threadpoolctl import threadpool_info

    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.skipif(os.cpu_count() == 1, reason="libraries start no second thread on one core")
def test_a_thread_that_ends_leaves_the_others_one_thread() -> None:
    code = (
        "import threading, numpy, test_loaded as here\n"
        "from tonearm.runtime.threads import one_thread\n"
        "inside, leave, seen = threading.Event(), threading.Event(), []\n"
        "def long():\n"
        "    with one_thread():\n"
        "        inside.set(); leave.wait(); seen.append(here.blas_threads())\n"
        "before = here.blas_threads()\n"
        "thread = threading.Thread(target=long); thread.start(); inside.wait()\n"
        "with one_thread():\n"
        "    with one_thread(): pass\n"
        "    seen.append(here.blas_threads())\n"
        "leave.set(); thread.join()\n"
        "print(before, *seen, here.blas_threads())"
    )
    several = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, env=several, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{2} {1} {1} {2}"


def test_an_interrupted_block_gives_the_threads_back() -> None:
    before = blas_threads()
    with pytest.raises(KeyboardInterrupt), one_thread():
        raise KeyboardInterrupt
    assert blas_threads() == before


@pytest.mark.parametrize("format_", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU"])
@pytest.mark.parametrize("damage", ["whole", "cut", "junk before"])
def test_bytes_are_read_like_the_file(format_: str, damage: str, tmp_path: Path) -> None:
    sound = np.stack([signals.tone(440.0, 0.5), signals.noise(0.5, 0.1)], axis=1)
    path = tmp_path / f"a.{format_.lower()}"
    soundfile.write(path, sound, signals.SR, format=format_)
    data = path.read_bytes()
    data = {"whole": data, "cut": data[: len(data) // 3], "junk before": b"\0\1junk" * 50 + data}[damage]
    path.write_bytes(data)

    def outcome(source: Path | Contents) -> tuple[Any, ...]:
        try:
            waveform = read(source, 0.1, 0.3)
        except AudioError as error:
            return error.kind, error.reason
        return waveform.samples.tobytes(), waveform.sr, waveform.channels, waveform.seconds

    assert outcome(Contents(path.name, data)) == outcome(path)


def test_contents_without_a_name_are_told_by_their_beginning() -> None:
    assert Contents("upload", b"\0\0\0\x20ftypM4A ").suffix == ".m4a"
    assert Contents("upload", b"\x89PNG\r\n\x1a\n").suffix == ".png"
    assert Contents("upload.mp3", b"\0\0\0\x20ftypM4A ").suffix == ".mp3"
    assert Contents("upload", b"RIFF").suffix == ""


def test_pictures_are_read_from_bytes_like_files(tmp_path: Path) -> None:
    from PIL import Image

    from tonearm.data.pictures import read_picture
    from tonearm.representations.pictures import is_picture_file

    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 9, 3), dtype=np.uint8)).save(path)
    contents = Contents("upload", path.read_bytes())
    assert is_picture_file(contents)
    assert np.array_equal(read_picture(contents, (4, 4)), read_picture(path, (4, 4)))
    with pytest.raises(PictureError, match=r"^upload: cannot be read as a picture"):
        read_picture(Contents("upload", contents.data[:30]))


def test_samples_are_cut_like_a_file() -> None:
    values = signals.noise(2.0, 0.1).astype(np.float32)
    part = read(Samples("samples", values[:, np.newaxis], signals.SR), 0.5, 0.25)
    assert np.array_equal(part.samples, values[signals.SR // 2 : signals.SR // 2 + signals.SR // 4])
    assert part.seconds == 2.0


def test_a_model_of_rows_imports_only_what_it_needs(run: Path, music: Path) -> None:
    code = (
        "import sys, tonearm\n"
        f"answer = tonearm.load({str(run)!r}).predict({str(music / 'low' / '0.wav')!r})\n"
        "assert answer.label == 'low', answer\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], len(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy, count = done.stdout.strip().rsplit(" ", 1)
    assert heavy == "[]"
    assert int(count) < 1_900  # 3,400 before anybody looked; each hundred is about 50 ms


def test_what_was_put_off_is_there_when_it_is_wanted() -> None:
    code = (
        "import sys\n"
        "from tonearm.models.skops_library import load_scikit_learn\n"
        "load_scikit_learn()\n"
        "assert not {'pandas', 'scipy.stats'} & set(sys.modules)\n"
        "from sklearn.utils import fixes\n"
        "assert fixes.scipy.stats.gmean([4, 4]) == 4\n"
        "import pandas\n"
        "assert fixes.pd.DataFrame is pandas.DataFrame\n"
        "from sklearn.preprocessing import StandardScaler\n"
        "frame = StandardScaler().set_output(transform='pandas').fit_transform(pandas.DataFrame({'a': [0.0, 2.0]}))\n"
        "print(frame['a'].tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[-1.0, 1.0]"


def test_parts_of_what_is_put_off_can_be_imported_meanwhile() -> None:
    from tonearm.runtime.deferring import deferring

    for name in ("wave", "xml.dom", "xml.dom.minidom"):
        sys.modules.pop(name, None)
    with deferring("wave", "xml.dom"):
        import wave
        from xml.dom import minidom

        assert "wave" in sys.modules
        stand_in = sys.modules["wave"]
    assert minidom.Document().childNodes == []
    assert sys.modules.get("wave") is not stand_in
    assert wave.open is __import__("wave").open


def test_threads_may_import_at_the_same_time(model: LoadedModel) -> None:
    """The lock of the limits is held while threadpoolctl looks; nobody waits for ever."""
    done = []

    def work() -> None:
        with one_thread():
            done.append(True)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(done) == 16


def test_warm_compiles_what_a_run_needs_once_and_says_it(run: Path, tmp_path: Path) -> None:
    fresh = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "tonearm", "warm", str(run)]
    first, second = (subprocess.run(command, env=fresh, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout.startswith(f"1 kernel compiled; they are kept in {tmp_path}")
    assert f"once; later starts read them from {tmp_path}" in first.stderr
    assert second.stdout.startswith(f"nothing compiled, 1 compiled before; they are kept in {tmp_path}")
    assert second.stderr == ""


def test_warm_without_a_run_leaves_no_kernel_out() -> None:
    from tonearm.dsp.kernels import compiling
    from tonearm.warming import warm

    found = warm()
    assert set(found.compiled) | set(found.read) == set(compiling._kernels())
