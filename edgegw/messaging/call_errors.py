"""What the errors of a service with a JSON protocol have in common."""

from __future__ import annotations


class CallError(Exception):
    """A service refuses a call: the error's name in the service model, and the text."""

    def __init__(self, shape: str, text: str) -> None:
        super().__init__(f"{shape}: {text}")
        self.shape = shape
        self.text = text

    @property
    def status(self) -> int:
        """The status of the answer."""
        return 400

    @property
    def type_name(self) -> str:
        """`__type` of the answer."""
        return self.shape

    @property
    def query_code(self) -> str | None:
        """The name of the older Query protocol, which goes along in a header; None for none."""
        return None
