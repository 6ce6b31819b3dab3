"""Requests of an endpoint that is usually done at the same time within a second: the result is read first."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from imagegen.errors import ProviderError
from imagegen.fal import FalClient
from imagegen.fal.durations import Durations
from imagegen.jobs import ProviderImage, ProviderRequest, ProviderResult
from tests.fal.workbench import ENDPOINT, QUICK, SMALL, Bench, ProgressRecorder, takes

ROUGHLY = replace(QUICK, quick=timedelta(seconds=5))  # this machine may be busy
TAUGHT = 10
REFUSED: dict[str, object] = {"fault": "model_fails"}
BROKEN: dict[str, object] = {"fault": "runner_fails"}


def usual(*seconds: float) -> float | None:
    durations = Durations(timedelta(seconds=1))
    for each in seconds:
        durations.completed(ENDPOINT, each)
    found = durations.usual(ENDPOINT)
    return found.total_seconds() if found is not None else None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], None),
        ([0.2] * 7, None),
        ([0.2] * 8, 0.2),
        ([0.2] * 12 + [30] * 3, 0.2),
        ([0.2] * 4 + [0.24] * 4, 0.24),
        ([0.2] * 4 + [0.9] * 4, None),
        ([0.7] * 4 + [0.85] * 4, 0.85),
        ([1.0] * 16, None),
        ([30.0] * 20 + [0.2] * 16, 0.2),
    ],
)
def test_usual_duration_is_known_for_quick_and_steady_endpoints(seconds: Sequence[float], expected: float) -> None:
    assert usual(*seconds) == expected


def test_durations_of_endpoints_are_kept_apart() -> None:
    durations = Durations(timedelta(seconds=1))
    for _ in range(8):
        durations.completed("a/quick", 0.2)
        durations.completed("a/slow", 20)

    assert (durations.usual("a/quick"), durations.usual("a/slow")) == (timedelta(seconds=0.2), None)


def played(durations: Durations, takes: float, requests: int) -> tuple[list[float], int]:
    """How long after the submit each result was had, and how many had to be followed, if each takes so long."""
    waits, followed = list[float](), 0
    for _ in range(requests):
        waited = durations.next_read(ENDPOINT)
        if waited is not None and waited.total_seconds() >= takes:
            durations.was_ready(ENDPOINT, waited)
            waits.append(waited.total_seconds())
        else:
            durations.completed(ENDPOINT, takes)
            waits.append(takes)
            followed += waited is not None
    return waits, followed


@pytest.mark.parametrize("slow", [0.06, 0.1, 0.5, 0.95])
@pytest.mark.parametrize("before", [0, 1000])
def test_requests_are_read_early_again_soon_after_a_slow_time(slow: float, before: int) -> None:
    durations = Durations(timedelta(seconds=1))
    played(durations, 0.05, before)
    played(durations, slow, 20)

    waits, _ = played(durations, 0.05, 100)

    late = [number for number, waited in enumerate(waits) if waited > 0.05 * 1.25]
    assert len(late) <= 30
    assert max(waits[-50:]) < 0.05 * 1.12


@pytest.mark.parametrize("slower", [0.06, 0.1, 0.5, 2])
def test_requests_that_take_longer_than_before_are_followed_until_that_is_known(slower: float) -> None:
    durations = Durations(timedelta(seconds=1))
    played(durations, 0.05, 20)

    waits, followed = played(durations, slower, 100)

    assert (max(waits) < slower * 1.05, followed <= 20) == (True, True)


def test_steady_endpoint_is_followed_for_few_probes_only() -> None:
    durations = Durations(timedelta(seconds=1))
    played(durations, 0.05, 20)

    _, followed = played(durations, 0.05, 1000)

    assert 0 < followed <= 20


def test_concurrent_requests_wait_for_one_probe_only() -> None:
    durations = Durations(timedelta(seconds=1))
    played(durations, 0.05, 20)

    waits = [durations.next_read(ENDPOINT) for _ in range(33)]
    early = [waited for waited in waits if waited is not None and waited < timedelta(seconds=0.05)]
    for waited in early:
        durations.was_ready(ENDPOINT, waited)
    for _ in range(30):
        durations.was_ready(ENDPOINT, timedelta(seconds=0.05))

    assert len(early) == 1
    assert durations.usual(ENDPOINT) == early[0]


async def taught(bench: Bench) -> FalClient:
    """A client that knows the endpoint as a quick one."""
    fal = bench.fal(ROUGHLY, streams=1)
    for _ in range(TAUGHT):
        fal._durations.completed(ENDPOINT, 1)  # pyright: ignore[reportPrivateUsage] - as that many requests would
    return fal


async def outcome(fal: FalClient, request: ProviderRequest) -> ProviderResult:
    """The result by whichever way it comes."""
    ended = await fal.wait_for_new(ENDPOINT, request, SMALL, ProgressRecorder())
    return ended if isinstance(ended, ProviderResult) else await fal.result(request, SMALL)


async def test_requests_without_a_failure_teach_how_long_they_take(bench: Bench) -> None:
    fal = bench.fal(ROUGHLY, streams=1)
    await bench.plan(takes(generation=0.4), REFUSED | {"times": 1})
    for _ in range(3):
        request = await fal.submit(ENDPOINT, SMALL)
        await fal.wait_for_new(ENDPOINT, request, SMALL, ProgressRecorder())
    known = fal._durations._endpoints[ENDPOINT].seconds  # pyright: ignore[reportPrivateUsage] - what they taught

    assert (len(known), min(known) > 0.35) == (2, True)


async def test_result_of_a_quick_endpoint_is_the_only_read(bench: Bench) -> None:
    fal = await taught(bench)
    await bench.plan(takes(generation=0.05))
    request = await fal.submit(ENDPOINT, SMALL)

    began = time.monotonic()
    result = await fal.wait_for_new(ENDPOINT, request, SMALL, ProgressRecorder())

    assert isinstance(result, ProviderResult)
    assert [type(image) for image in result.images] == [ProviderImage]
    assert await bench.reads(request) == (0, 0, 1)
    assert time.monotonic() - began >= 0.95


async def test_result_that_is_not_there_yet_is_waited_for_on_the_stream(bench: Bench) -> None:
    fal, recorder = await taught(bench), ProgressRecorder()
    await bench.plan(takes(generation=2.5))
    request = await fal.submit(ENDPOINT, SMALL)

    assert await fal.wait_for_new(ENDPOINT, request, SMALL, recorder) is None
    assert (await bench.reads(request), recorder.progress[-1].state) == ((1, 0, 1), "in_progress")
    assert (await fal.result(request)).images


@pytest.mark.parametrize(
    "fault",
    [
        REFUSED,
        BROKEN,
        {"fault": "read_status", "on": ["result"], "status": 403, "times": 1},
        {"fault": "read_status", "on": ["result"], "status": 503, "times": 1},
    ],
    ids=lambda fault: f"{fault['fault']} {fault.get('status', '')}",
)
async def test_anything_but_a_result_is_left_to_the_status(bench: Bench, fault: dict[str, object]) -> None:
    fal = await taught(bench)
    await bench.plan(takes(generation=0.05), fault)
    request = await fal.submit(ENDPOINT, SMALL)

    assert not isinstance(await fal.wait_for_new(ENDPOINT, request, SMALL, ProgressRecorder()), ProviderResult)
    assert await bench.reads(request) == (1, 0, 1)


@pytest.mark.parametrize("fault", [REFUSED, BROKEN], ids=lambda fault: str(fault["fault"]))
async def test_failed_request_ends_with_the_same_error_on_both_ways(bench: Bench, fault: dict[str, object]) -> None:
    await bench.plan(takes(generation=0.05), fault)
    answers: list[tuple[type[ProviderError], object]] = []
    for fal in (bench.fal(ROUGHLY, streams=1), await taught(bench)):
        request = await fal.submit(ENDPOINT, SMALL)
        with pytest.raises(ProviderError) as caught:
            await outcome(fal, request)
        answers.append((type(caught.value), caught.value.answer))

    assert answers[0] == answers[1]
