"""What the routes share: the sandbox's parts, opened and closed in one place."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imagegen.sandbox.deliveries import Deliveries
from imagegen.sandbox.faults import Latency
from imagegen.sandbox.generation import Generation
from imagegen.sandbox.handover import REQUESTS_FILE
from imagegen.sandbox.inputs import InputPictures
from imagegen.sandbox.pictures import PictureFiles
from imagegen.sandbox.plans import Plans
from imagegen.sandbox.store import RequestStore, StoredRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a sandbox is set up.

    Attributes:
        data: folder of the requests and pictures.
        loopback_only: fetch input pictures from loopback addresses alone, and deliver webhooks only there.
        keep_alive: seconds between the comments of a silent status stream; fal's own are 15.
        latency: seconds in the queue and of generation, for keys without a plan.
    """

    data: Path
    loopback_only: bool = False
    keep_alive: float = 15.0
    latency: Latency = field(default_factory=Latency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The parts.

    Attributes:
        forgotten: ids of requests.
        reads: the calls since the start, by request and kind.
        dictated: how many of them, and of the submits, a plan's `any_answer` answered.
    """

    options: Options
    store: RequestStore
    plans: Plans
    files: PictureFiles
    inputs: InputPictures
    generation: Generation
    deliveries: Deliveries
    forgotten: set[str] = field(default_factory=set[str])
    reads: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    dictated: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    @classmethod
    def build(cls, options: Options) -> "Sandbox":
        """Put the parts together; nothing is opened yet."""
        store, plans = RequestStore(options.data / REQUESTS_FILE), Plans()
        files, inputs = PictureFiles(options.data / "files"), InputPictures(loopback_only=options.loopback_only)
        generation = Generation(store, plans, inputs, files, options.latency)
        return cls(
            options=options,
            store=store,
            plans=plans,
            files=files,
            inputs=inputs,
            generation=generation,
            deliveries=Deliveries(store, plans, loopback_only=options.loopback_only),
        )

    def start(self, request: StoredRequest) -> None:
        """Begin to work on a request, and to watch for its end if that is to be told."""
        self.deliveries.start(request)
        self.generation.start(request)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """Open the store, go on with what an earlier run left unfinished, and close everything at the end."""
        await self.store.open()
        for request in await self.store.unfinished():
            self.start(request)
        yield
        await self.deliveries.close()
        await self.generation.close()
        await self.inputs.close()
        await self.store.close()
