"""Taking a changed catalog into a running process, for an administrator, a signal, or the news of another process."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from imagegen.catalog import CatalogChange, faults_of
from imagegen.clock import now, wait_any
from imagegen.errors import CatalogError, CatalogRefused, DatabaseUnavailable, Fault, StartupError
from imagegen.jobs import new_job_id
from imagegen.json_object import JsonObject
from imagegen.services import QUEUE_USE, Services
from imagegen.storage.audit_trail import AuditAction, AuditEntry
from imagegen.storage.queue_registration import Registration

_A_WHILE: Final = timedelta(hours=1)
_log = logging.getLogger("imagegen.catalog")


async def reload_catalog(services: Services, actor: str) -> CatalogChange:
    """Take in what the files of the catalog have now, in this process; all others do the same a moment later.

    Args:
        services: of the process.
        actor: who asks for it, for the audit trail.

    Raises:
        CatalogRefused: the files have faults. Nothing has changed, in no process.
        DatabaseUnavailable: the entry of the audit trail cannot be stored. Nothing has changed.
    """

    async def record(change: CatalogChange) -> None:
        await services.audit.add(_entry(change, actor))

    try:
        change = await services.current_catalog.reload(record)
    except StartupError as error:
        raise CatalogRefused(_faults(error)) from error
    _tell(change)
    await services.queue.catalog_news.announce_to_others()
    with suppress(DatabaseUnavailable):  # the next reconciliation reports it
        await register_process(services)
    return change


@asynccontextmanager
async def following_catalog(services: Services, asked: asyncio.Event) -> AsyncGenerator[None]:
    """Reload the catalog beside the body whenever another process has done so, or `asked` is set, as by SIGHUP."""
    task = asyncio.create_task(_follow(services, asked), name="catalog")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def register_process(services: Services) -> bool:
    """Register this process with its queue and its catalog; returns whether its queue is that of the others.

    Raises:
        DatabaseUnavailable: MongoDB does not answer.
    """
    stream = services.queue.stream
    own = Registration(process=services.runner, catalog=services.current_catalog.latest.sha256)
    return await services.queue_registrations.register(own, stream.identity_in_use, stream.address, QUEUE_USE)


async def others_with_another_catalog(services: Services) -> list[str]:
    """The sha256 of the catalogs of other processes, as far as they differ from this one's; one for each process.

    Raises:
        DatabaseUnavailable: MongoDB does not answer.
    """
    own = services.current_catalog.latest.sha256
    found = await services.queue_registrations.catalogs()
    return [sha256 for process, sha256 in found.items() if process != services.runner and sha256 != own]


async def _follow(services: Services, asked: asyncio.Event) -> None:
    news = services.queue.catalog_news
    while True:
        await wait_any(asked, news.changed, at_most=_A_WHILE)
        is_asked, is_news = asked.is_set(), news.changed.is_set()
        asked.clear()
        news.changed.clear()
        if is_asked or is_news:
            await _reload_safely(services, announces=is_asked)


async def _reload_safely(services: Services, *, announces: bool) -> None:
    try:
        _tell(await services.current_catalog.reload(), is_news=not announces)
        await register_process(services)
        if announces:
            await services.queue.catalog_news.announce_to_others()
    except StartupError as error:
        _log.error("the catalog stays as it is, because its files cannot be used: %s", "; ".join(faults_of(error)))
    except DatabaseUnavailable as error:
        _log.warning("%s; the next reconciliation reports the catalog", error)
    except Exception:  # noqa: BLE001 - outlives any defect, and logs it
        _log.exception("the catalog cannot be reloaded")


def _tell(change: CatalogChange, *, is_news: bool = False) -> None:
    catalog = change.catalog
    if not change.is_change:
        _log.log(logging.DEBUG if is_news else logging.INFO, "the catalog is unchanged, sha256 %s", catalog.sha256)
        return
    words = ", ".join(
        f"{what} {len(names)}" for what in ("added", "removed", "modified") if (names := getattr(change, what))
    )
    _log.info("the catalog is reloaded, sha256 %s: %s", catalog.sha256, words or "no model differs")
    for warning in catalog.registry.warnings:
        _log.warning("catalog: %s", warning)


def _entry(change: CatalogChange, actor: str) -> AuditEntry:
    moment = now()
    changes: dict[str, JsonObject] = {"sha256": {"from": change.previous.sha256, "to": change.catalog.sha256}}
    if change.added or change.removed:
        changes["models"] = {"from": list(change.removed), "to": list(change.added)}
    if change.modified:
        changes["modified"] = {"from": None, "to": list(change.modified)}
    return AuditEntry(
        id=new_job_id(moment), at=moment, actor=actor, action=AuditAction.CATALOG_RELOADED, changes=changes
    )


def _faults(error: StartupError) -> list[Fault]:
    if not isinstance(error, CatalogError):
        return [_fault("", text) for text in faults_of(error)]
    return [_fault(fault.key, str(fault)) for fault in error.faults]


def _fault(key: str, message: str) -> Fault:
    return Fault(pointer=key, code="invalid", message=message, location="catalog")
