"""What the page remembers while it runs: models, files, answers, corrections, trainings; and the export of answers."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastapi import Request

from tonearm.answers import Prediction, Predictions
from tonearm.experiment.trust import Trust
from tonearm.runtime.files import write_csv
from tonearm.runtime.names import to_text
from tonearm.web import tasks
from tonearm.web.app import Web, web_of
from tonearm.web.choices import Choice, Choices
from tonearm.web.corrections import Corrections
from tonearm.web.errors import RequestError
from tonearm.web.learning import Learning
from tonearm.web.shelf import Item, Shelf


@dataclass
class Session:
    """One person's page. trust: code that runs may execute. answers: by item and model, and why without neighbours."""

    choices: Choices
    shelf: Shelf
    trust: Trust = ()
    answers: dict[tuple[str, str], tuple[Prediction, str]] = field(default_factory=dict)
    learnings: dict[Path, Learning] = field(default_factory=dict)
    maps: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def learning(self, choice: Choice) -> Learning:
        """The training of the choice's experiment. Raises RequestError where there is none to learn anew."""
        if choice.experiment is None:
            raise RequestError(422, f"{choice.title} cannot learn anew: {choice.why}")
        with self._lock:
            if choice.experiment not in self.learnings:
                self.learnings[choice.experiment] = Learning(Corrections(choice.experiment))
            return self.learnings[choice.experiment]

    def forget(self, key: str) -> None:
        """Drop the answers to a file."""
        self.answers = {known: found for known, found in self.answers.items() if known[0] != key}

    def stop(self) -> None:
        """End the trainings."""
        for learning in self.learnings.values():
            learning.stop()

    async def answer(self, web: Web, item: Item, choice: Choice) -> tuple[Prediction, str]:
        """What a model says of a file, and why it names no neighbours; from memory where it was asked before."""
        key = item.key, choice.key
        if key not in self.answers:
            self.answers[key] = await web.pool.run(tasks.answer, choice.run, item.path, item.name)
        return self.answers[key]

    def neighbours(self, choice: Choice, found: Prediction) -> list[dict[str, Any]]:
        """The nearest training clips for the page: with the key of the sound, where it is there."""
        shown = []
        for one in found.neighbours:
            item = self.shelf.clip(choice.experiment, one.name) if choice.experiment else None
            shown.append({**one.to_json(), "key": item.key if item else ""})
        return shown


def session_of(request: Request) -> Session:
    """What the page of a request remembers."""
    session: Session = request.app.state.session
    return session


def item_of(request: Request, key: str) -> Item:
    """The file of a key. Raises RequestError."""
    return session_of(request).shelf.get(key, web_of(request).uploads)


def known_answers(session: Session, choice: Choice, items: Sequence[Item]) -> Predictions:
    """The answers to these files that are there. Raises RequestError where there is none."""
    known = [(item, session.answers.get((item.key, choice.key))) for item in items]
    rows = tuple(replace(found[0], name=_path_or_name(item)) for item, found in known if found is not None)
    if not rows:
        raise RequestError(422, "there is no answer to export yet")
    return Predictions(choice.labels, rows)


def as_csv(found: Predictions, target: Path) -> bytes:
    """The table of `tonearm predict --out`."""
    write_csv(target, found.header(), found.table())
    try:
        return target.read_bytes()
    finally:
        target.unlink()


def as_json(found: Predictions) -> bytes:
    """The list of `tonearm predict --json`."""
    return json.dumps([row.to_json() for row in found.rows], indent=2, ensure_ascii=False).encode()


def tag_plan(session: Session, choice: Choice, items: Sequence[Item], target: Path) -> bytes:
    """What `tonearm tag apply` would write to the files of one folder of --music that have no genre yet.

    Raises RequestError where no file, or files of several such folders, are there; TonearmError without `tagwriter`.
    """
    from tonearm.library.plan import Policy, make_plan

    music = [item for item in items if item.kind == "music"]
    roots = {root for item in music if (root := session.shelf.root_of(item)) is not None}
    if len(roots) != 1:
        raise RequestError(
            422, "a tag plan is of files of one folder of --music: the page does not know where a sent file comes from"
        )
    found = known_answers(session, choice, music)
    plan = make_plan(roots.pop(), found.rows, Policy(), str(choice.run.folder), choice.run.digest)
    try:
        plan.write(target)
        return target.read_bytes()
    finally:
        target.unlink(missing_ok=True)


def playlist(titles: Sequence[tuple[str, str]]) -> bytes:
    """An extended M3U in UTF-8; files whose names no line can hold are left out. titles: of each, title and path."""
    lines = ["#EXTM3U"]
    for title, path in titles:
        if to_text(path) == path and len(path.splitlines()) == 1:
            lines += [f"#EXTINF:-1,{title}", f"./{path}" if path.startswith("#") else path]
    return ("\n".join(lines) + "\n").encode()


def _path_or_name(item: Item) -> str:
    """What a file is called outside the page: its path, or what its sender calls it."""
    return item.name if item.kind == "upload" else str(item.path)


def titles_of(items: Sequence[Item]) -> list[tuple[str, str]]:
    """Title and path of each, for `playlist`."""
    return [(Path(item.name).stem, _path_or_name(item)) for item in items]
