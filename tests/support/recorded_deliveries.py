"""Pending webhook deliveries, recorded without a job for each."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from imagegen.clock import now
from imagegen.webhooks import receiver_of
from tests.support.service import FLUX, Service


async def record_deliveries(house: Service, urls: Sequence[str], user_id: str = "hog", **members: object) -> str:
    """Record a delivery to each URL, as if as many jobs of this user had just ended; returns the one job's id."""
    body = {**FLUX, "userId": user_id}
    job_id = (await house.generate(body)).json()["jobId"]
    job = await house.services.jobs.get(job_id)
    recorded: list[dict[str, Any]] = [
        {
            "_id": f"msg_{uuid4().hex}",
            "jobId": job_id,
            "event": "job.completed",
            "userId": user_id,
            "receiver": receiver_of(url),
            "url": url,
            "endedAt": job.completed_at,
            "createdAt": now(),
            "dueAt": now(),
            "state": "pending",
            "claims": 0,
            "attempts": [],
            **members,
        }
        for url in urls
    ]
    await house.services.webhook_deliveries._deliveries.insert_many(recorded)  # pyright: ignore[reportPrivateUsage] - as an older version stored it
    house.services.webhook_deliveries.recorded.set()
    return job_id
