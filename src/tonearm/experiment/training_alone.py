"""What holds around every training: one thread, the model's own code, and whose fault a full machine is."""

from collections.abc import Iterator
from contextlib import contextmanager

from tonearm.models.python import running_own_code
from tonearm.runtime.faults import blaming_the_machine
from tonearm.runtime.owncode import Source
from tonearm.runtime.threads import one_thread

ADVICE = "with fewer train.workers or a smaller model"


@contextmanager
def one_training(what: str, own: Source | None, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Train one model in the block: the same sums in the same order, whatever else runs beside.

    what: is trained, for messages. own: the model's code, where it is the user's. passing: what the block raises on
    purpose. Raises ModelError for whatever the user's code raises, OutputError and OutOfMemoryError for a full machine.
    """
    with one_thread(), running_own_code(own, passing), blaming_the_machine(what, ADVICE):
        yield
