"""The benchmark's own parts, and that its page says what its results say."""

import asyncio
import io
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import psutil
import pytest
import uvloop
from dirty_equals import IsPartialDict
from PIL import Image

from bench import page, results
from bench.__main__ import KEPT, SUITES
from bench.budget import RESERVATIONS, create_budget, require_use, reserving
from bench.checkout import checked_out
from bench.double import JWKS, Double
from bench.figures import Case, Figures, Outcome, Spread, at_least, compare
from bench.load import Load
from bench.picture import png
from bench.programs import BenchmarkError, Program, output_of
from bench.suites import before
from imagegen.fal import WebhookVerifier
from imagegen.settings import FalSettings, Settings
from tests.support.jobs_apart import apart
from tests.support.receiver import receiving
from tests.support.scripted_http import Scripted
from tests.support.service import running


def test_the_page_is_written_from_the_results() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(results.read(KEPT))


@pytest.mark.parametrize("size", [2_000, 200_000])
def test_a_picture_has_the_size_that_was_asked_for(size: int) -> None:
    content = png(size)
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()

    assert (len(content), picture.size) == (size, (1024, 768))


def test_a_percentile_is_one_of_the_times() -> None:
    load = Load(seconds=2, milliseconds=[float(number) for number in range(1, 201)])

    assert (load.percentile(50), load.percentile(99), load.percentile(100), load.rate) == (100, 198, 200, 100)


async def test_both_sides_work_in_turn_and_each_is_first_every_other_time() -> None:
    order: list[str] = []

    async def ours() -> Figures:
        order.append("ours")
        return {"s": float(len(order))}

    async def theirs() -> Figures:
        order.append("theirs")
        return {"s": float(len(order))}

    case = await compare("turns", 3, ours, theirs)

    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert case.subject == {"s": Spread(4, 1, 5)}
    assert case.ratio == {"s": Spread(5 / 6, 1 / 2, 4 / 3)}


@pytest.fixture
async def fal() -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Double())  # pyright: ignore[reportArgumentType] - ASGI, in plainer types
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9") as client:
        await client.get("/_double", params={"seconds": "0.05", "bytes": "3000"})
        yield client


async def test_the_double_answers_as_fals_queue_does(fal: httpx.AsyncClient) -> None:
    accepted = (await fal.post("/fal-ai/flux/dev", json={})).json()
    early = await fal.get(accepted["status_url"])
    told = (await fal.get(f"{accepted['status_url']}/stream")).text
    late = await fal.get(accepted["status_url"])
    result = (await fal.get(accepted["response_url"])).json()
    picture = await fal.get(result["images"][0]["url"])

    assert (early.status_code, early.json()) == (202, IsPartialDict(status="IN_PROGRESS"))
    assert (told.count("IN_PROGRESS"), told.count("COMPLETED")) == (1, 1)
    assert (late.status_code, late.json()) == (200, IsPartialDict(status="COMPLETED"))
    assert picture.content == png(3000)


def test_every_stream_of_the_double_ends_with_completed() -> None:
    """On the double's own event loop, whose timers are rounded to milliseconds and so fire early."""

    async def last_of_one(client: httpx.AsyncClient) -> str:
        accepted = (await client.post("/fal-ai/flux/dev", json={})).json()
        return (await client.get(f"{accepted['status_url']}/stream")).text.split("data: ")[-1]

    async def last_told() -> list[str]:
        transport = httpx.ASGITransport(Double())  # pyright: ignore[reportArgumentType] - ASGI, in plainer types
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9") as client:
            await client.get("/_double", params={"seconds": "0.0104"})
            return [await last_of_one(client) for _ in range(20)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(last_told())

    assert [status for status in told if "COMPLETED" not in status] == []


async def test_the_double_completes_what_waits_when_it_is_told_to(fal: httpx.AsyncClient) -> None:
    await fal.get("/_double", params={"seconds": "3600"})
    accepted = (await fal.post("/fal-ai/flux/dev", json={})).json()
    await fal.get("/_double", params={"release": "1"})

    assert (await fal.get(accepted["status_url"])).json() == IsPartialDict(status="COMPLETED")


async def test_the_double_has_no_result_before_it_is_done(fal: httpx.AsyncClient) -> None:
    await fal.get("/_double", params={"seconds": "3600"})
    accepted = (await fal.post("/fal-ai/flux/dev", json={})).json()
    early = await fal.get(accepted["response_url"])
    await fal.get("/_double", params={"release": "1"})

    assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})
    assert (await fal.get(accepted["response_url"])).json() == IsPartialDict(seed=1)


