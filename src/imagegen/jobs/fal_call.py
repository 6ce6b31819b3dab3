"""What is particular to a job that was requested through one of fal's own clients."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FalCall:
    """How one of fal's clients requested a job. Its webhook is told in fal's form.

    Attributes:
        ignored: names in the body that the model does not have, at most twenty.
        inline: whether `sync_mode` asked for the images as data URIs.
    """

    ignored: tuple[str, ...] = ()
    inline: bool = False
