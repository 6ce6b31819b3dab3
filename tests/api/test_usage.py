import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from dirty_equals import IsPartialDict

from tests.support.service import FLUX, Json, Sandbox, Service

AT_ONCE = {"fault": "latency", "queue": 0, "generation": 0}
FIGURES = {
    "jobs": 3,
    "completed": 2,
    "failed": 1,
    "images": 3,
    "charged": 0.15,
    "providerCost": None,
    "knownProviderCost": 0.12,
    "margin": None,
    "unpricedJobs": 1,
}


def today() -> str:
    return datetime.now(UTC).date().isoformat()


async def usage(service: Service, **query: str) -> Json:
    answer = await service.client.get("/api/usage", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def table(service: Service, accept: str = "text/csv", **query: str) -> list[list[str]]:
    answer = await service.client.get("/api/usage", params=query, headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("text/csv"), answer.text
    return list(csv.reader(io.StringIO(answer.text, newline="")))


@pytest.fixture
async def user(service: Service, sandbox: Sandbox) -> str:
    """A user with three jobs of flux-pro: one image, two images, and a job that fal refused."""
    name = f"usage-{uuid4()}"
    await sandbox.misbehaves(AT_ONCE, {"fault": "model_fails", "after": 2, "times": 1})
    for count in (1, 2, 1):
        body: Json = {**FLUX, "userId": name, "options": {"num_images": count}}
        await service.generate(body)
    return name


async def test_usage_has_charges_fals_bill_and_unknown_bills(service: Service, user: str) -> None:
    assert await usage(service, userId=user) == {
        "userId": user,
        "from": None,
        "to": None,
        "groupBy": "model",
        "currency": "USD",
        "total": FIGURES,
        "rows": [{"model": "flux-pro", "day": None, "month": None, "userId": None, **FIGURES}],
        "omittedRows": 0,
    }


async def test_margin_needs_every_bill(service: Service, sandbox: Sandbox) -> None:
    name = f"usage-{uuid4()}"
    await sandbox.misbehaves(AT_ONCE)
    await service.generate({**FLUX, "userId": name})

    assert (await usage(service, userId=name))["total"] == IsPartialDict(
        charged=0.05, providerCost=0.04, margin=0.01, unpricedJobs=0
    )


async def test_usage_is_grouped_by_day_and_month(service: Service, user: str) -> None:
    days = await usage(service, userId=user, groupBy="day")
    months = await usage(service, userId=user, groupBy="month")

    assert days["rows"] == [{"model": None, "day": today(), "month": None, "userId": None, **FIGURES}]
    assert months["rows"] == [{"model": None, "day": None, "month": today()[:7], "userId": None, **FIGURES}]


async def test_usage_is_grouped_by_user(service: Service, user: str) -> None:
    await service.generate({**FLUX, "userId": f"{user}-2"})

    every, one = await usage(service, groupBy="user"), await usage(service, groupBy="user", userId=user)
    head, *rows = await table(service, groupBy="user")

    charged = {row["userId"]: row["charged"] for row in every["rows"]}
    assert (charged[user], charged[f"{user}-2"]) == (0.15, 0.05)
    assert [row["charged"] for row in every["rows"]] == sorted(charged.values(), reverse=True)
    assert one["rows"] == [{"model": None, "day": None, "month": None, "userId": user, **FIGURES}]
    own = [row[0] for row in rows if row[0] in {user, f"{user}-2"}]  # jobs of others may end between the two reads
    assert (head[:2], own) == (["userId", "jobs"], [user, f"{user}-2"])


async def test_period_includes_from_and_excludes_to(service: Service, user: str) -> None:
    tomorrow = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()

    within = await usage(service, userId=user, **{"from": today(), "to": tomorrow})
    before = await usage(service, userId=user, to=today())

    assert (within["total"], within["from"], within["to"]) == (FIGURES, today(), tomorrow)
    assert (before["total"]["jobs"], before["total"]["margin"], before["rows"]) == (0, 0.0, [])


async def test_usage_without_a_user_sums_all_users(service: Service, user: str) -> None:
    assert (await usage(service))["total"]["jobs"] >= (await usage(service, userId=user))["total"]["jobs"]


async def test_csv_has_exact_figures_and_empty_unknown_cells(service: Service, user: str) -> None:
    assert await table(service, userId=user) == [
        [
            "model",
            "userId",
            "jobs",
            "completed",
            "failed",
            "images",
            "charged",
            "providerCost",
            "margin",
            "unpricedJobs",
            "currency",
        ],
        ["flux-pro", user, "3", "2", "1", "3", "0.15", "", "", "1", "USD"],
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1+1"])
async def test_no_csv_cell_is_a_formula(service: Service, sandbox: Sandbox, name: str) -> None:
    await sandbox.misbehaves(AT_ONCE)
    await service.generate({**FLUX, "userId": name})

    _, row = await table(service, userId=name)

    assert row[1] == f"'{name}"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("TEXT/CSV;q=0.9, application/json;q=0.1", "text/csv"),
        ("text/csv;q=0.1, application/json", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        ("*/*", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
        ("", "application/json"),
    ],
)
async def test_accept_header_selects_the_format(service: Service, accept: str, kind: str) -> None:
    answer = await service.client.get("/api/usage", params={"userId": "nobody"}, headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Vary"]) == (200, "Accept")
    assert answer.headers["Content-Type"].partition(";")[0] == kind


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"groupBy": "year"}, "groupBy"),
        ({"from": "yesterday"}, "from"),
        ({"from": "1700000000"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"to": "2026-11-22T00:00:00Z"}, "to"),
        ({"userId": "x" * 129}, "userId"),
        ({"user": "u"}, "user"),
    ],
)
async def test_invalid_usage_query_is_refused(service: Service, query: dict[str, str], name: str) -> None:
    answer = await service.client.get("/api/usage", params=query)

    assert (answer.status_code, answer.json()) == (
        400,
        IsPartialDict(code="invalid_query", errors=[IsPartialDict(pointer=name)]),
    )
