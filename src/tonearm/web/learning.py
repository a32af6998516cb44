"""An experiment that learns anew from corrections, in a process of its own, and what came of it.

Conventions
-----------
The process is `tonearm run`, so a training that was stopped goes on when it is started again, and the page may end or
be killed meanwhile. learning.json says which corrections it was started with.
"""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tonearm.errors import RunError
from tonearm.experiment.folder import ExperimentFolder
from tonearm.experiment.records import LeaderboardRecord, Record, read_record
from tonearm.runtime.files import write_json
from tonearm.web.corrections import Corrections
from tonearm.web.errors import RequestError

LINES = 6  # of the log that the page shows
STOPPED = (130, 143, -15, -9)  # exit codes of a command that a signal ended
END_SECONDS = 15.0  # `runtime.stopping` ends a command within ten


class LearningRecord(Record):
    """learning.json. corrections: their digest. number: how many there were. done: whether it came to its end."""

    corrections: str
    number: int
    models: tuple[str, ...]
    done: bool = False


class Learning:
    """The training of one experiment's corrections."""

    def __init__(self, corrections: Corrections) -> None:
        self.corrections = corrections
        self._record = corrections.folder / "learning.json"
        self._log = corrections.folder / "learning.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether its process is at work."""
        return self._process is not None and self._process.poll() is None

    def start(self, models: Sequence[str]) -> None:
        """Start, or go on. Raises RequestError where it runs or there is nothing to learn; TonearmError."""
        with self._lock:
            if self.running:
                raise RequestError(409, "it is learning already")
            rows = self.corrections.rows()
            if not rows:
                raise RequestError(422, "there is no correction to learn from")
            config = self.corrections.make_collection(models)
            record = {"corrections": self.corrections.digest(), "number": len(rows), "models": list(models)}
            write_json(self._record, record)
            command = [sys.executable, "-m", "tonearm", "run", str(config), "--out", str(self.corrections.results)]
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )

    def stop(self) -> None:
        """End it; what is finished is kept."""
        with self._lock:
            if self._process is None or not self.running:
                return
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def state(self) -> dict[str, Any]:
        """What the page shows, JSON-ready.

        state: "none", "running", "stopped", "failed" or "done". learned: how many corrections it was started with.
        new: whether there are others by now. before, after: leaderboards.
        """
        record = self._started()
        state = self._state(record)
        found: dict[str, Any] = {
            "state": state,
            "learned": record.number if record else 0,
            "new": record is None or record.corrections != self.corrections.digest(),
            "lines": self._lines() if state in ("running", "failed") else [],
            "before": board(self.corrections.experiment),
            "after": board(self.corrections.results) if state == "done" else None,
        }
        return found

    def _started(self) -> LearningRecord | None:
        if not self._record.is_file():
            return None
        return read_record(LearningRecord, self._record, "remove it to begin anew")

    def _state(self, record: LearningRecord | None) -> str:
        if record is None:
            return "none"
        if self.running:
            return "running"
        if record.done:
            return "done"
        if self._process is None or self._process.returncode in STOPPED:
            return "stopped"
        if self._process.returncode:
            return "failed"
        write_json(self._record, {**record.model_dump(mode="json"), "done": True})
        return "done"

    def _lines(self) -> list[str]:
        try:
            return self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:]
        except OSError:
            return []


def board(experiment: Path) -> dict[str, Any] | None:
    """An experiment's leaderboard for the page, None where there is none."""
    folder = ExperimentFolder(experiment)
    try:
        folder.opened()
        found = read_record(LeaderboardRecord, folder.leaderboard_json, "run the command again")
    except RunError:
        return None
    rows = [
        {
            "model": row.model,
            "valid": row.scores.get("valid", {}).get("accuracy"),
            "test": row.scores.get(row.judged, {}).get("accuracy"),
            "interval": row.interval,
            "error": row.error,
        }
        for row in found.models
    ]
    return {"split": found.split, "verdict": found.verdict, "rows": rows}
