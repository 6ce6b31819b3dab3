"""Rates: how many requests and images a key or a user may have in a minute, and how many open jobs. Pure."""

from dataclasses import dataclass
from typing import Final

HIGHEST_RATE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How much passes in a minute, and how many jobs may be unfinished at once; None: no limit."""

    requests_per_minute: int | None = None
    images_per_minute: int | None = None
    open_jobs: int | None = None

    def or_default(self, default: "Rates") -> "Rates":
        """These rates, and for each that has no limit the default."""
        requests, images, open_jobs = self.requests_per_minute, self.images_per_minute, self.open_jobs
        return Rates(
            requests_per_minute=default.requests_per_minute if requests is None else requests,
            images_per_minute=default.images_per_minute if images is None else images,
            open_jobs=default.open_jobs if open_jobs is None else open_jobs,
        )


NO_RATES: Final = Rates()
