"""Processes tell each other of a reload, and when their catalogs differ."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from imagegen.engine.catalog_upkeep import CatalogComparison
from imagegen.engine.worker import reconcile
from imagegen.operations.catalog_reload import register_process
from imagegen.settings import Settings
from imagegen.storage.mongodb import open_collection
from tests.support.catalogs import entry, write
from tests.support.own_catalogs import models_of, reload, running_with
from tests.support.scraped import scrape
from tests.support.service import Service


async def has_models(service: Service, *names: str) -> None:
    """Wait until a service has these models."""
    async with asyncio.timeout(30):
        while await models_of(service) != [*names]:
            await asyncio.sleep(0.05)


async def test_reload_of_one_process_reaches_the_others(own: Settings, mine: Path) -> None:
    async with running_with(own, mine, with_runner=False) as first, running_with(own, mine) as second:
        write(mine, entry("flyer"))
        await reload(first)
        await has_models(second, "flyer")
        trail = (await first.client.get("/api/audit")).json()["entries"]

    assert [each["action"] for each in trail] == ["catalog.reloaded"]  # of the process that was asked


async def test_each_process_reads_its_own_files_and_a_difference_that_lasts_is_told_once(
    own: Settings, mine: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = tmp_path / "theirs.yaml"
    write(theirs, entry("poster"))
    async with (
        running_with(own, mine, with_runner=False) as first,
        running_with(own, theirs, with_runner=False) as second,
    ):
        comparison = CatalogComparison(first.services)
        assert await comparison.compare() == 0
        write(mine, entry("flyer"))
        await reload(first)
        async with asyncio.timeout(30):
            while len(set((await first.services.queue_registrations.catalogs()).values())) < 2:
                await asyncio.sleep(0.05)
        with caplog.at_level(logging.INFO, "imagegen.catalog"):
            assert [await comparison.compare() for _ in range(3)] == [1] * 3
        health = (await first.client.get("/health/ready")).json()
        scraped = await scrape(first.client)
        assert await models_of(second) == ["poster"]

        write(theirs, entry("flyer"))
        await reload(second)
        async with asyncio.timeout(30):
            while await comparison.compare():
                await asyncio.sleep(0.05)
        with caplog.at_level(logging.INFO, "imagegen.catalog"):
            await comparison.compare()

    told = [record.getMessage() for record in caplog.records if "catalog" in record.getMessage()]
    assert len([text for text in told if text.startswith("other processes use another catalog than this one: 1")]) == 1
    assert len([text for text in told if text.startswith("all processes use the same catalog again")]) == 1
    assert (health["status"], health["catalog"]["warning"]) == ("ready", "Other processes use another catalog: 1.")
    assert scraped.value("catalog_differing") == 1


async def test_process_that_missed_the_news_takes_the_change_in_when_it_compares(own: Settings, mine: Path) -> None:
    async with running_with(own, mine, with_runner=False) as first, running_with(own, mine) as second:
        write(mine, entry("flyer"))
        await first.services.current_catalog.reload()  # and tells nobody
        await register_process(first.services)
        assert await CatalogComparison(second.services).compare() == 1
        await has_models(second, "flyer")


async def test_process_of_an_earlier_release_reports_no_catalog_and_differs_from_none(
    own: Settings, mine: Path
) -> None:
    async with running_with(own, mine, with_runner=False) as service:
        registrations = service.services.queue_registrations
        earlier = [{"process": "earlier", "until": {"$add": ["$$NOW", 60_000]}}]
        async with open_collection(own.mongodb, "queueUsers", timedelta(seconds=5)) as stored:
            await stored.update_one({}, [{"$set": {"users": {"$concatArrays": ["$users", earlier]}}}])
        await reconcile(service.services)
        catalogs = await registrations.catalogs()

        assert [*catalogs] == [service.services.runner]
        assert await CatalogComparison(service.services).compare() == 0
