"""Which pairs of classes the best model confuses more than their sizes explain, in words."""

from html import escape

import numpy as np

from tonearm.data.dataset import group_or_own, label_codes
from tonearm.evaluation.confusions import MOST_CLASSES, ConfusedPair, confused_pairs
from tonearm.evaluation.scores import predicted
from tonearm.experiment.folder import ExperimentFolder
from tonearm.experiment.records import read_rows
from tonearm.report.collect import ExperimentRecord
from tonearm.report.html import sentence
from tonearm.wording import count

SHOWN_PAIRS = 5
LEAST_MISTAKES = 10  # fewer say nothing of pairs, and nothing is said of them
EXPLAINED = (
    "more often than the number of each class's mistakes, and of each label's, explains (quasi-independence; exact "
    "tests by artists or recordings where they are known, p < 0.05 over all pairs, Holm)"
)


class ConfusedClasses:
    """The pairs that stand out among the best model's mistakes, each once, the surest first."""

    def __init__(self, record: ExperimentRecord) -> None:
        self.model, self.mistakes, self.pairs = "", 0, list[ConfusedPair]()
        if not record.trained or not 2 < len(record.classes) <= MOST_CLASSES:
            return
        answers = record.trained[0].answers
        assert answers is not None
        path = ExperimentFolder(record.folder).splits_csv
        groups = {
            row["filename"]: row["group"] for row in read_rows(path, ("filename", "group"), "run the command again")
        }
        units = group_or_own((groups.get(name, "") for name in answers.names), answers.names)
        truth, said = label_codes(answers.truth, answers.labels), predicted(answers.probabilities)
        self.model, self.mistakes = record.trained[0].name, int(np.sum(truth != said))
        if self.mistakes < LEAST_MISTAKES:
            return
        for pair in confused_pairs(truth, said, units, answers.labels):
            if not any((one.said, one.truth) == (pair.truth, pair.said) for one in self.pairs):
                self.pairs.append(pair)

    def sentences(self) -> list[str]:
        """One for each of the strongest pairs, one where none stands out, none where there are few mistakes."""
        if self.mistakes < LEAST_MISTAKES:
            return []
        if not self.pairs:
            return [f"No pair of classes stands out among the {count(self.mistakes, 'mistake')} of {self.model}."]
        return [sentence(pair.words()) for pair in self.pairs[:SHOWN_PAIRS]]

    def section(self) -> str:
        """As HTML."""
        said = self.sentences()
        if not self.pairs:
            return f'<p class="soft">{escape(said[0])}</p>' if said else ""
        items = "".join(f"<li>{escape(line)}</li>" for line in said)
        return f"<p>{escape(self.model)} confuses these {EXPLAINED}:</p><ul>{items}</ul>"

    def markdown(self) -> list[str]:
        """As lines of report.md."""
        said = self.sentences()
        return ["", "## Confused classes", "", *(f"- {line}" for line in said)] if said else []
