"""`imagegen models`, `jobs`, `usage` and `open` against the running service."""

from pathlib import Path

import httpx
import pytest

from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import dollars
from tests.cli.client import Shell
from tests.support.service import FLUX, Service


@pytest.fixture
async def job_id(service: Service) -> str:
    """A completed job of the user `ann`."""
    return (await service.generate({**FLUX, "userId": "ann"})).json()["jobId"]


@pytest.fixture
async def failed_id(service: Service) -> str:
    await service.sandbox.misbehaves({"fault": "model_fails", "status": 422, "type": "some_type", "message": "No."})
    failed = await service.accept({**FLUX, "userId": "ann"})
    await service.ended(failed)
    await service.sandbox.behaves()
    return failed


async def test_models_are_listed_and_shown(typed: Shell) -> None:
    listed, shown = await typed("models", "list"), await typed("models", "show", "face-swap")
    in_json = await typed("models", "show", "flux-pro", "--json")

    assert [listed.code, shown.code, in_json.code] == [ExitCode.OK] * 3
    assert listed.out.splitlines()[0].split() == ["MODEL", "PRICE", "CATEGORY", "DESCRIPTION"]
    assert "face-swap; takes images" in shown.out.splitlines()
    assert "base_image_url  image  Required." in shown.out
    assert shown.out.splitlines()[-1] == "imagegen generate -m face-swap -i photo.jpg -i photo-2.jpg"
    assert in_json.data["model"]["name"] == "flux-pro"


async def test_models_are_filtered_by_the_service(typed: Shell) -> None:
    listed = await typed("models", "list", "--takes-loras", "--max-cost", "0.03", "--search", "with flux-lora costs")
    in_json = await typed("models", "list", "--no-images", "--sizes", "pixels", "--search", "flux", "--json")
    refused = await typed("models", "list", "--category", "text-to-imge")

    assert [line.split()[0] for line in listed.out.splitlines() if not line.startswith(" ")] == ["MODEL", "flux-dev"]
    facts = " ".join(line.strip() for line in listed.out.splitlines()[2:])
    assert facts.startswith("$0.025 to $6.685; takes LoRAs; sizes in pixels; up to 4 images; tags: ")
    names = {model["name"] for model in in_json.data["models"]}
    assert (names >= {"flux-pro", "flux-dev"}, names & {"flux-dev-image-to-image", "face-swap"}) == (True, set())
    assert (refused.code, "did you mean 'text-to-image'?" in refused.err) == (ExitCode.COULD_NOT_RUN, True)


async def test_a_catalog_is_reloaded(typed: Shell) -> None:
    reloaded, in_json = await typed("models", "reload"), await typed("models", "reload", "--json")

    assert [reloaded.code, in_json.code] == [ExitCode.OK] * 2
    assert reloaded.out == f"unchanged, sha256 {in_json.data['sha256']}\n"


async def test_a_job_is_listed_shown_waited_for_and_opened(typed: Shell, job_id: str, tmp_path: Path) -> None:
    listed = await typed("jobs", "list", "--user", "ann", "--limit", "1")
    shown = await typed("jobs", "show", job_id)
    waited = await typed("jobs", "wait", job_id, "-o", "saved")
    opened = await typed("jobs", "open", job_id)
    in_json = await typed("jobs", "list", "--user", "ann", "--limit", "1", "--json")

    assert [made.code for made in (listed, shown, waited, opened)] == [ExitCode.OK] * 4
    assert listed.out.splitlines()[1].split()[0] == job_id
    assert max(map(len, listed.out.splitlines())) <= 80
    assert ["status", "completed"] in [line.split() for line in shown.out.splitlines()]
    assert (waited.out, (tmp_path / "saved.jpg").stat().st_size > 0) == ("saved.jpg\n", True)
    link = opened.out.strip()
    async with httpx.AsyncClient() as anybody:
        assert (await anybody.get(link)).headers["content-type"] == "image/jpeg"
    assert [job["jobId"] for job in in_json.data["jobs"]] == [job_id]


