"""Reads metrics as Prometheus does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

_TEXT: Final = {"Accept": "text/plain;version=0.0.4"}
_ORDER: Final = ("server", "operation", "method", "route", "model", "status", "code", "outcome")


@dataclass(frozen=True, slots=True)
class Scraped:
    """A scrape: every series with its value."""

    text: str

    def series(self, name: str) -> Mapping[tuple[str, ...], float]:
        """The series of this name, by the values of their labels in the order in which docs/operations.md has them."""
        return {
            tuple(sample.labels[label] for label in sorted(sample.labels, key=_place)): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == f"imagegen_{name}"
        }

    def value(self, name: str, *labels: str) -> float | None:
        """The value of a series; None if there is no such series."""
        return self.series(name).get(labels)


def _place(label: str) -> int:
    return _ORDER.index(label) if label in _ORDER else 0


async def scrape(client: httpx.AsyncClient, path: str = "/metrics") -> Scraped:
    answer = await client.get(path, headers=_TEXT)
    assert answer.status_code == 200, answer.text
    return Scraped(answer.text)
