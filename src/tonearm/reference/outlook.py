"""How long the tables will take, roughly.

Conventions
-----------
Seconds a clip of each table on one core, guessed from trainings on one machine; right within a factor of three or so,
and less so on a GPU. "data" is what is computed before the first table.
"""

from collections.abc import Sequence

from tonearm.config import Config
from tonearm.data.catalog import read_catalog
from tonearm.data.metadata import PICTURE_EXTENSIONS
from tonearm.data.pictures import is_picture_folder
from tonearm.data.tables import is_table, read_table
from tonearm.dsp.decoders import EXTENSIONS
from tonearm.reference.plan import Table
from tonearm.wording import count, duration

FULL = {
    "data": 0.3,
    "logistic": 1.1,
    "mlp": 0.1,
    "cnn-shape": 0.5,
    "cnn-activation": 0.8,
    "cnn-optimiser": 0.3,
    "resnet": 20.0,
    "models": 3.5,
    "scaling": 0.4,
}
QUICK = {name: seconds / 2 if name in ("resnet", "models") else seconds / 5 for name, seconds in FULL.items()}
LITE_SHARE = 0.15  # of ResNet50's time


def count_clips(config: Config) -> int:
    """How many clips, pictures or rows there are; nothing is decoded."""
    folder = config.data.folder
    if is_table(folder):
        return len(read_table(config.data)[0])
    endings = PICTURE_EXTENSIONS if is_picture_folder(folder) else EXTENSIONS
    return len(read_catalog(config.data, endings, config.genres))


def outlook(tables: Sequence[Table], clips: int, quick: bool, workers: int, other: bool) -> str:
    """A sentence on how long it will take. other: whether the network is another than ResNet50, which is larger."""
    known = {**(QUICK if quick else FULL), "data": FULL["data"]}
    seconds = 0.0
    for name in ("data", *(table.name for table in tables)):
        share = LITE_SHARE if other and name in ("resnet", "models") else 1.0
        seconds += share * known[name] * clips
    return (
        f"{count(len(tables), 'table')} of {count(clips, 'clip')} with {count(workers, 'process')}: about "
        f"{duration(seconds / workers)} (a rough guess); what is there already is not made again"
    )
