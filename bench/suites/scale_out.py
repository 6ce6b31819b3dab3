"""What a job costs each process and each server when more processes share the work."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bench.figures import Case, Figures, Measured, Outcome, at_most, compare, measure
from bench.generating import generate
from bench.plan import Plan
from bench.programs import Program
from bench.servers import Servers

_PROCESSES: Final = (2, 4)
_JOBS: Final = 160
_AT_ONCE: Final = 64
_SECONDS: Final = 0.2
_FACTOR: Final = 1.2
_TOTAL: Final = "imagegen, CPU ms/job"
_TWO_WAYS: Final = (
    "Of 2 and 4 processes, one is a `serve` and the others are workers. With `serve --processes`, all accept requests."
)
_SHARING_NOTHING: Final = (
    "The bare routes (`bench/bare.py`) share neither jobs nor a queue. What four of them cost more than one is the "
    "price of more processes than cores: caches that are cold, and less that arrives at once."
)


@dataclass(frozen=True, slots=True)
class _Fleet:
    """A `serve` and the workers beside it, with a queue and a database of their own."""

    serve: Program
    workers: Sequence[Program]

    def spent(self, servers: Servers) -> Mapping[str, float]:
        """CPU seconds so far by who spent them."""
        runners = sum(worker.cpu_seconds for worker in self.workers)
        own = {"serve": self.serve.cpu_seconds, "workers": runners}
        return own | {name: program.cpu_seconds for name, program in servers.programs.items()}


async def run(servers: Servers, plan: Plan) -> Outcome:
    """One, two and four processes, fal taking 200 ms; all fleets stand side by side, and work in turn."""
    await servers.double.set(seconds=_SECONDS)
    async with AsyncExitStack() as stack:
        one, *more = [await stack.enter_async_context(_fleet(servers, count)) for count in (1, *_PROCESSES)]
        for fleet in (one, *more):
            await generate(fleet.serve, jobs=64, at_once=32)
        cases = [await measure("1 process", plan.rounds, _working(servers, one))]
        for count, fleet in zip(_PROCESSES, more, strict=True):
            subject, reference = _working(servers, fleet), _working(servers, one)
            cases.append(await compare(f"{count} processes", plan.rounds, subject, reference))
        cases.append(await _one_service(servers, plan, one))
    demands = [
        at_most(f"CPU per job with {name}: at most {_FACTOR} times that with one", factor, _FACTOR)
        for name, factor in ((case.name, case.ratio[_TOTAL].median) for case in cases[-2:])
    ]
    cases.append(await _bare_routes(servers, plan))
    notes = [_model(cases[0]), _TWO_WAYS, _SHARING_NOTHING]
    return Outcome(subject="fleet", reference="1 process", cases=cases, demands=demands, notes=notes)


async def _one_service(servers: Servers, plan: Plan, one: _Fleet) -> Case:
    """As many processes behind one port, each with room for the jobs that it accepts.

    The kernel shares out the connections, so one of the processes may have most of them.
    """
    count = _PROCESSES[-1]
    environ = _own("bench-processes", concurrency=count * _AT_ONCE)
    async with servers.service("processes", "--processes", str(count), **environ) as serve:
        several = _Fleet(serve, [])
        await generate(serve, jobs=64, at_once=32)
        case = f"`serve --processes {count}`"
        return await compare(case, plan.rounds, _working(servers, several), _working(servers, one))


async def _bare_routes(servers: Servers, plan: Plan) -> Case:
    """What the machine itself asks for more processes: bare routes that share no queue and no jobs."""
    async with AsyncExitStack() as stack:
        names = [f"bare-{number}" for number in range(_PROCESSES[-1] + 1)]
        one, *more = [await stack.enter_async_context(servers.reference("bench.bare", name)) for name in names]
        for route in (one, *more):
            await generate(route, jobs=32, at_once=16)
        return await compare(f"{len(more)} bare routes", plan.rounds, _working_apart(more), _working_apart([one]))


def _working_apart(routes: Sequence[Program]) -> Measured:
    """The same jobs as a fleet has, an equal part sent to each."""
    share, at_once = _JOBS // len(routes), _AT_ONCE // len(routes)

    async def measured() -> Figures:
        before = sum(route.cpu_seconds for route in routes)
        loads = await asyncio.gather(*(generate(route, jobs=share, at_once=at_once) for route in routes))
        spent = sum(route.cpu_seconds for route in routes) - before
        return {"jobs/s": sum(load.rate for load in loads), "bare routes, CPU ms/job": spent * 1000 / _JOBS}

    return measured


def _working(servers: Servers, fleet: _Fleet) -> Measured:
    async def measured() -> Figures:
        before = fleet.spent(servers)
        load = await generate(fleet.serve, jobs=_JOBS, at_once=_AT_ONCE)
        after = fleet.spent(servers)
        each = {name: (after[name] - before[name]) * 1000 / _JOBS for name in after}
        own = each.pop("serve"), each.pop("workers")
        return {
            "jobs/s": load.rate,
            _TOTAL: sum(own),
            "of it in `serve`": own[0],
            **{f"{name}, CPU ms/job": milliseconds for name, milliseconds in each.items()},
        }

    return measured


def _model(one: Case) -> str:
    """What 1 000 jobs a second would take: a millisecond per job is a core then."""
    needs = ", ".join(
        f"{name.partition(',')[0]} {spread.median:.1f}"
        for name, spread in one.subject.items()
        if name.endswith("CPU ms/job")
    )
    return (
        f"On paper: at 1 000 jobs a second one millisecond of CPU per job is one core kept busy, so these figures "
        f"ask for cores as follows: {needs}. Every picture has 200 kB here."
    )


@asynccontextmanager
async def _fleet(servers: Servers, count: int) -> AsyncGenerator[_Fleet]:
    name = f"bench-fleet-{count}"
    own = _own(name, concurrency=2 * _AT_ONCE // count)
    async with AsyncExitStack() as stack:
        serve = await stack.enter_async_context(servers.service(name, **own))
        workers = [await stack.enter_async_context(servers.worker(**own)) for _ in range(count - 1)]
        yield _Fleet(serve, workers)


def _own(name: str, *, concurrency: int) -> Mapping[str, str]:
    """The variables that give a fleet a queue and a database of its own."""
    return {"MONGODB_DATABASE": name, "NATS_STREAM": name, "IMAGEGEN_CONCURRENCY": str(concurrency)}
