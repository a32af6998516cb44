"""What a correction of the source makes anew, and what it leaves alone."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
import soundfile

import crossings
import signals
from tables import clouds
from tonearm.config import parse_config
from tonearm.data.catalog import read_catalog
from tonearm.dsp.sound import ClipSound
from tonearm.experiment.listening import ListeningTask
from tonearm.models import MODELS
from tonearm.representations.base import Representation, work_digest
from tonearm.representations.combined import Joined
from tonearm.representations.extract import extract
from tonearm.representations.features.representation import Features
from tonearm.representations.registry import represent
from tonearm.representations.row_files import RowsTask
from tonearm.runtime.source import COMPUTING, computing_modules, source_digest
from tonearm.settings import AudioSettings, DataSettings, FeatureSettings, TrainSettings
from tonearm.training import fit_classifier

Correct = Callable[[str, str, str], None]

FEATURES = Features.of(AudioSettings(), FeatureSettings(families=("rms",), statistics=("mean",)))
FAMILIES = "tonearm.representations.features.families"


def built(name: str) -> Representation:
    return represent([name], parse_config({}))


def test_a_correction_concerns_what_it_computes_and_nothing_else(corrected: Correct, tmp_path: Path) -> None:
    def changes() -> list[str]:
        after = {
            "features": work_digest(FEATURES),
            "joined": work_digest(Joined((FEATURES, crossings.Crossings(AudioSettings())))),
            "mel": work_digest(built("mel")),
            "recordings": ListeningTask(tmp_path, AudioSettings()).digest,
            "logistic": source_digest(MODELS["logistic"].build.__module__),
        }
        changed = [name for name, digest in after.items() if digest != before.get(name)]
        before.update(after)
        return changed

    before: dict[str, str] = {}
    changes()
    corrected(FAMILIES, "0.02 * (stop - start)", "0.03 * (stop - start)")
    assert changes() == ["features", "joined"]
    corrected("tonearm.representations.spectrogram", "DEFINITION = 1", "DEFINITION = 2")
    assert changes() == ["mel"]
    corrected("tonearm.dsp.spectrum", "AMIN = np.float32(1e-10)", "AMIN = np.float32(1e-9)")
    assert changes() == ["features", "joined", "mel", "recordings"]
    corrected("tonearm.training.rowwise", "import numpy as np", "import numpy as np\n\nFIRST = 1")
    assert changes() == ["logistic"]
    corrected("tonearm.settings.data", "class AudioSettings", "FIRST = 1\n\n\nclass AudioSettings")  # is in the facts
    assert changes() == []


def test_other_words_and_another_layout_concern_nobody(corrected: Correct) -> None:
    before = work_digest(FEATURES)
    corrected(FAMILIES, "Root mean square of the samples", "RMS of the samples")
    corrected(
        FAMILIES, "    return np.sqrt(power)[None]", "    # for the root\n\n    return (np.sqrt(\n        power))[None]"
    )
    assert work_digest(FEATURES) == before
    corrected(FAMILIES, "power))[None]", "power + 1))[None]")
    assert work_digest(FEATURES) != before


def test_a_corrected_feature_is_extracted_anew_and_then_known(corrected: Correct, tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / "music" / "low" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, signals.tone(200.0 + 10 * number, 0.5), signals.SR)
    catalog, task = read_catalog(DataSettings(folder=str(tmp_path / "music"))), RowsTask(FEATURES, tmp_path / "out")

    def counted() -> tuple[int, int]:
        [done] = extract(catalog, [task])
        return done.computed, done.reused

    assert [counted(), counted()] == [(3, 0), (0, 3)]
    corrected(FAMILIES, "np.sqrt(power)", "np.sqrt(2 * power)")
    assert [counted(), counted()] == [(3, 0), (0, 3)]


@contextmanager
def executed() -> Iterator[set[str]]:
    """Modules of tonearm that compute and of which Python runs a function during the block."""
    names: set[str] = set()

    def note(frame: FrameType, event: str, value: object) -> None:
        names.add(frame.f_globals.get("__name__", ""))

    sys.setprofile(note)
    try:
        yield names
    finally:
        sys.setprofile(None)
        names -= {name for name in names if not name.startswith(tuple(f"tonearm.{each}." for each in COMPUTING))}


@pytest.mark.parametrize("name", ["features", "mel", "mn04_as", "crossings"])
def test_whatever_runs_while_a_clip_is_read_is_in_the_digest(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if name == "mn04_as":
        request.getfixturevalue("tiny_encoders")
    soundfile.write(tmp_path / "a.wav", signals.band(1.0, seed=1), signals.SR)
    representation = crossings.Crossings(AudioSettings()) if name == "crossings" else built(name)

    def read() -> None:
        with ClipSound(tmp_path / "a.wav") as sound:
            representation.open().read([sound])

    read()  # loads libraries and compiled kernels, which would take long while every call is noted
    with executed() as ran:
        read()
    ran.discard("tonearm.representations.registry")
    assert "tonearm.dsp.sound" in ran
    assert ran <= computing_modules(type(representation).__module__)


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.takes == "rows"])
def test_whatever_runs_while_a_model_is_trained_is_in_the_digest(name: str) -> None:
    X, y = clouds(30)
    model = MODELS[name]
    if model.extra:
        pytest.importorskip("torch")
    fewer = {"mlp": {"epochs": 2}, "trees": {"n_estimators": 5}, "boosting": {"max_iter": 3}}.get(name, {})

    def train() -> None:
        classifier = model.build(model.settings.model_validate(fewer), TrainSettings())
        fit_classifier(classifier, X, y).predict_proba(X)

    train()
    with executed() as ran:
        train()
    assert model.build.__module__ in ran
    assert ran <= computing_modules(model.build.__module__, fit_classifier.__module__)


def test_a_module_of_a_notebook_stands_for_nothing_and_one_of_a_file_for_its_text(tmp_path: Path) -> None:
    nothing = source_digest("no_such_module")
    assert nothing != source_digest("crossings")
    assert computing_modules("crossings") == {"crossings"} | computing_modules("tonearm.representations.base")
