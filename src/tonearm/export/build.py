"""A run as one ONNX model: from samples, pixels or the columns of a table to the probability of each label.

Conventions
-----------
A run that reads pictures of tonearm's own, or an encoder that is an ONNX network, takes samples: the whole way is in
the file. One that was trained on ready pictures takes pixels. Every other takes the columns that it was trained on,
which tonearm computes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tonearm.errors import ExportError
from tonearm.experiment.runs import Run
from tonearm.export import encoders, heads
from tonearm.export.graph import Value, Writer, opset_of
from tonearm.representations.base import Representation
from tonearm.representations.encoders.graphs import OPSET
from tonearm.representations.encoders.locate import find_encoder
from tonearm.representations.encoders.onnx_folder import MODEL_ONNX, Folder
from tonearm.representations.encoders.representation import SHORTEST_SECONDS, Embeddings
from tonearm.representations.encoders.weights import Cached, kept
from tonearm.representations.pictures import Pictures, ReadyPictures

Takes = Literal["samples", "pixels", "columns"]
OUTPUT = "probabilities"


@dataclass(frozen=True)
class Built:
    """A model as ONNX, and what it is given.

    takes: name of its input. gives: names of its outputs beside the probabilities. rate, shortest: of samples, Hz, and
    the least number of them. size: height and width of pixels. columns: names. note: where columns come from.
    """

    model: bytes
    takes: Takes
    gives: tuple[str, ...] = ()
    rate: int = 0
    shortest: int = 1
    size: tuple[int, int] = (0, 0)
    columns: tuple[str, ...] = ()
    note: str = ""


def build(run: Run, representation: Representation) -> Built:
    """The run as ONNX. Raises ExportError, with the reason, where it cannot be expressed."""
    try:
        if isinstance(representation, Pictures):
            return _of_pictures(run, representation)
        if isinstance(representation, ReadyPictures):
            return _of_pixels(run, representation)
        if representation.gives == "images":
            raise ExportError(f"its pictures {representation.name!r} are of another package, which draws them")
        network = _network(representation)
        if isinstance(representation, Embeddings) and network is not None:
            return _of_encoder(run, representation, network)
        return _of_columns(run, representation)
    except ModuleNotFoundError as error:
        raise ExportError(f'{error.name} is not installed; pip install "tonearm[export]"') from error
    except ExportError as error:
        raise ExportError(f"{run.folder}: cannot be exported as ONNX: {error}") from error


def _of_pictures(run: Run, pictures: Pictures) -> Built:
    from tonearm.export.networks import numbers_of_colours, of_windows
    from tonearm.export.pictures import brightness_steps, windows
    from tonearm.representations.spectrogram import colours

    writer = Writer(run.facts.model.name)
    inputs = _torch(run).inputs_
    samples = writer.source_value("samples", "FLOAT", ("samples",))
    table = numbers_of_colours(colours(pictures.settings), inputs)
    steps = brightness_steps(writer, samples, pictures)
    found = of_windows(writer, windows(writer, steps, table, inputs.window), run.classifier)
    settings = pictures.settings
    width = settings.width if settings.seconds is None else "width"
    writer.result(writer.cast(steps, "UINT8"), "picture", "UINT8", (settings.height, width))
    model = _finished(writer, found, run, one=True)
    return Built(model, "samples", ("picture",), pictures.audio.sr, settings.n_fft)


def _of_pixels(run: Run, pictures: ReadyPictures) -> Built:
    from tonearm.export.networks import of_pixels, of_windows
    from tonearm.export.pictures import windows

    writer = Writer(run.facts.model.name)
    inputs = _torch(run).inputs_
    pixels = writer.source_value("pixels", "UINT8", (pictures.height, pictures.width, 3))
    seen = windows(writer, of_pixels(writer, pixels, inputs), None, inputs.window)
    model = _finished(writer, of_windows(writer, seen, run.classifier), run, one=True)
    return Built(model, "pixels", size=(pictures.height, pictures.width))


def _of_encoder(run: Run, embeddings: Embeddings, path: Path) -> Built:
    import onnx

    located, _ = find_encoder(embeddings.encoder)
    network = onnx.load(str(path))  # with data that lie beside it
    writer = Writer(run.facts.model.name, max(OPSET, opset_of(network)))
    samples = writer.source_value("samples", "FLOAT", ("samples",))
    row, bands = encoders.row(writer, samples, embeddings, located.encoder, network)
    if bands is not None:
        writer.result(bands[0], "bands", "FLOAT", ("frames", bands[1]))
    model = _finished(writer, _head(writer, row, run), run, one=True)
    sr = embeddings.audio.sr
    return Built(model, "samples", ("bands",) if bands is not None else (), sr, round(SHORTEST_SECONDS * sr))


def _of_columns(run: Run, representation: Representation) -> Built:
    writer = Writer(run.facts.model.name)
    columns = representation.columns
    rows = writer.source_value("columns", "DOUBLE", ("rows", len(columns)))
    model = _finished(writer, _head(writer, rows, run), run, one=False)
    note = (
        f"the columns of {representation.name} come from tonearm (`tonearm extract`, `tonearm.extract_file_features` "
        "or, of encoders, `tonearm.embed`); this file holds what stands after them"
    )
    return Built(model, "columns", columns=columns, note=note)


def _network(representation: Representation) -> Path | None:
    """The ONNX file of an encoder, None where its network is none. Raises WeightsError where it is not here."""
    if not isinstance(representation, Embeddings):
        return None
    place = find_encoder(representation.encoder)[0].place
    if isinstance(place, Cached):
        return kept(place.name).model
    return place.path / MODEL_ONNX if isinstance(place, Folder) else None


def _torch(run: Run) -> Any:
    """The classifier, which reads pictures."""
    if not hasattr(run.classifier, "module_"):
        raise ExportError(f"its model is a {type(run.classifier).__name__}, which is no network of torch")
    return run.classifier


def _head(writer: Writer, rows: str, run: Run) -> str:
    if hasattr(run.classifier, "module_"):
        from tonearm.export.networks import of_rows

        return of_rows(writer, rows, run.classifier)
    return heads.probabilities(writer, rows, run.classifier)


def _finished(writer: Writer, found: str, run: Run, one: bool) -> bytes:
    """The model, with the run's labels and temperature. one: whether it takes one clip, and gives the row of that."""
    labels, classes = run.labels, [str(label) for label in run.classifier.classes_]
    if classes != list(labels):  # a label that was never trained on has probability 0
        places = np.zeros((len(classes), len(labels)))
        places[np.arange(len(classes)), [labels.index(label) for label in classes]] = 1.0
        found = writer.node("MatMul", found, places)
    if run.temperature != 1.0:
        logits: Value = writer.node("Div", writer.node("Log", found), float(run.temperature))
        found = writer.node("Softmax", logits, axis=1)
    shape: tuple[int | str, ...] = ("rows", len(labels))
    if one:
        found, shape = writer.node("Squeeze", found, 0), (len(labels),)
    writer.result(found, OUTPUT, "DOUBLE", shape)
    return writer.finished({"labels": json.dumps(labels, ensure_ascii=False), "run": run.facts.digest})
