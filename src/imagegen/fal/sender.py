"""Sends fal's key to fal's hosts only, and tells what a failed request means."""

from dataclasses import replace
from typing import Final

import aiohttp
from yarl import URL

from imagegen.errors import ProviderAnswer, ResultUnavailable
from imagegen.fal.urls import QueueAddress
from imagegen.net.http import Incoming, Request, Sender

# What a failed request raises. TimeoutError is an OSError.
NETWORK_FAILURES: Final = (aiohttp.ClientError, OSError)
# What a malformed response may raise: a header or an address that cannot be read.
MALFORMED_RESPONSES: Final = (RuntimeError, ValueError, LookupError)
_NO_CONNECTION: Final = (
    aiohttp.ClientConnectorError,  # name not found, refused, TLS failed, proxy not reached
    aiohttp.ConnectionTimeoutError,  # no free or no open connection in time
    aiohttp.ClientHttpProxyError,  # the proxy refused to open the tunnel
)
_FOREIGN: Final = ProviderAnswer(
    message="The request's stored address is not on FAL_QUEUE_URL's host, so fal.ai's key was not sent there."
)


def is_certainly_unsent(error: BaseException) -> bool:
    """Whether a request failed before it had a connection, so that no server can have read it.

    aiohttp raises the errors of `_NO_CONNECTION` only from its connector, before the request is written.
    """
    return isinstance(error, _NO_CONNECTION)


def parse_stored(address: str) -> URL:
    """A request's stored address.

    Raises:
        ResultUnavailable: it is not a URL.
    """
    try:
        return URL(address)
    except ValueError:
        raise ResultUnavailable(_FOREIGN) from None


class HostAllowlistSender:
    """Sends requests to fal's queue and refuses every other host, because each request carries the key.

    A request that certainly was not sent is repeated on fal's second domain, if there is one. fal-client's own
    transport for that is not used: it decides by httpx's class and would repeat a POST that fal has read.
    """

    def __init__(self, sender: Sender, address: QueueAddress) -> None:
        self._sender, self._address = sender, address

    async def send(self, request: Request) -> Incoming:
        """Send one request, as `Sender.send` describes.

        Raises:
            ResultUnavailable: its address is not on the host of `FAL_QUEUE_URL`; nothing was sent.
        """
        if not self._address.may_receive_key(request.url):
            raise ResultUnavailable(_FOREIGN)
        try:
            return await self._sender.send(request)
        except aiohttp.ClientError as error:
            backup = self._address.backup(request.url)
            if backup is None or not is_certainly_unsent(error):
                raise
        return await self._sender.send(replace(request, url=backup))
