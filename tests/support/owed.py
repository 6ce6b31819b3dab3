"""Deliveries that are owed, recorded without a job of their own each."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from service import FLUX, Service

from imagegen.webhooks import receiver_of
from imagegen.wiring import now


async def owe(house: Service, urls: Sequence[str], user_id: str = "hog", **members: object) -> str:
    """Record a delivery to each URL, as if as many jobs of this user's had just ended; the job that they tell of."""
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
    await house.services.jobs.deliveries._deliveries.insert_many(recorded)  # pyright: ignore[reportPrivateUsage] - as an older version stored it
    house.services.jobs.deliveries.news.set()
    return job_id
