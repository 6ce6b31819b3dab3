"""Takes each request from the queue to its end, as fal's runners do."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from imagegen.sandbox import outcomes
from imagegen.sandbox.endpoint_schemas import billable_units, complete, find_endpoint
from imagegen.sandbox.fault_plans import FaultPlan, FaultPlans
from imagegen.sandbox.faults import (
    CancelIgnored,
    FewerImages,
    Latency,
    ModelFails,
    NsfwFlagged,
    ResultReshaped,
    RunnerFails,
    UnreachableInputFails,
)
from imagegen.sandbox.images import ImageFiles
from imagegen.sandbox.inputs import InputImageFetcher
from imagegen.sandbox.outcomes import RequestOutcome
from imagegen.sandbox.renderer import (
    further_images,
    image_specs,
    input_references,
    render_images,
    result_body,
    with_image_urls,
)
from imagegen.sandbox.sizes import MOST_PIXELS
from imagegen.sandbox.store import RequestStore, StoredRequest
from imagegen.sandbox.violations import entry

_log = logging.getLogger(__name__)
_STEPS = 4
_START_LIMITS = ("x-fal-request-start-timeout", "x-fal-request-timeout")


class Generation:
    """Runs every request as a task; two threads draw."""

    def __init__(
        self,
        store: RequestStore,
        plans: FaultPlans,
        inputs: InputImageFetcher,
        files: ImageFiles,
        *,
        latency: Latency,
        detail: int,
    ) -> None:
        self._store, self._plans, self._inputs, self._files = store, plans, inputs, files
        self._latency, self._detail = latency, detail
        self._drawing_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sandbox-drawing")
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, request: StoredRequest) -> None:
        """Start a request in the background."""
        task = asyncio.create_task(self._finish(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop. Unfinished requests continue after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._drawing_threads.shutdown(cancel_futures=True)

    async def _finish(self, request: StoredRequest) -> None:
        try:
            outcome = await self._run(request, self._plans.of(request.owner))
        except Exception:  # noqa: BLE001  # outermost loop: a defect must not leave the client waiting forever
            _log.exception("request %s failed", request.id)
            outcome = outcomes.infrastructure_error(500, "runner_server_error", "The sandbox failed; see its log")
        if outcome:
            await self._store.finish(request.id, outcome)

    async def _run(self, request: StoredRequest, plan: FaultPlan) -> RequestOutcome | None:
        latency = plan.take(Latency) or self._latency
        if request.state == "IN_QUEUE":
            limit = _start_limit(request)
            if limit is not None and limit < latency.queue:
                await asyncio.sleep(limit)
                return outcomes.start_timeout()
            await asyncio.sleep(latency.queue)
            if not await self._store.begin(request.id):
                return None  # cancelled in the queue
        return await self._generate(request, plan, latency.generation)

    async def _generate(self, request: StoredRequest, plan: FaultPlan, seconds: float) -> RequestOutcome:
        known = find_endpoint(request.endpoint)
        if known and (wrong := known.violations(request.body)):
            return outcomes.model_error(422, wrong)
        if await self._run_steps(request, plan, seconds):
            return outcomes.cancelled()
        return _failure(plan) or await self._deliver(request, plan, seconds)

    async def _run_steps(self, request: StoredRequest, plan: FaultPlan, seconds: float) -> bool:
        """Spend the time of generation, with log lines. True: a cancel was requested and is obeyed."""
        rounds = complete(request.endpoint, request.body).get("num_inference_steps")
        total = rounds if isinstance(rounds, int) else 8
        await self._store.log(request.id, f"Running {request.endpoint}, seed {request.seed}")
        for step in range(1, _STEPS + 1):
            await asyncio.sleep(seconds / _STEPS)
            bar = "█" * (step * 10 // _STEPS)
            done = f"{step * 100 // _STEPS:3}%|{bar:<10}| {total * step // _STEPS}/{total}"
            if await self._store.log(request.id, done) and not plan.take(CancelIgnored):
                return True
        return False

    async def _deliver(self, request: StoredRequest, plan: FaultPlan, seconds: float) -> RequestOutcome:
        _, references = input_references(complete(request.endpoint, request.body))
        inputs = await self._inputs.fetch([reference.url for reference in references])
        missing = next((wanted for wanted, got in zip(references, inputs, strict=True) if got.data is None), None)
        if missing and plan.take(UnreachableInputFails):
            return outcomes.image_load_error(missing.loc, missing.url)
        fewer = plan.take(FewerImages)
        loop = asyncio.get_running_loop()
        most = fewer.count if fewer else MOST_PIXELS
        specs = await loop.run_in_executor(self._drawing_threads, image_specs, request, inputs, most, self._detail)
        if specs and specs[0].size[0] * specs[0].size[1] > MOST_PIXELS:
            return outcomes.image_too_large(*specs[0].size, MOST_PIXELS)
        images = await loop.run_in_executor(self._drawing_threads, render_images, request, specs, self._files)
        reshaped = plan.take(ResultReshaped)
        return RequestOutcome(
            body=with_image_urls(reshaped.body, images)
            if reshaped
            else result_body(request, images, seconds, nsfw=plan.take(NsfwFlagged) is not None),
            billable_units=billable_units(
                request.endpoint,
                complete(request.endpoint, request.body),
                [(image.width, image.height) for image in images[: len(images) - further_images(request.endpoint)]],
            ),
        )


def _failure(plan: FaultPlan) -> RequestOutcome | None:
    match plan.take(ModelFails, RunnerFails):
        case ModelFails() as failed:
            more = {"ctx": failed.ctx} if failed.ctx is not None else {}
            detail = entry(failed.loc, failed.message, failed.type, **more)
            return outcomes.model_error(failed.status, [detail], needs_retry=failed.needs_retry)
        case RunnerFails() as failed:
            return outcomes.infrastructure_error(failed.status, failed.error_type, failed.message)
        case _:
            return None


def _start_limit(request: StoredRequest) -> float | None:
    """The client's limit on the time in the queue, in seconds; None if absent or not a number."""
    for name in _START_LIMITS:
        try:
            return float(request.headers[name])
        except (KeyError, ValueError):
            continue
    return None
