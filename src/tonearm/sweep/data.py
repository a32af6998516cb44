"""What the trials of a sweep read: each representation once."""

from tonearm.config import Config
from tonearm.errors import ModelError
from tonearm.experiment.copies import inputs_digest
from tonearm.experiment.inputs import ModelInputs, read_inputs
from tonearm.runtime.progress import Counting
from tonearm.sweep.folder import SweepFolder


class DataCache:
    """The representation of each config, read once; all hold the same clips, or `of` says why not.

    data: what the first config reads, where that was read before.
    """

    def __init__(
        self, config: Config, folder: SweepFolder, counting: Counting, workers: int, data: ModelInputs | None = None
    ) -> None:
        self.out, self._folder, self._counting, self._workers = folder.path, folder, counting, workers
        self._key = self._name(config)
        self.base = data or read_inputs(config, folder.path, counting, workers)
        self._read: dict[str, ModelInputs] = {self._key: self.base}

    def of(self, config: Config) -> ModelInputs:
        """The data that the config's model reads. Raises ModelError where their clips are not those of the others."""
        key = self._name(config)
        if key not in self._read:
            self._read[key] = read_inputs(config, self._folder.data(key), self._counting, self._workers)
        data = self._read[key]
        for column in ("names", "labels", "groups"):
            if getattr(data.clips, column).tolist() != getattr(self.base.clips, column).tolist():
                raise ModelError(
                    f"its clips are not those of the other trials ({len(data.clips)} usable ones, the others have "
                    f"{len(self.base.clips)}), so their scores cannot be compared"
                )
        return data

    @staticmethod
    def _name(config: Config) -> str:
        return inputs_digest(config)[:12]
