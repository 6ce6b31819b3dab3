"""Refused requests: every fault at once, each with its place, and what the API key does not permit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Final

from imagegen.errors.base import ImagegenError

MOST_FAULTS: Final = 100
_LONG_LIST: Final = 20


class InvalidRequest(ImagegenError):
    """The caller's request is wrong. Nothing was stored, sent or billed."""


class UnknownModel(InvalidRequest):
    """No model has this name.

    Attributes:
        valid: the names of all models; empty if another error of the same response has them.
        suggestion: the nearest valid name; None if none is near.
        reason: the end of a sentence: why a model that the catalog has takes no requests; None if there is none.
        others: the other faults of the same body.
    """

    def __init__(
        self, name: str, valid: Sequence[str], suggestion: str | None = None, reason: str | None = None
    ) -> None:
        hint = f" Did you mean {suggestion!r}?" if suggestion else ""
        super().__init__(f"Model {name!r} {reason}.{hint}" if reason else f"There is no model {name!r}.{hint}")
        self.name, self.valid, self.suggestion, self.reason = name, tuple(valid), suggestion, reason
        self.others: tuple[Fault, ...] = ()

    @property
    def faults(self) -> tuple["Fault", ...]:
        """The unknown model as a fault of the body, then the other faults."""
        message = f"{self} Valid models: {', '.join(self.valid)}." if self.valid else str(self)
        fault = Fault(
            pointer="/model", code="unknown_model", message=message, valid=self.valid, suggestion=self.suggestion
        )
        return (fault, *self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a request.

    Attributes:
        pointer: JSON Pointer (RFC 6901) into the body, or the name of the parameter, header or key in a catalog.
        code: a stable word for programs: missing, unknown_name, wrong_type, out_of_range, …
        message: one sentence for people.
        valid: the valid values; empty if they cannot be listed.
        suggestion: the nearest valid name; None if none is near.
        location: `query`, `path`, `header` or `catalog`; None for the body.
    """

    pointer: str
    code: str
    message: str
    valid: tuple[str, ...] = ()
    suggestion: str | None = None
    location: str | None = None


class InvalidInput(InvalidRequest):
    """The body is wrong; `faults` has every fault, at most MOST_FAULTS. A long list of valid values is in the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(_listed_once(islice(faults, MOST_FAULTS)))
        super().__init__(" ".join(fault.message for fault in self.faults))

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the missing required members, in the order of the body."""
        return tuple(f.pointer.rpartition("/")[2] for f in self.faults if f.code == "missing")


def _listed_once(faults: Iterable[Fault]) -> Iterator[Fault]:
    """The faults; a long list of valid values that an earlier one has is left out, or refusals would grow large."""
    listed: set[tuple[str, ...]] = set()
    for fault in faults:
        yield replace(fault, valid=()) if fault.valid in listed else fault
        if len(fault.valid) > _LONG_LIST:
            listed.add(fault.valid)


class InvalidQuery(InvalidInput):
    """The query string is wrong."""


class IdempotencyMismatch(InvalidRequest):
    """The Idempotency-Key was used before, with another body.

    `job_id`, `batch_id`, `key_id` or `budget_id` is what it made or changed.
    """

    def __init__(
        self,
        *,
        job_id: str | None = None,
        batch_id: str | None = None,
        key_id: str | None = None,
        budget_id: str | None = None,
    ) -> None:
        made = (("budget", budget_id), ("API key", key_id), ("batch", batch_id), ("job", job_id))
        used = next((f"{kind} {made_id}" for kind, made_id in made if made_id), "something")
        super().__init__(f"This Idempotency-Key was used for {used} with a different request. Use a new key.")
        self.job_id, self.batch_id, self.key_id, self.budget_id = job_id, batch_id, key_id, budget_id


class ModelRetired(ImagegenError):
    """The model takes no new requests any more. Nothing was stored, sent or billed.

    Attributes:
        name: the model's.
        since: the day from which it takes none, in UTC.
        successor: the name of the model to use instead, if there is one.
    """

    def __init__(self, name: str, since: date, successor: str | None) -> None:
        hint = f" Use {successor!r} instead." if successor else ""
        super().__init__(f"The model {name!r} is retired since {since.isoformat()}.{hint}")
        self.name, self.since, self.successor = name, since, successor

    @property
    def faults(self) -> tuple[Fault, ...]:
        """It as a fault of the body."""
        valid = (self.successor,) if self.successor else ()
        return (Fault(pointer="/model", code="gone", message=str(self), valid=valid, suggestion=self.successor),)


class NotAllowed(ImagegenError):
    """The API key is valid but does not permit this. Nothing was stored, sent or billed."""


class UserNotAllowed(NotAllowed):
    """The key may not act for this user; `allowed` lists the users it may act for."""

    def __init__(self, user_id: str, allowed: Sequence[str]) -> None:
        super().__init__(f"This API key may not act for user {user_id!r}, only for: {', '.join(allowed)}.")
        self.user_id, self.allowed = user_id, tuple(allowed)


class ModelNotAllowed(NotAllowed):
    """The key may not use this model.

    Attributes:
        allowed: the models it may use; empty for a key of an earlier release, which was for all that there were.
    """

    def __init__(self, model: str, allowed: Sequence[str] = (), *, older_key: str | None = None) -> None:
        reason = f", only: {', '.join(allowed)}."
        if older_key is not None:
            reason = (
                ": it was made for all models by an earlier release, which did not have this one. "
                f"`imagegen keys change {older_key} --all-models` allows it all."
            )
        super().__init__(f"This API key may not use model {model!r}{reason}")
        self.model, self.allowed = model, tuple(allowed)


class ScopeMissing(NotAllowed):
    """The key lacks a scope that the operation needs; `scopes` lists those that it has."""

    def __init__(self, scope: str, scopes: Sequence[str]) -> None:
        super().__init__(f"This needs the scope {str(scope)!r}; the caller has: {', '.join(scopes) or 'none'}.")
        self.scope, self.scopes = scope, tuple(scopes)


class GrantNotAllowed(NotAllowed):
    """The caller's own key has restrictions, and may grant no more than it has; `faults` has every excess."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(islice(faults, MOST_FAULTS))
        super().__init__(" ".join(fault.message for fault in self.faults))
