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
    TelemetrySettings,
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
    "TelemetrySettings",
    "WebhookSettings",
    "child_environment",
]