async def test_a_failed_job_is_retried(typed: Shell, failed_id: str) -> None:
    waited, retried = await typed("jobs", "wait", failed_id), await typed("jobs", "retry", failed_id, "--json")

    assert (waited.code, "not charged" in waited.err) == (ExitCode.FOUND_FAULTS, True)
    assert (retried.code, retried.data["job"]["retryOf"]) == (ExitCode.OK, failed_id)


async def test_a_retry_that_failed_is_reported_again_under_its_key(
    typed: Shell, service: Service, failed_id: str
) -> None:
    await service.sandbox.misbehaves({"fault": "model_fails", "status": 422, "type": "some_type", "message": "No."})
    words = ("jobs", "retry", failed_id, "--idempotency-key", f"again-{failed_id}", "--json")
    first, again = await typed(*words), await typed(*words)
    await service.sandbox.behaves()

    assert (first.code, again.code) == (ExitCode.FOUND_FAULTS, ExitCode.FOUND_FAULTS)
    assert again.data["job"]["jobId"] == first.data["job"]["jobId"]


async def test_a_waiting_job_is_cancelled(typed: Shell, service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "latency", "generation": 20})
    slow = await service.accept({**FLUX, "userId": "ann"})
    unfinished = await typed("jobs", "wait", slow, "--timeout", "1")
    cancelled = await typed("jobs", "cancel", slow)
    job = await service.ended(slow)
    await service.sandbox.behaves()

    assert (unfinished.code, unfinished.out) == (ExitCode.FOUND_FAULTS, f"{slow}\n")
    assert (cancelled.code, job["status"]) == (ExitCode.OK, "cancelled")


async def test_a_job_is_deleted_only_if_it_is_confirmed(typed: Shell, job_id: str) -> None:
    asked, deleted, gone = [
        await typed("jobs", *words) for words in (("delete", job_id), ("delete", job_id, "--yes"), ("show", job_id))
    ]

    assert (asked.code, "add --yes" in asked.err) == (ExitCode.COULD_NOT_RUN, True)
    assert (deleted.code, gone.code) == (ExitCode.OK, ExitCode.COULD_NOT_RUN)
    assert "deleted" in gone.err


@pytest.mark.parametrize(
    ("given", "told"), [("", "the job's id is empty"), ("gone", "no job gone"), ("../usage", "/api/jobs/../usage")]
)
async def test_a_wrong_id_is_told_without_a_traceback(typed: Shell, given: str, told: str) -> None:
    made = [await typed("jobs", command, given) for command in ("show", "wait", "cancel", "retry", "open")]

    assert [(each.code, told in each.err) for each in made] == [(ExitCode.COULD_NOT_RUN, True)] * 5


@pytest.mark.usefixtures("job_id")
async def test_the_usage_is_shown(typed: Shell) -> None:
    shown = await typed("usage", "--user", "ann")
    table = await typed("usage", "--by", "month", "--csv")
    in_json = await typed("usage", "--by", "day", "--json")
    users = await typed("usage", "--by", "user")

    assert shown.out.splitlines()[0].split()[:2] == ["MODEL", "JOBS"]
    assert shown.out.splitlines()[-1].split()[0] == "total"
    assert dollars(0.175) == "$0.175"
    assert (dollars(0.1), dollars(12), dollars(0.0008)) == ("$0.10", "$12.00", "$0.0008")
    assert table.out.startswith("month,")
    assert (users.out.split()[0], "ann" in [line.split()[0] for line in users.out.splitlines()]) == ("USER", True)
    assert in_json.data["usage"]["groupBy"] == "day"


async def test_the_page_is_opened(typed: Shell, service: Service) -> None:
    assert (await typed("open")).out.strip() == str(service.client.base_url).rstrip("/")


async def test_a_profile_names_the_service_and_the_user(typed: Shell, service: Service, tmp_path: Path) -> None:
    file = tmp_path / "imagegen/profiles.toml"
    file.parent.mkdir()
    file.write_text(f'[local]\nurl = "{service.client.base_url}"\nuser = "carla"\n')
    made = await typed(
        *("generate", "A", "-m", "flux-pro", "--profile", "local", "--no-wait", "--json"), IMAGEGEN_URL="http://[::1]:1"
    )

    assert (made.code, made.data["job"]["userId"]) == (ExitCode.OK, "carla")
