"""A request that cannot be answered: its HTTP status, and why in words that a person can act on."""

from tonearm.errors import TonearmError


class RequestError(TonearmError):
    """A request that cannot be answered.

    status: of HTTP, such as 413. reason: what was found, what is allowed, what to do.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)  # both, so that it survives pickling
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return self.reason

    def to_json(self) -> dict[str, str | int]:
        """The body of the answer."""
        return {"status": self.status, "error": self.reason}
