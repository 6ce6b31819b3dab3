"""Links to images that need no API key: made and read with secrets that all processes have in common."""

import hmac
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from imagegen.clock import now
from imagegen.errors import DatabaseUnavailable
from imagegen.jobs.link_tokens import ImageLink, end_of_link, make_token, read_token
from imagegen.net.single_flight import SingleFlight
from imagegen.settings import LinkSettings
from imagegen.storage.link_secrets import LinkSecrets
from imagegen.storage.local_copy import LocalCopy, News

LINKS: Final = "/i"
_UNKNOWN_EVERY: Final = timedelta(seconds=1)
_USUAL: Final = timedelta(days=-1)  # stands for the setting, because None is never
_log = logging.getLogger("imagegen.links")


class ImageLinks:
    """Makes and reads links. The secrets are those of the settings, or else in MongoDB.

    Args:
        settings: how long links work, and perhaps the secrets.
        stored: the secrets in MongoDB.
        news: which every process sends after a change of these.
    """

    def __init__(self, settings: LinkSettings, stored: LinkSecrets, news: News) -> None:
        self._settings = settings
        # Old secrets do no harm: a link is worth something only with its job, which is read from MongoDB.
        self._stored = LocalCopy[Sequence[bytes]](
            "secrets of links", stored.read, (), news=news, valid_for=timedelta.max, log=_log
        )
        self._unknown_tokens = SingleFlight(self._stored.read, _UNKNOWN_EVERY)

    def path(self, job_id: str, number: int, life: timedelta | None = _USUAL) -> str:
        """The path of a new link to an image.

        Args:
            job_id: the job's.
            number: the image's position in the job's images, from 0.
            life: how long it works at least; None for ever. By default as the settings say.

        Raises:
            DatabaseUnavailable: the secrets are in MongoDB, which has not answered yet.
        """
        ends_at = end_of_link(now(), self._settings.expires if life is _USUAL else life)
        link = ImageLink(job_id=job_id, number=number, ends_at=ends_at)
        return f"{LINKS}/{make_token(link, self._secrets()[0])}"

    async def read(self, token: str) -> ImageLink | None:
        """The link of a token, ended or not; None if it is not one of this service.

        Raises:
            DatabaseUnavailable: as `path`.
        """
        found = read_token(token, self._secrets())
        if found is None and not self._settings.keys:
            await self._unknown_tokens.get()  # another process may sign with a newer secret already
            found = read_token(token, self._secrets())
        return found

    def derived_secret(self, purpose: bytes) -> bytes:
        """A secret for something else, the same in every process until the secrets are rotated.

        Raises:
            DatabaseUnavailable: as `path`.
        """
        return hmac.digest(self._secrets()[0], purpose, "sha256")

    def _secrets(self) -> Sequence[bytes]:
        found = self._settings.keys or self._stored.latest
        if not found:
            raise DatabaseUnavailable
        return found

    @asynccontextmanager
    async def kept_current(self) -> AsyncGenerator[None]:
        """Keep the secrets current beside the body."""
        if self._settings.keys:
            yield
        else:
            async with self._stored.kept_current():
                yield


@asynccontextmanager
async def open_image_links(settings: LinkSettings, stored: LinkSecrets, news: News) -> AsyncGenerator[ImageLinks]:
    """Links whose secrets are current while the body runs."""
    links = ImageLinks(settings, stored, news)
    async with links.kept_current():
        yield links
