"""Deliveries continue after MongoDB was down, and after a defect."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from imagegen.engine.webhook_sender import sending_webhooks
from imagegen.errors import DatabaseUnavailable
from imagegen.storage.webhook_deliveries import WebhookDeliveries
from imagegen.webhooks import RetrySchedule
from tests.support.receiver import Receiver
from tests.support.recorded_deliveries import record_deliveries
from tests.support.service import Service

QUICK = RetrySchedule(
    answer_timeout=timedelta(seconds=0.25),
    lease=timedelta(seconds=0.5),
    poll_interval=timedelta(seconds=0.05),
    first_pause=timedelta(seconds=0.05),
    longest_pause=timedelta(seconds=0.1),
)
DOWN, DEFECT = DatabaseUnavailable("is down"), RuntimeError("a defect")


@dataclass
class Failing:
    """A store of deliveries whose verbs raise the given errors first."""

    deliveries: WebhookDeliveries
    errors: dict[str, list[Exception]] = field(default_factory=dict[str, list[Exception]])

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.deliveries, name)
        if name not in self.errors:
            return verb

        async def failing(*args: object, **named: object) -> object:
            if self.errors[name]:
                raise self.errors[name].pop(0)
            return await verb(*args, **named)

        return failing


@pytest.mark.parametrize(
    "errors",
    [
        {"next_user": [DOWN, DEFECT]},
        {"claim": [DOWN, DEFECT]},
        {"record_attempt": [DOWN]},
        {"record_attempt": [DEFECT]},
        {"record_attempt": [DEFECT, DOWN]},
        {"record_attempt": [DEFECT, DEFECT]},
    ],
    ids=lambda errors: ", ".join(f"{name} {', '.join(map(str, raised))}" for name, raised in errors.items()),
)
async def test_delivery_survives_errors_of_the_store(
    service: Service, receiver: Receiver, caplog: pytest.LogCaptureFixture, errors: dict[str, list[Exception]]
) -> None:
    caplog.set_level(logging.WARNING, "imagegen.deliveries")
    deliveries = service.services.webhook_deliveries
    failing = Failing(deliveries, {name: list(raised) for name, raised in errors.items()})
    job_id = await record_deliveries(service, [receiver.url])
    async with (
        sending_webhooks(replace(service.services, webhook_deliveries=cast("WebhookDeliveries", failing)), QUICK),
        asyncio.timeout(30),
    ):
        while (found := await deliveries.find_by_job(job_id))[0].state.value != "delivered":
            await asyncio.sleep(0.05)

    assert len({each.id for each in receiver.received}) == 1
    assert {name: [] for name in errors} == failing.errors
    assert "deliver" in caplog.text
    assert found[0].attempts
