"""The keys that a start makes: the bootstrap key, and those of the file of an earlier version.

Several processes may start at once, and any may be killed half way: a key is made once, by its id, and never revived.
"""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from imagegen.clock import now
from imagegen.errors import KeyExists
from imagegen.keys import ApiKey, KeyScope, digest_of, key_id_of, read_keys
from imagegen.services import Services
from imagegen.storage.api_keys import ApiKeys, audit_entry
from imagegen.storage.audit_trail import AuditAction

BOOTSTRAP: Final = "bootstrap"
FILE: Final = "file"
_log = logging.getLogger("imagegen.keys")


async def make_first_keys(services: Services) -> None:
    """Make what the settings name and MongoDB does not have.

    Raises:
        KeysFileError: the file was not imported yet, and cannot be read.
        DatabaseUnavailable: MongoDB does not answer.
    """
    auth = services.settings.auth
    made = 0
    if auth.bootstrap_key is not None:
        made += await _bootstrap(auth.bootstrap_key.get_secret_value(), services.api_keys)
    if auth.api_keys_file is not None:
        made += await _import_once(auth.api_keys_file, services.api_keys)
    if made:
        await services.keys.announce_change()


async def import_keys(keys: Iterable[ApiKey], stored: ApiKeys, actor: str) -> int:
    """Store the keys whose ids are not stored yet; returns how many. The others stay as they are."""
    return sum([await _make(key, stored, actor, AuditAction.IMPORTED) for key in keys])


async def _import_once(file: Path, stored: ApiKeys) -> int:
    if await stored.is_imported():
        _log.warning(
            "IMAGEGEN_API_KEYS_FILE is ignored, because its keys are in MongoDB since an earlier start: unset it"
        )
        return 0
    count = await import_keys(await asyncio.to_thread(read_keys, file), stored, FILE)
    await stored.note_import(now())
    _log.info("%d API keys of %s are imported; the file is not read again", count, file)
    return count


async def _bootstrap(token: str, stored: ApiKeys) -> int:
    wanted = ApiKey(
        id=key_id_of(token),
        name=BOOTSTRAP,
        sha256=digest_of(token),
        scopes=tuple(KeyScope),
        all_models=True,
        created_at=now(),
    )
    if await _make(wanted, stored, BOOTSTRAP, AuditAction.CREATED):
        _log.info("key %s is made of IMAGEGEN_BOOTSTRAP_KEY", wanted.id)
        return 1
    found = await stored.find(wanted.id)
    if found is not None and found.sha256 != wanted.sha256:
        _log.warning("IMAGEGEN_BOOTSTRAP_KEY is not valid: key %s exists with another secret", wanted.id)
    elif found is not None and not found.is_valid(now()):
        _log.warning("IMAGEGEN_BOOTSTRAP_KEY is not valid: key %s is revoked or has expired", wanted.id)
    return 0


async def _make(key: ApiKey, stored: ApiKeys, actor: str, action: AuditAction) -> bool:
    if await stored.find(key.id) is not None:
        return False
    try:
        await stored.insert(key, audit_entry(actor, action, None, key, now()))
    except KeyExists:
        return False
    return True
