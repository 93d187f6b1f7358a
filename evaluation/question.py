"""The one question that every investigator is asked, whatever the arm."""

import re
from datetime import datetime

from evaluation.times import format_time

_TEXT = """\
Is the service {service} in AWS region {region} healthy since {since}?
If not, what is the root cause: which resource, which change, when?

Please look at what the service consists of, at its metrics, logs, alarms and configuration, and at the recorded
API activity, as far as your access allows. Do not change anything.

Answer in prose first. Then repeat the answer as one JSON object in a fenced block, in this format:

```json
{{
  "verdict": "<fault | no_fault | inconclusive>",
  "causes": [
    {{
      "role": "<root | contributing | latent>",
      "statement": "<one sentence>",
      "resources": ["<ARN or name>"],
      "change": {{"what": "<property>", "to": "<new value>", "at": "<ISO 8601, UTC>", "by": "<who or which call>"}}
    }}
  ],
  "ruled_out": ["<what you examined and excluded>"],
  "onset": "<ISO 8601, UTC>"
}}
```

Use no_fault and an empty list of causes if the service is healthy, and inconclusive if you cannot tell.
"change" is null for a cause that is not a change, and "onset" is null if there is none.
"""

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}t\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:z|[+-]\d{2}:?\d{2})?", re.IGNORECASE)

_MIN_ECHO_WORDS = 7


def question(service: str, region: str, since: datetime) -> str:
    """Return the question: printable ASCII and newlines, below the 10,000 characters that AWS DevOps Agent takes."""
    return _TEXT.format(service=service, region=region, since=format_time(since))


def is_echo(sentence: str, asked: str) -> bool:
    """Return whether a sentence of an answer only repeats the question; times are not compared.

    A part of the question counts from seven words on: "The service is healthy." is an answer.
    """
    words = _normalized(sentence)
    if len(words.split()) >= _MIN_ECHO_WORDS:
        return f" {words} " in f" {_normalized(asked)} "
    return bool(words) and words in (_normalized(line) for line in asked.splitlines())


def _normalized(text: str) -> str:
    return " ".join(re.findall(r"\w+", _TIME.sub(" time ", text.lower())))
