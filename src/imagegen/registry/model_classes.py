"""The pydantic classes of a model's requests, each made at its first use.

A class takes milliseconds and a hundred kilobytes, and a service is asked for a few of its models only.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from threading import RLock
from typing import Generic, TypeVar

from imagegen.json_object import JsonObject
from imagegen.registry.annotations import Annotator, ClosedObject
from imagegen.registry.catalog import ResolvedEntry
from imagegen.registry.conflicts import NUM_IMAGES, Conflicts
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.request_examples import request_example
from imagegen.registry.requests import EstimateRequest, ModelRequest, estimate_class, item_class, request_class

T = TypeVar("T")
MOST_PLANNED = 10_000
_PLANNED = ParameterSchema(
    type="integer",
    minimum=1,
    maximum=MOST_PLANNED,
    description="How many images are planned. The estimate warns if that is more than one request may ask for.",
    example=10,
)
_PARTS = re.compile("Inputs|Options|Estimate|Route")  # the first words after the stem in the names of a model's classes


def class_stem(model: str) -> str:
    """The first part of the names of a model's classes: `flux-pro` gives `FluxPro`."""
    stem = "".join(part.capitalize() for part in re.split(r"[._-]+", model))
    return stem if stem[:1].isalpha() else f"Model{stem}"


class Lazy(Generic[T]):
    """A value that is made at its first use, once, also if threads use it at the same time."""

    def __init__(self, make: Callable[[], T], lock: RLock) -> None:
        self._make, self._lock = make, lock
        self._made: list[T] = []

    def __call__(self) -> T:
        """The value."""
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]


class ModelClasses:
    """The classes of one model, and the example that they show.

    Attributes:
        example: a complete request.
        inputs: of a request, and of an item of a batch.
        options: likewise.
        request: of requests.
        item: of requests in a batch.
        estimate: of requests to be priced.
    """

    def __init__(self, resolved: ResolvedEntry, annotator: Annotator, conflicts: Conflicts) -> None:
        self._resolved, self._annotator, self._conflicts = resolved, annotator, conflicts
        self._stem, lock = class_stem(resolved.name), annotator.lock
        self.example: Lazy[JsonObject] = Lazy(lambda: request_example(resolved), lock)
        self.inputs = Lazy(lambda: self._section("Inputs", resolved.inputs, resolved.entry.required_inputs), lock)
        self.options = Lazy(lambda: self._section("Options", resolved.options), lock)
        self.request = Lazy(self._request, lock)
        self.item = Lazy(lambda: item_class(self.request(), self._stem), lock)
        self.estimate = Lazy(self._estimate, lock)

    def make_all(self) -> None:
        """Make every class now."""
        self.item()
        self.estimate()

    def _request(self) -> type[ModelRequest]:
        inputs, options = self.inputs(), self.options()
        made = request_class(self._resolved.name, self._stem, inputs, options, self._conflicts.faults)
        made.example = dict(self.example())
        return made

    def _estimate(self) -> type[EstimateRequest]:
        name, stem = self._resolved.name, f"{self._stem}Estimate"
        inputs = self._section("EstimateInputs", self._resolved.inputs)
        options = self._section("EstimateOptions", {**self._resolved.options, NUM_IMAGES: _PLANNED})
        class_name = self._annotator.unique(f"{stem}Request")
        made = estimate_class(name, class_name, inputs, options, self._conflicts.planning_faults)
        given = self.example().get("options", {})
        assert isinstance(given, dict)
        made.example = {"model": name, "options": {**given, NUM_IMAGES: _PLANNED.example}}
        return made

    def _section(
        self, kind: str, members: Mapping[str, ParameterSchema], required: Iterable[str] = ()
    ) -> type[ClosedObject]:
        doc = f"{kind.removeprefix('Estimate')} of {self._resolved.name}"
        end = ", to be priced." if kind.startswith("Estimate") else "."
        return self._annotator.object_class(f"{self._stem}{kind}", doc + end, members, tuple(required))


def with_mixed_names(models: Iterable[str]) -> set[str]:
    """The models of which a class may have the name of another model's.

    `flux` and `flux-estimate` would both have `FluxEstimateInputs`. The later class gets another name, so the classes
    of such models are made in the catalog's order.
    """
    stems = {class_stem(name): name for name in models}
    found: set[str] = set()
    for stem, name in stems.items():
        for part in _PARTS.finditer(stem):
            if (shorter := stems.get(stem[: part.start()])) is not None:
                found |= {name, shorter}
    return found
