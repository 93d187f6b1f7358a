"""Choose how to read an answer: our JSON, AWS DevOps Agent's structured summary, its Markdown, free text."""

from evaluation.adapters import devops_summary, embedded_json, own_json, report
from evaluation.findings import Findings, Verdict


def read(raw_text: str) -> Findings:
    """Turn an answer into findings; `source` says what they were read from. Never raises for any text.

    The last JSON object of a known format counts: an answer that corrects itself does so at its end.
    """
    for value in reversed(embedded_json.find(raw_text)):
        findings = own_json.read(value.value, value.surrounding_text, value.place)
        findings = findings or devops_summary.read(value.value, value.surrounding_text, value.place)
        if findings is not None:
            return findings
    return report.read(raw_text) or Findings(Verdict.UNSTATED, source="free text", text=raw_text)
