"""What a refusal by a rate adds to the metrics."""

from typing import get_args

from imagegen.errors import RateName
from imagegen.keys import Rates
from imagegen.settings import RateSettings, Settings
from tests.support.keys import add_key, bearer
from tests.support.service import FLUX, running

IN_A_MINUTE = [name for name in get_args(RateName) if not name.endswith("open-jobs")]


async def test_each_limit_that_is_used_up_is_counted_once_for_a_request(own: Settings) -> None:
    token = await add_key(own, rates=Rates(requests_per_minute=1, images_per_minute=1))
    rates = RateSettings(user_requests_per_minute=1, user_images_per_minute=1)
    async with running(own.model_copy(update={"rates": rates}), with_runner=False) as service:
        service.client.headers.update(bearer(token))
        statuses = [(await service.generate(FLUX, prefer="respond-async")).status_code for _ in range(2)]
        registry = service.services.metrics.registry
        counted = {
            name: registry.get_sample_value("imagegen_rate_refusals_total", {"limit": name}) for name in IN_A_MINUTE
        }

    assert (statuses, counted) == ([202, 429], dict.fromkeys(IN_A_MINUTE, 1.0))
