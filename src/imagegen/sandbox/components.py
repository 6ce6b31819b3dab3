"""The components that the routes share, opened and closed in one place."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imagegen.sandbox.backgrounds import DETAIL
from imagegen.sandbox.fault_plans import FaultPlans
from imagegen.sandbox.faults import Latency
from imagegen.sandbox.generation import Generation
from imagegen.sandbox.handover import REQUESTS_FILE
from imagegen.sandbox.images import ImageFiles
from imagegen.sandbox.inputs import InputImageFetcher
from imagegen.sandbox.store import RequestStore, StoredRequest
from imagegen.sandbox.webhook_delivery import WebhookSender


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a sandbox.

    Attributes:
        data: directory of the requests and images.
        loopback_only: fetch input images from loopback addresses only, and send webhooks only there.
        keep_alive: seconds between the comments of a silent status stream; fal sends one every 15 s.
        latency: seconds in the queue and of generation, for keys whose plan names none.
        detail: pixels on the long side with which backgrounds are drawn, before they are enlarged.
    """

    data: Path
    loopback_only: bool = False
    keep_alive: float = 15.0
    latency: Latency = field(default_factory=Latency)
    detail: int = DETAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The components of a sandbox.

    Attributes:
        forgotten: ids of requests that answer 404 from now on.
        reads: how many calls were made since the start, by request id and kind.
        raw_answers: how many calls the fault `any_answer` answered, by request id and kind.
    """

    options: Options
    store: RequestStore
    plans: FaultPlans
    files: ImageFiles
    inputs: InputImageFetcher
    generation: Generation
    webhooks: WebhookSender
    forgotten: set[str] = field(default_factory=set[str])
    reads: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    raw_answers: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    @classmethod
    def build(cls, options: Options) -> "Sandbox":
        """Create the components; nothing is opened yet."""
        store, plans = RequestStore(options.data / REQUESTS_FILE), FaultPlans()
        files, inputs = ImageFiles(options.data / "files"), InputImageFetcher(loopback_only=options.loopback_only)
        generation = Generation(store, plans, inputs, files, latency=options.latency, detail=options.detail)
        return cls(
            options=options,
            store=store,
            plans=plans,
            files=files,
            inputs=inputs,
            generation=generation,
            webhooks=WebhookSender(store, plans, loopback_only=options.loopback_only),
        )

    def start(self, request: StoredRequest) -> None:
        """Start the generation of a request, and its webhook if it named one."""
        self.webhooks.start(request)
        self.generation.start(request)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """Open the store, continue the unfinished requests of an earlier run, and close everything at the end."""
        await self.store.open()
        for request in await self.store.unfinished():
            self.start(request)
        yield
        await self.webhooks.close()
        await self.generation.close()
        await self.inputs.close()
        await self.store.close()
