"""The settings of imagegen: the environment, read once."""

from imagegen.settings.groups import (
    DoorSettings,
    Environment,
    FalSettings,
    LimitSettings,
    LocalSettings,
    MetricsSettings,
    MongoSettings,
    NatsSettings,
    S3Settings,
    ServiceSettings,
    WebhookSettings,
)
from imagegen.settings.reading import Settings, child_environment

__all__ = [
    "DoorSettings",
    "Environment",
    "FalSettings",
    "LimitSettings",
    "LocalSettings",
    "MetricsSettings",
    "MongoSettings",
    "NatsSettings",
    "S3Settings",
    "ServiceSettings",
    "Settings",
    "WebhookSettings",
    "child_environment",
]
