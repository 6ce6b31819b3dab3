"""Every value of a label that is a word of ours; docs/operations.md lists the same, and tests see each come about.

The others are names: of models, routes, statuses, error codes, lanes and S3's operations.
"""

from typing import Literal

Step = Literal["submit", "transfer", "webhook"]
Stage = Literal["queue", "fal_queue", "generate", "transfer", "total"]
Direction = Literal["from_fal", "to_s3"]
Upstream = Literal["fal", "media", "s3"]
Answer = Literal["ok", "throttled", "refused", "failed", "unanswered"]
Server = Literal["mongodb", "s3", "nats", "fal"]
