"""Telling by its words what an answer is about: fal's account, or moderation."""

import re
from typing import Final

import httpx

# What fal and its gateway say of a key, a balance or a lock. Words of a model about an input have none of these.
_ACCOUNT: Final = re.compile(
    r"\b(user|account|team|organi[sz]ation|api key|key|subscription) (is|was|has been) "
    r"(locked|suspended|disabled|blocked|banned|deactivated|revoked|expired|not active|inactive)"
    r"|exhausted[ _]balance|insufficient[ _](balance|credits?|funds)|\bout of (balance|credits?|funds)"
    r"|\bno (remaining )?(balance|credits?) left\b|\btop[ _-]?up\b|\bpayment[ _]((is )?required|failed|overdue)"
    r"|\bbilling (account|issue|error|problem|hard limit)|\bbalance (is )?(exhausted|too low|negative)"
    r"|key credentials|no user found for key|key authorization header|unable to decode issuer"
    r"|\b(invalid|incorrect|unknown|expired|revoked|missing) (api |fal )key\b|(user|account)[ _]locked",
    re.IGNORECASE,
)
# What only tells of the account where no model can have said it.
_ACCESS: Final = re.compile(
    r"\bauthenticat|\bunauthori[sz]ed|\bforbidden\b|\bpermission|\baccess (is )?denied"
    r"|\b(no|not have|n't have) access|\bnot (authorized|authorised|allowed|permitted) to (access|use|call)",
    re.IGNORECASE,
)
_SPOKEN_OF: Final = frozenset({400, 401, 402, 403, 409, 429})
_ALWAYS_THE_ACCOUNT: Final = frozenset({401, 402})
_FORBIDDEN: Final = 403
_MODERATION: Final = re.compile(
    r"content[ _-]?(policy|moderation|filter|checker)|\bmoderation\b|\bnsfw\b|safety (system|filter|checker|settings)"
    r"|prohibited content|(flagged|blocked|rejected|refused) (by|for|as|due to) .{0,40}"
    r"(policy|safety|content|unsafe|sensitive|inappropriate)",
    re.IGNORECASE,
)


def is_about_the_account(response: httpx.Response, error_type: str | None, words: str | None) -> bool:
    """Whether fal refuses the account, so that no other request would fare better.

    A model's own answer carries `x-fal-request-id`: then only words that name a key, a balance or a lock are taken for
    the account's. Without the header no model has seen the request; a 403 is judged by its words, or the lack of any.
    """
    if response.status_code not in _SPOKEN_OF:
        return False
    said = " ".join(text for text in (error_type, words) if text)
    if _ACCOUNT.search(said):
        return True
    if "x-fal-request-id" in response.headers:
        return False
    if response.status_code == _FORBIDDEN:
        return not said or _ACCESS.search(said) is not None
    return response.status_code in _ALWAYS_THE_ACCOUNT


def is_moderation(words: str) -> bool:
    """Whether an error in words says that moderation refused the content."""
    return _MODERATION.search(words) is not None
