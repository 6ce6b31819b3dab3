"""How many messages a stream has ever had."""

# nats-py annotates its **options with nothing.
# pyright: reportUnknownMemberType=false

import nats  # noqa: TID251 - looks into the stream itself

from imagegen.settings import Settings


async def messages_ever(settings: Settings) -> int:
    """The number of messages that were published to the stream of these settings."""
    assert settings.nats.url is not None
    client = await nats.connect(settings.nats.url.get_secret_value())
    try:
        return (await client.jetstream().stream_info(settings.nats.stream)).state.last_seq
    finally:
        await client.close()
