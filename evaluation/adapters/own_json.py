"""JSON in the format that the question asks for, read leniently: investigators leave fields out and add others."""

from typing import Any

from evaluation.adapters.fields import objects, string, strings
from evaluation.findings import Cause, Findings, ReportedChange, Role, Verdict

_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_ROLES = {role.value: role for role in Role}


def read(value: dict[str, Any], surrounding_text: str, place: str) -> Findings | None:
    """Return findings, or None when the object has neither a known verdict nor causes of our format."""
    verdict = _VERDICTS.get(string(value, "verdict").strip().lower().replace("-", "_").replace(" ", "_"))
    causes = tuple(_cause(cause) for cause in objects(value, "causes") if string(cause, "statement"))
    if verdict is None and not causes:
        return None
    return Findings(
        verdict=verdict or Verdict.UNSTATED,
        source=f"findings as {place}",
        causes=causes,
        ruled_out=strings(value, "ruled_out"),
        onset=string(value, "onset") or None,
        text="\n\n".join(part for part in (surrounding_text.strip(), string(value, "text")) if part),
    )


def _cause(cause: dict[str, Any]) -> Cause:
    change = cause.get("change")
    return Cause(
        role=_ROLES.get(string(cause, "role").strip().lower().removesuffix("_cause"), Role.ROOT),
        statement=string(cause, "statement"),
        resources=strings(cause, "resources"),
        change=ReportedChange(**{name: string(change, name) for name in ("what", "to", "at", "by")})
        if isinstance(change, dict)
        else None,
    )
