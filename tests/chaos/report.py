"""The report of a failed run: the seed, and each finding with its document and the entries of fal."""

from collections.abc import Iterator

from tests.chaos.findings import Finding
from tests.chaos.records import Records
from tests.chaos.run import Plan, Verdict

_MOST = 40


def explain(plan: Plan, verdict: Verdict, directory: object) -> str:
    """The findings with their evidence, the worst of them if there are many."""
    lines = [f"seed {plan.seed}; logs, events and data: {directory}", ""]
    lines += [f"surprise: {surprise}" for surprise in verdict.surprises]
    for finding in verdict.broken[:_MOST]:
        lines += [f"{finding.column}: {finding.subject}: {finding.what}", *_evidence(finding, verdict.records)]
    if len(verdict.broken) > _MOST:
        lines.append(f"and {len(verdict.broken) - _MOST} more")
    return "\n".join(lines)


def others(verdict: Verdict) -> str:
    """The findings that do not break a promise yet, a line each."""
    about = [finding for finding in verdict.findings if finding not in verdict.broken]
    return "\n".join(f"{finding.column}: {finding.subject}: {finding.what}" for finding in about)


def _evidence(finding: Finding, records: Records) -> Iterator[str]:
    tokens = {finding.subject}
    for document in records.documents:
        if finding.subject in {document.id, document.token} or document.id in finding.subject:
            tokens.add(document.token)
            yield f"    job: {dict(document.raw)}"
    for paid in records.paid:
        if paid.token in tokens:
            yield f"    fal: {paid.request_id} {paid.state} {paid.result_status} {dict(paid.body)}"
