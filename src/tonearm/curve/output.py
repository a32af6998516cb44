"""A curve as files: curve.csv, .json and .md, and the picture."""

from collections.abc import Sequence

from tonearm.curve.drawing import panels
from tonearm.curve.folder import CurveFolder
from tonearm.curve.records import CurveRecord
from tonearm.curve.trainings import Row
from tonearm.curve.wording import markdown
from tonearm.plots import band_figure, save_figure
from tonearm.runtime.files import write_csv, write_json, write_text


def write_curve(folder: CurveFolder, record: CurveRecord, rows: Sequence[Row]) -> None:
    """Write all of them."""
    write_csv(folder.curve_csv, Row._fields, rows)
    write_json(folder.curve_json, record.model_dump(mode="json"))
    write_text(folder.curve_md, markdown(record))
    save_figure(band_figure(list(panels(record, folder.experiment.ranking())), "accuracy"), folder.picture)
