"""Why an endpoint cannot become a model."""

from imagegen.errors.base import ImagegenError


class CannotImport(ImagegenError):
    """An endpoint cannot become an entry of the catalog.

    Attributes:
        code: the reason as a word, such as `no_price`.
        reason: the reason as a sentence.
        remedy: what would help, as a sentence; empty if nothing would.
    """

    def __init__(self, endpoint: str, code: str, reason: str, remedy: str = "") -> None:
        super().__init__(f"{endpoint}: {reason}{' ' if remedy else ''}{remedy}")
        self.endpoint, self.code, self.reason, self.remedy = endpoint, code, reason, remedy
