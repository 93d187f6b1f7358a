"""The words for one truth: what its resource, variable, value, call and symptoms may be called. All from the record."""

import re
from dataclasses import dataclass

from evaluation.language.patterns import any_of
from evaluation.truth import Change, Truth

_NOTHING = re.compile(r"(?!)")

CONFIGURATION = re.compile(
    r"\b(?:mis|re)?config\w*|\benv(?:ironment)?[- ](?:vars?|variables?|settings?)\b"
    r"|\benvironment (?:change|update)|\bfeature[- ]flags?\b|\bsettings?\b|UpdateFunctionConfiguration\w*",
    re.IGNORECASE,
)
CHANGED = re.compile(
    r"\b(?:set|chang\w+|switch\w*|flip\w*|updat\w+|toggl\w+|turned|modif\w+|introduc\w+|enabl\w+|disabl\w+"
    r"|activat\w+|deploy\w*|roll(?:ed)? ?out|rollout|releas\w+|pushed|overr\w+|repoint\w*|now (?:has|reads"
    r"|uses)|went from|moved|reconfigur\w+)\b|->|→|=>",
    re.IGNORECASE,
)
DEPLOYMENT = re.compile(
    r"\bdeploy\w*|\breleas\w+|\brollout\b|\bconfiguration (?:change|update)|\bconfig (?:change|update|push)"
    r"|\bupdate\b",
    re.IGNORECASE,
)
UNCHANGED = re.compile(
    r"\bno (?:\w+ ){0,3}(?:changes?|deployments?|updates?) (?:\w+ ){0,3}(?:found|made|recorded|detected"
    r"|observed|happened|took place)?|\bnothing (?:was |has been |had )?changed\b",
    re.IGNORECASE,
)
SYMPTOM = re.compile(
    r"\bfail\w*|\berrors?\b|\b5\d\ds?\b|\b5xx\b|\balarms?\b|\bexceptions?\b|\bunhealthy\b|\boutage\b|\brais\w+"
    r"|\bthrow\w*|\bcould not be served\b",
    re.IGNORECASE,
)
_CONSTANT = r"(?-i:\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b)"
_RIVALS = any_of(
    # limits
    r"\bthrottl\w+",
    r"\b(?:reserved )?concurrency\b|\bquotas?\b|\brate limit\w*|\btraffic (?:spikes?|surges?|increase)|\bload\b",
    r"\btim(?:ed?|es|ing)[- ]?outs?\b|\bout of memory\b|\bOOM\b|\bmemory\b|\bdisk\b|\bcold starts?\b",
    # access
    r"\bIAM\b|\bpermissions?\b|\baccess[- ]?denied\b|\bpolic(?:y|ies)\b|\bexecution role\b|\bauthoriz(?:er|ation)\b",
    r"\bcredentials?\b|\bsecrets?\b|\btokens?\b|\bkey rotation\b|\bKMS\b|\bSecrets Manager\b",
    r"\bcertificates?\b|\bTLS\b|\bexpired\b|\bCORS\b|\bWAF\b",
    # network
    r"\bVPC\b|\bnetwork\w*|\bsecurity groups?\b|\bsubnets?\b|\bNAT\b|\bDNS\b|\bCloudFront\b|\bload balancer\b",
    # what it might depend on
    r"\bDynamo ?DB\b|\bdatabase\b|\bRDS\b|\bAurora\b|\bRedis\b|\bElastiCache\b|\bcaches?\b",
    r"\bS3\b|\bSQS\b|\bSNS\b|\bKinesis\b|\bEventBridge\b|\bschedule[rd]?\b|\bcaller\b|\bX-Ray\b",
    r"\b(?:down|up)stream (?:service|dependency|provider|API|outage)|\bdependenc(?:y|ies)\b|\bthird[- ]party\b",
    r"\b(?:regional|AWS service|AWS-side|zonal) \w*|\bavailability zone\b",
    # code
    r"\b(?:code|software) (?:bug|defect|change|error|regression|deployment|update)|\bUpdateFunctionCode\w*",
    r"\bbugs?\b|\bdefects?\b|\bregression\b|\bnew (?:code|version)\b|\b(?:Lambda )?layers?\b",
    r"\bsyntax\b|\bnull\b|\bKeyError\b|\bTypeError\b|\bruntime (?:upgrade|update|change|version|deprecat\w+)",
    # API and logs
    r"\bAPI Gateway (?:\w+ )?(?:config\w*|misconfig\w*|integration|route|stage|throttl\w*|timeouts?|permissions?)",
    r"\bAPI Gateway (?:\w+ )?(?:authorizer|change)",
    r"\bpayload format\b|\bintegration (?:timeout|config\w*|type)|\blog retention\b|\blog level\b",
    # another variable
    rf"\b(?:variable|flag|setting) {_CONSTANT}",
    rf"{_CONSTANT}(?==|:? (?:environment )?(?:variable|flag)\b)",
    rf"{_CONSTANT}(?=:? (?:was|is|being|has been|had been) (?:set|changed|switched|updated|removed|missing|unset)\b)",
)
"""What else breaks such a service. Nothing here is from a truth, and what a truth names itself is taken out first."""