async def test_the_doubles_webhooks_are_signed_as_fals_are(fal: httpx.AsyncClient) -> None:
    async with receiving() as receiver:
        accepted = (await fal.post("/fal-ai/flux/dev", params={"fal_webhook": receiver.url}, json={})).json()
        (told,) = await receiver.times(1)
    key_set = (await fal.get(JWKS)).json()
    keys = Scripted(lambda _: httpx.Response(200, json=key_set))

    hint = await WebhookVerifier(FalSettings(), keys).verify(told.headers, told.body)

    assert (hint.request_id, hint.ok) == (accepted["request_id"], True)


def test_every_suite_is_a_file_of_its_own() -> None:
    files = {file.stem.replace("_", "-") for file in Path(page.__file__).parent.glob("suites/*.py")}

    assert set(SUITES) == files - {"--init--"}


async def test_the_service_of_another_commit_is_found_as_long_as_it_is_checked_out(tmp_path: Path) -> None:
    async with checked_out("HEAD", tmp_path) as path:
        found = await output_of(sys.executable, "-c", "import imagegen; print(imagegen)", environ={"PYTHONPATH": path})

        assert f"{tmp_path}/before/src/imagegen" in found
    assert not await asyncio.to_thread((tmp_path / "before").exists)


async def test_an_unknown_commit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError):
        async with checked_out("no-such-commit", tmp_path):
            pass


def test_the_last_earlier_day_is_kept_beside_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    days = ["2026-01-01 10:00", "2026-01-02 10:00", "2026-01-02 11:00"]

    for number, day in enumerate(days):
        outcome = Outcome(demands=[at_least("a demand", number, 1)])
        results.keep(results.describe("made-up", "What is it?", 3, outcome, measured=day))

    (last,) = results.read(["made-up"])
    first = results.earlier("made-up")
    assert first is not None
    assert (first.measured, last.measured) == (days[0], days[2])
    assert "| made-up | a demand | 2.00 x | 0.00 x (2026-01-01) | yes |" in page.render([last])


async def test_reservations_of_one_budget_are_measured_and_exact(stack: Settings) -> None:
    figures = await reserving(apart(stack).mongodb, reservations=150)()

    assert [*figures] == [RESERVATIONS]
    assert figures[RESERVATIONS] > 0


async def test_a_budget_that_is_measured_counts_the_jobs(own: Settings) -> None:
    async with running(own) as service:
        program = Program(psutil.Process(), str(service.client.base_url))
        await create_budget(program)
        with pytest.raises(BenchmarkError, match="counted no job"):
            await require_use(program)
        assert (await service.generate()).status_code == 200
        await require_use(program)


async def test_a_service_that_creates_no_budget_is_an_error() -> None:
    async with receiving() as receiver:
        with pytest.raises(BenchmarkError, match="created no budget: 204"):
            await create_budget(Program(psutil.Process(), receiver.url))


@pytest.mark.parametrize(("cpu", "rate", "met"), [((1.03, 1.15), 300, True), ((1.04, 1.16), 299, False)])
def test_a_job_with_and_without_a_budget_has_a_demand_each(cpu: tuple[float, float], rate: float, *, met: bool) -> None:
    ratios = dict.fromkeys(before.PLAIN, cpu[0]) | dict.fromkeys(before.BUDGETED, cpu[1])
    cases = [
        Case(name=name, subject={}, reference={}, ratio={"CPU ms/job": Spread(ratio, 0, 9)})
        for name, ratio in ratios.items()
    ]
    hot = Case(name=before.HOT, subject={RESERVATIONS: Spread(rate, 0, 9)}, reference={}, ratio={})

    demands = before.demands(Outcome(cases=[*cases, hot]))

    assert [each.is_met for each in demands] == [met] * 5
