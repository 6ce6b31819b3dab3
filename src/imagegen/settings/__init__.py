"""The settings of imagegen, read once from the environment."""

from imagegen.settings.environment import Settings, child_environment
from imagegen.settings.groups import (
    AuthSettings,
    Environment,
    FalSettings,
    LinkSettings,
    LocalSettings,
    MetricsSettings,
    MongoSettings,
    NatsSettings,
    S3Settings,
    ServiceSettings,
    TelemetrySettings,
    WebhookSettings,
)
from imagegen.settings.limits import LimitSettings, RateSettings

__all__ = [
    "AuthSettings",
    "Environment",
    "FalSettings",
    "LimitSettings",
    "LinkSettings",
    "LocalSettings",
    "MetricsSettings",
    "MongoSettings",
    "NatsSettings",
    "RateSettings",
    "S3Settings",
    "ServiceSettings",
    "Settings",
    "TelemetrySettings",
    "WebhookSettings",
    "child_environment",
]