_ON = {
    "true": ("true", "on", "enabled", "1", "yes", "activated"),
    "false": ("false", "off", "disabled", "0", "no", "deactivated"),
}
_ASPECT = re.compile(
    r"'s \w+"
    r"|\s+(?:code|timeouts?|memory|concurrency|throttl\w*|permissions?|role|runtime|cold|package|layers?"
    r"|version|logs?|platform)\b",
    re.IGNORECASE,
)
_SERVICE = r"\b(?:service|system|application|app|workload|everything|site|it|all)\b"
_NAME_BEFORE = re.compile(
    r"(?:\b\w+(?:-\w+)+|\b(?:caller|scheduler|scheduled|other|another|authorizer|traffic|downstream|upstream"
    r"|different|second))[`'\"]?\s+$",
    re.IGNORECASE,
)
_NAME_BEHIND = re.compile(r"\s+[`'\"(]*\w+(?:-\w+)+")
"""A name with hyphens next to a general label. The resource's own name there is a mention of its own."""


@dataclass(frozen=True)
class Vocabulary:
    """Patterns for one truth. Where nothing was wrong, those of the change match nothing."""

    service: re.Pattern[str]
    """The service as a whole."""
    component: re.Pattern[str]
    """The changed resource: use `components_in`."""
    variable: re.Pattern[str]
    event: re.Pattern[str]
    """The call, the session or the run that made the change."""
    consequences: re.Pattern[str]
    other_changes: re.Pattern[str]
    other_resources: re.Pattern[str]
    values: tuple[str, ...]
    """The new value in lower case, and other words for it."""
    wrong_values: frozenset[str]
    """Words that are certainly values, and not the new one."""

    def components_in(self, text: str) -> list[re.Match[str]]:
        """Return mentions of the changed resource. A general label next to another resource's name is none."""
        return [
            match
            for match in self.component.finditer(text)
            if not _NAME_BEFORE.search(text, 0, match.start()) and not _NAME_BEHIND.match(text, match.end())
        ]

    def rivals_in(self, text: str) -> list[re.Match[str]]:
        """Return mentions of other causes, those that the truth's own names contain left out."""
        masked = text
        for pattern in (self.consequences, self.component, self.variable, self.event):
            masked = pattern.sub(lambda match: " " * len(match[0]), masked)
        return sorted(
            [*_RIVALS.finditer(masked), *self.other_changes.finditer(masked)], key=lambda match: match.start()
        )


def is_of_resource_itself(text: str, match: re.Match[str]) -> bool:
    """Return whether a mention is of the resource, and not of a part such as its timeout or its code."""
    return _ASPECT.match(text, match.end()) is None


def vocabulary(truth: Truth) -> Vocabulary:
    """Derive the patterns from a truth record."""
    other = _other_changes(truth)
    consequences = _names(truth.consequences)
    service = re.compile(rf"{_SERVICE}|{_name(truth.service)}", re.IGNORECASE)
    if truth.change is None:
        return Vocabulary(service, _NOTHING, _NOTHING, _NOTHING, consequences, other, _NOTHING, (), frozenset())
    labels = (truth.change.arn, truth.change.arn.rpartition(":")[2], *truth.aliases.get(truth.change.arn, ()))
    values = _value_words(truth.change.new_value)
    return Vocabulary(
        service=service,
        component=_names(labels),
        variable=re.compile(_identifier(truth.change.property_name), re.IGNORECASE),
        event=_names(_event_names(truth.change)),
        consequences=consequences,
        other_changes=other,
        other_resources=_names(_other_resources(truth)),
        values=values,
        wrong_values=frozenset((*_value_words(truth.change.old_value), *_ON["true"], *_ON["false"])) - set(values),
    )


def _event_names(change: Change) -> tuple[str, ...]:
    """The call, with and without the date that CloudTrail adds to it, the session and the run."""
    plain_api = re.sub(r"\d{8}(?:v\d+)?$", "", change.api)
    run = (change.run, change.run.rpartition("/")[2]) if change.run else ()
    return tuple(name for name in (change.api, plain_api, change.session, *run) if len(name) >= 5)


def _other_changes(truth: Truth) -> re.Pattern[str]:
    own = truth.change
    patterns = []
    for change in truth.other_changes:
        if own is None or change.arn != own.arn:
            patterns += [_name(change.arn), _name(re.split(r"[:/]", change.arn)[-1])]
            patterns += [_name(label) for label in truth.aliases.get(change.arn, ())]
        if (own is None or change.path != own.path) and re.search(r"[_A-Z]", change.property_name):
            patterns.append(_identifier(change.property_name))
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else _NOTHING


def _other_resources(truth: Truth) -> tuple[str, ...]:
    own = truth.change.arn if truth.change else ""
    return tuple(label for arn, labels in truth.aliases.items() if arn != own for label in (arn, *labels))


def _value_words(value: str) -> tuple[str, ...]:
    return _ON.get(value.lower(), (value.lower(),))


def _names(names: tuple[str, ...]) -> re.Pattern[str]:
    patterns = [_name(name) for name in sorted(names, key=len, reverse=True) if name.strip()]
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else _NOTHING


def _name(name: str) -> str:
    """A name as a whole: "storefront-app" is not in "storefront-app-handler". Blanks match any blanks."""
    return r"(?<![\w-])" + r"\s+".join(re.escape(part) for part in name.split()) + r"(?![\w]|-\w)"


def _identifier(name: str) -> str:
    """FAIL_MODE, also written failMode, fail-mode or fail mode."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    name_pattern = r"[_\s-]?".join(re.escape(word) for word in words)
    return rf"(?<![A-Za-z0-9_-]){name_pattern}(?![A-Za-z0-9]|[_-][A-Za-z0-9])"
