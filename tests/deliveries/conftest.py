import base64
from collections.abc import AsyncGenerator

import pytest
from pydantic import SecretStr

from imagegen.settings import Settings, WebhookSettings
from tests.support.jobs_apart import apart
from tests.support.service import Service, running


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Settings:
    """Signed webhooks, to addresses of loopback too."""
    secret = SecretStr("whsec_" + base64.b64encode(bytes(32)).decode())
    return apart(stack).model_copy(update={"webhooks": WebhookSettings(secrets=secret, allow_private=True)})


@pytest.fixture(scope="module")
async def service(settings: Settings) -> AsyncGenerator[Service]:
    """A service with a runner; deliveries are sent only when a test starts that."""
    async with running(settings) as service:
        yield service
