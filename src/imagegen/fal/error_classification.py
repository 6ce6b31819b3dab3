"""Telling from an error's text whether it concerns fal's account, or moderation."""

import re
from typing import Final

from imagegen.net.http import Response

# Phrases of fal and its gateway about a key, a balance or a lock. A model's message about an input has none of these.
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
# Phrases that concern the account only if the response cannot be a model's.
_ACCESS: Final = re.compile(
    r"\bauthenticat|\bunauthori[sz]ed|\bforbidden\b|\bpermission|\baccess (is )?denied"
    r"|\b(no|not have|n't have) access|\bnot (authorized|authorised|allowed|permitted) to (access|use|call)",
    re.IGNORECASE,
)
_ACCOUNT_STATUSES: Final = frozenset({400, 401, 402, 403, 409, 429})
_ALWAYS_ACCOUNT: Final = frozenset({401, 402})
_FORBIDDEN: Final = 403
_MODERATION: Final = re.compile(
    r"content[ _-]?(policy|moderation|filter|checker)|\bmoderation\b|\bnsfw\b|safety (system|filter|checker|settings)"
    r"|prohibited content|(flagged|blocked|rejected|refused) (by|for|as|due to) .{0,40}"
    r"(policy|safety|content|unsafe|sensitive|inappropriate)",
    re.IGNORECASE,
)


def is_account_error(response: Response, error_type: str | None, text: str | None) -> bool:
    """Whether fal refuses the account, so that every other request would be refused too.

    A model's response carries `x-fal-request-id`: it then concerns the account only if its text names a key, a balance
    or a lock. Without the header no model has seen the request; a 403 is judged by its text, or the lack of any.
    """
    if response.status_code not in _ACCOUNT_STATUSES:
        return False
    stated = " ".join(part for part in (error_type, text) if part)
    if _ACCOUNT.search(stated):
        return True
    if "x-fal-request-id" in response.headers:
        return False
    if response.status_code == _FORBIDDEN:
        return not stated or _ACCESS.search(stated) is not None
    return response.status_code in _ALWAYS_ACCOUNT


def is_moderation(text: str) -> bool:
    """Whether an error's text says that moderation refused the content."""
    return _MODERATION.search(text) is not None
