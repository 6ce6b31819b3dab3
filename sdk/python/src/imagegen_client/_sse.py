"""Server-sent events, line by line."""

import json
from typing import Any


class EventParser:
    """Puts the lines of a stream together; one that is resumed goes on after an event's id."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._data: list[str] = []

    def feed(self, line: str) -> dict[str, Any] | None:
        """Take one line without its end.

        Returns:
            The event's data once it is complete.
        """
        if not line:
            text, self._data = "\n".join(self._data), []
            return json.loads(text) if text else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id":
            self.last_id = value
        return None
