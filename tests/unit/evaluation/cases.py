"""Truth records and judged answers for the tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluation import scoring, truth
from evaluation.adapters import read
from evaluation.scoring import Outcome
from evaluation.truth import Truth

HANDLER = "arn:aws:lambda:eu-west-1:111122223333:function:storefront-app-handler"
CALLER = "arn:aws:lambda:eu-west-1:111122223333:function:storefront-app-caller"
CHANGE = {
    "arn": HANDLER,
    "type": "AWS::Lambda::Function",
    "path": "environment.variables.FAIL_MODE",
    "from": "false",
    "to": "true",
    "api": "UpdateFunctionConfiguration20150331v2",
    "earliest": "2026-03-03T14:02:10Z",
    "latest": "2026-03-03T14:02:14Z",
    "session": "deploy-4711",
    "run": "https://github.com/octo-org/shop/actions/runs/9911",
}
PLAIN_CHANGE = {**CHANGE, "path": "environment.variables.PRICE_SOURCE", "from": "catalog", "to": "legacy"}
CALLER_MEMORY = {
    "arn": CALLER,
    "type": "AWS::Lambda::Function",
    "path": "memorySize",
    "from": "128",
    "to": "256",
    "at": "2026-03-03T13:57:00Z",
}
LOG_LEVEL = {
    "arn": HANDLER,
    "type": "AWS::Lambda::Function",
    "path": "environment.variables.LOG_LEVEL",
    "from": "info",
    "to": "debug",
    "at": "2026-03-03T14:02:00Z",
}
HEALTHY: dict[str, Any] = {"change": None, "onset": None, "end": None, "consequences": []}


def truth_record(**fields: Any) -> dict[str, Any]:
    """A truth record of a fault on the named surface, with other fields where given."""
    return {
        "kind": "truth",
        "version": 1,
        "started": "2026-03-03T13:50:00Z",
        "id": "app-17640812",
        "stack": "app",
        "surface": "named",
        "region": "eu-west-1",
        "account": "111122223333",
        "service": "storefront",
        "change": CHANGE,
        "other_changes": [],
        "onset": "2026-03-03T14:02:31Z",
        "end": "2026-03-03T14:20:00Z",
        "consequences": [
            "storefront-app-errors",
            "storefront-app-5xx",
            "request could not be served",
            "RequestError",
            "5xx errors",
        ],
        "aliases": {
            HANDLER: ["storefront-app-handler", "handler function", "Lambda function", "Lambda handler", "the handler"],
            CALLER: ["storefront-app-caller", "the caller"],
        },
        "observable": {},
        "valid": {
            "valid": True,
            "healthy_before": True,
            "failing_throughout": True,
            "healthy_after": True,
            "why": [],
        },
        **fields,
    }


TRUTHS: dict[str, Truth] = {
    "named": truth.from_record(truth_record()),
    "plain": truth.from_record(truth_record(surface="plain", change=PLAIN_CHANGE)),
    "decoy": truth.from_record(truth_record(other_changes=[CALLER_MEMORY])),
    "healthy": truth.from_record(truth_record(**HEALTHY)),
    "healthy_decoy": truth.from_record(truth_record(**HEALTHY, other_changes=[LOG_LEVEL])),
}


@dataclass(frozen=True)
class Case:
    """An answer, and what a reader decides on each axis that applies."""

    name: str
    truth: str
    modelled_on: str
    text: str
    expected: dict[str, str]

    def scored(self) -> dict[str, str]:
        """What the scorer decides on the axes that apply."""
        axes = scoring.score(TRUTHS[self.truth], read(self.text)).axes
        return {
            axis.value: result.outcome.value
            for axis, result in axes.items()
            if result.outcome is not Outcome.NOT_APPLICABLE
        }


def load(file_name: str) -> list[Case]:
    """Read judged answers from a file beside this one."""
    cases = yaml.safe_load((Path(__file__).parent / file_name).read_text(encoding="utf-8"))
    return [Case(case["name"], case["truth"], case["modelled_on"], case["text"], case["expect"]) for case in cases]


def repetitive_texts(times: int) -> dict[str, str]:
    """Return texts of thousands of repetitions, and so many times as many, which naive patterns take long to match."""
    repetitions = 3000 * times
    return {
        "long": "the function failed and " * repetitions,
        "cause": "root cause of " * repetitions,
        "no": "no " * repetitions + "evidence",
        "since": "since " + "changed " * repetitions,
        "braces": "{\n" * repetitions,
        "quotes": '"a ' * repetitions,
        "brackets": "[" * repetitions,
        "deep": '{"a":' * repetitions,
    }
