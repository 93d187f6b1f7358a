"""The structured summary of AWS DevOps Agent, as AWS's own client reads it.

https://github.com/aws-solutions/distributed-load-testing-on-aws/blob/main/source/webui/src/utils/parseInvestigationFindings.ts
"""

import re
from typing import Any

from evaluation.adapters.fields import objects, string, strings
from evaluation.findings import Cause, Findings, Role, Verdict

_LATENT = re.compile(r"\blatent\b|did(?: not|n't) cause|not the cause|pre-?existing", re.IGNORECASE)
_NO_FAULT = re.compile(
    r"\b(?:is|are|was|were|remains?)\s+(?:\w+\s+)?(?:healthy|operating normally|operational)"
    r"|\bno (?:\w+ ){0,3}(?:fault|issue|problem|anomal\w+|root cause)s? (?:\w+ ){0,2}(?:found|detected"
    r"|identified|exists?)",
    re.IGNORECASE,
)


def read(value: dict[str, Any], surrounding_text: str, place: str) -> Findings | None:
    """Return findings, or None when the object has neither findings nor symptoms of the agent's format."""
    reported = [finding for finding in objects(value, "findings") if string(finding, "title")]
    symptoms = [symptom for symptom in objects(value, "symptoms") if string(symptom, "title")]
    if not reported and not symptoms and string(value, "type") != "investigation_summary":
        return None
    says_healthy = [finding for finding in reported if _NO_FAULT.search(string(finding, "title"))]
    causes = _causes([finding for finding in reported if finding not in says_healthy])
    verdict = Verdict.UNSTATED
    if any(cause.role is Role.ROOT for cause in causes):
        verdict = Verdict.FAULT
    elif says_healthy:
        verdict = Verdict.NO_FAULT
    parts = (surrounding_text.strip(), _listing("Symptoms", symptoms), _listing("Findings", says_healthy))
    return Findings(
        verdict=verdict,
        source=f"AWS DevOps Agent's structured summary as {place}",
        causes=causes,
        onset=next((time for symptom in symptoms if (time := string(symptom, "start_time"))), None),
        text="\n\n".join(part for part in parts if part),
    )


def _causes(reported: list[dict[str, Any]]) -> tuple[Cause, ...]:
    """`root_cause` is the root. Without one, what is called a cause and is not latent is the agent's answer."""
    has_root = any(_type(finding) == "root_cause" for finding in reported)
    causes = []
    for finding in reported:
        statement = _sentence(string(finding, "title")) + string(finding, "description")
        if _type(finding) == "root_cause":
            role = Role.ROOT
        elif _type(finding) != "cause":  # a hypothesis, an observation, or a type that is not known
            continue
        elif _LATENT.search(statement):
            role = Role.LATENT
        else:
            role = Role.CONTRIBUTING if has_root else Role.ROOT
        causes.append(Cause(role, statement, strings(finding, "related_resources")))
    return tuple(causes)


def _type(finding: dict[str, Any]) -> str:
    name = string(finding, "type")
    if name in ("", "finding"):  # records of the journal say it in a field of its own
        name = string(finding, "finding_type") or "cause"
    return name.lower().replace(" ", "_")


def _listing(heading: str, items: list[dict[str, Any]]) -> str:
    lines = [f"- {_sentence(string(item, 'title'))}{string(item, 'description')}".rstrip() for item in items]
    return f"## {heading}\n\n" + "\n".join(lines) if lines else ""


def _sentence(title: str) -> str:
    return title if title.endswith((".", "!", "?")) else f"{title}. "
