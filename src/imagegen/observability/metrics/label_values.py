"""The values of labels that this service defines. docs/operations.md lists the same, and a test produces each.

Other labels hold names: of models, routes, statuses, error codes, lanes and S3 operations.
"""

from typing import Literal

Step = Literal["submit", "transfer", "webhook"]
Stage = Literal["queue", "fal_queue", "generate", "transfer", "total"]
Direction = Literal["from_fal", "to_s3"]
Upstream = Literal["fal", "media", "s3"]
UpstreamOutcome = Literal["ok", "throttled", "refused", "failed", "unanswered"]
Server = Literal["mongodb", "s3", "nats", "fal"]
