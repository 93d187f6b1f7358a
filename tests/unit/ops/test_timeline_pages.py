"""What a timeline's renderings say, and what they refuse."""

import base64
import copy
import hashlib
import json
import re
from html import unescape
from typing import Any

import pytest

from ops.errors import UsageError
from ops.incidents import markdown, page, timeline_record
from tests.support import timelines
from tests.support.timelines import at, empty, with_incidents


def figures(html: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html)
    assert match is not None
    return dict(json.loads(match[1]))


def titles(figure: dict[str, Any]) -> list[str]:
    texts = [annotation["text"] for annotation in figure["layout"]["annotations"]]
    return [unescape(re.sub(r"</?b>", "", text)) for text in texts if text.startswith("<b>")]


def mermaid(text: str) -> list[str]:
    """Return the picture's lines from its first section on."""
    lines = text.split("```mermaid\n")[1].split("\n```")[0].splitlines()
    first = next(number for number, line in enumerate(lines) if "section" in line)
    return [line.strip() for line in lines[first:]]


@pytest.mark.parametrize(
    ("record", "headline"),
    [
        (empty(), "Nothing was recorded from 13:30 to 14:30 UTC."),
        (with_incidents(), "No incident from 13:30 to 14:30 UTC. All 360 requests were answered."),
        (
            with_incidents((15, 45)),
            "Requests failed from 13:45 to 14:15 UTC, 30 minutes. Both alarms were in ALARM for 93 to 97 % of it.",
        ),
        (
            with_incidents((15, None)),
            "Requests have failed since 13:45 UTC, 45 minutes so far. Both alarms were in ALARM for 96 to 98 % of it.",
        ),
        (
            with_incidents((10, 20), (30, 42), (50, None)),
            "3 incidents from 13:30 to 14:30 UTC: requests failed for 32 minutes in all. The last incident goes on. "
            "Both alarms were in ALARM for 81 to 91 % of that time.",
        ),
        (
            with_incidents((0.2, 0.9), minutes=1, bucket=0.05),
            "Requests failed from 13:30:12 to 13:30:54 UTC, 42 seconds. "
            "Both alarms were in ALARM for 86 to 93 % of it.",
        ),
        (
            with_incidents((600, 660), minutes=700),
            "Requests failed from 25 Nov 23:30 to 26 Nov 00:30 UTC, 1 hour. "
            "Both alarms were in ALARM for 97 to 98 % of it.",
        ),
    ],
    ids=["empty", "healthy", "over", "goes on", "several", "seconds", "midnight"],
)
def test_the_headline_says_what_happened_in_both_renderings(record: dict[str, Any], headline: str) -> None:
    assert timeline_record.parse(record).headline == headline
    assert f">{headline}</h1>" in page.render(record)
    assert markdown.render(record).startswith(f"**{headline}**\n")


@pytest.mark.parametrize(
    ("alarms", "sentence"),
    [
        ([], ""),
        ([("a", [(10, "OK")])], " No alarm was in ALARM meanwhile."),
        ([("a", [(10, "ALARM")])], " The alarm was in ALARM for 100 % of it."),
        ([("a", [(0, "ALARM"), (30, "OK")]), ("b", [(30, "ALARM")])], " Both alarms were in ALARM for 50 % of it."),
        ([(name, [(21, "ALARM")]) for name in "abc"], " All 3 alarms were in ALARM for 80 % of it."),
    ],
    ids=["none", "never", "always", "half each", "three"],
)
def test_alarms_are_measured_against_the_incident(alarms: list[Any], sentence: str) -> None:
    record = with_incidents((15, 45))
    record["alarms"] = [
        {"name": name, "transitions": [{"at": at(time), "state": state} for time, state in transitions]}
        for name, transitions in alarms
    ]

    assert timeline_record.parse(record).headline == f"Requests failed from 13:45 to 14:15 UTC, 30 minutes.{sentence}"


def test_failures_without_an_incident_are_counted() -> None:
    record = empty()
    record["requests"] = [{"minute": at(3), "ok": 1999, "failed": 1}]

    assert timeline_record.parse(record).headline == "No incident from 13:30 to 14:30 UTC. 1 of 2,000 requests failed."


def test_the_times_of_a_record_may_be_of_any_offset_and_order() -> None:
    record = with_incidents((15, 45))
    other = copy.deepcopy(record)
    other["incidents"] = [{"onset": "2026-11-25T15:45:00+02:00", "end": "2026-11-25T14:15:00Z"}]
    for name in ("requests", "errors", "server_errors", "deployments"):
        other[name].reverse()
    for alarm in other["alarms"]:
        alarm["transitions"].reverse()

    assert page.render(other) == page.render(record)
    assert markdown.render(other) == markdown.render(record)


def test_the_page_draws_each_row_on_one_time_axis() -> None:
    html = page.render(with_incidents((15, 45)))
    figure = figures(html)["light"]

    assert titles(figure) == [
        "Incidents", "Deployments", "Requests per minute", "Function errors per minute", "API 5xx per minute",
        "Alarm storefront-errors", "Alarm storefront-5xx",
    ]  # fmt: skip
    assert {trace["xaxis"] for trace in figure["data"]} == {"x"}
    assert figure["layout"]["xaxis"]["range"] == ["2026-11-25T13:30:00.000", "2026-11-25T14:30:00.000"]
    incident, deployments, ok, failed, errors, server_errors, alarm, _ = figure["data"]
    minute = 60_000
    assert (incident["base"], incident["x"], incident["text"]) == (
        ["2026-11-25T13:45:00.000"], [30 * minute], ["30 minutes"],
    )  # fmt: skip
    assert deployments["x"] == ["2026-11-25T13:45:00.000", "2026-11-25T14:15:00.000"]
    assert deployments["hovertext"][0] == (
        "<b>Deployment 1</b>, 13:45 UTC<br>Use legacy<br>fn environment.PRICE_SOURCE: catalog →<br>legacy"
    )
    assert ok["y"] == [6] * 15 + [0] * 30 + [6] * 15
    assert failed["y"] == errors["y"] == server_errors["y"] == [0] * 15 + [6] * 30 + [0] * 15
    assert (failed["offset"], failed["width"]) == (0, minute)
    assert alarm["base"] == ["2026-11-25T13:30:00.000", "2026-11-25T13:46:00.000", "2026-11-25T14:16:00.000"]
    assert alarm["x"] == [16 * minute, 30 * minute, 14 * minute]
    assert alarm["width"] == [0.5, 1, 0.5]
    (shade,) = figure["layout"]["shapes"]
    assert (shade["x0"], shade["x1"]) == ("2026-11-25T13:45:00.000", "2026-11-25T14:15:00.000")


def test_the_schemes_draw_the_same_in_other_colors() -> None:
    drawn = figures(page.render(with_incidents((15, 45))))
    colors = [{key: drawn[scheme]["data"][2][key] for key in ("x", "y", "marker")} for scheme in ("light", "dark")]

    assert colors[0]["marker"]["color"] == page.PALETTES["light"].good
    assert colors[1]["marker"]["color"] == page.PALETTES["dark"].good
    assert (colors[0]["x"], colors[0]["y"]) == (colors[1]["x"], colors[1]["y"])


def test_counts_of_a_faster_clock_are_named_and_drawn_as_such() -> None:
    figure = figures(page.render(with_incidents((0.2, 0.9), minutes=1, bucket=0.05)))["light"]

    assert titles(figure)[2] == "Requests per 3 s"
    assert figure["data"][2]["width"] == 3000


def test_rows_without_data_say_so() -> None:
    record = empty()
    record["deployments"] = with_incidents((15, 45))["deployments"][:1]
    figure = figures(page.render(record))["light"]
    texts = [annotation["text"] for annotation in figure["layout"]["annotations"]]

    assert texts == [
        "<b>Incidents</b>", "none", "<b>Deployments</b>", "<b>Requests per minute</b>", "not recorded",
        "<b>Function errors per minute</b>", "not recorded", "<b>API 5xx per minute</b>", "not recorded",
    ]  # fmt: skip


def test_an_empty_timeline_is_a_sentence_without_a_picture() -> None:
    html, text = page.render(empty()), markdown.render(empty())

    assert "<script" not in html
    assert 'id="chart"' not in html
    assert "mermaid" not in text
    assert text == (
        "**Nothing was recorded from 13:30 to 14:30 UTC.**\n\n"
        "storefront (stack app, eu-west-1), 25 November 2026, times in UTC\n"
    )


def test_only_the_pages_own_scripts_may_run_and_nothing_may_be_requested() -> None:
    html = page.render(timelines.hostile())
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]

    assert len(scripts) == 2
    policy = f"default-src 'none'; script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}'; style-src 'unsafe-inline'; "
    assert f'content="{policy}img-src data:"' in unescape(html)
    assert not re.search(r"<(script|b)>(document|\|)", html)
    assert html.count("</script>") == 3  # with the figures


def test_a_hover_text_is_text() -> None:
    figure = figures(page.render(timelines.hostile()))["light"]
    lines = figure["data"][1]["hovertext"][0].split("<br>")

    assert lines[1] == "&lt;/script&gt;&lt;script&gt;document.title='owned'&lt;/s"[: len(lines[1])]
    assert all(not re.search(r"<(?!/?b>)", line) for line in lines)
    assert lines[-1] == "and 16 more"
    assert max(len(unescape(line)) for line in lines) <= page.LONGEST_HOVER_LINE


def test_the_picture_for_github_has_a_bar_for_everything_that_lasted() -> None:
    assert mermaid(markdown.render(with_incidents((15, 45)))) == [
        "section Incidents",
        "30 minutes :crit, 2026-11-25T13:45:00.000, 2026-11-25T14:15:00.000",
        "section Deployments",
        "1 :milestone, 2026-11-25T13:45:00.000, 0ms",
        "2 :milestone, 2026-11-25T14:15:00.000, 0ms",
        "section Requests",
        "answered :done, 2026-11-25T13:30:00.000, 2026-11-25T13:45:00.000",
        "failed :crit, 2026-11-25T13:45:00.000, 2026-11-25T14:15:00.000",
        "answered :done, 2026-11-25T14:15:00.000, 2026-11-25T14:30:00.000",
        "section storefront-errors",
        "OK :done, 2026-11-25T13:30:00.000, 2026-11-25T13:46:00.000",
        "ALARM :crit, 2026-11-25T13:46:00.000, 2026-11-25T14:16:00.000",
        "OK :done, 2026-11-25T14:16:00.000, 2026-11-25T14:30:00.000",
        "section storefront-5xx",
        "OK :done, 2026-11-25T13:30:00.000, 2026-11-25T13:47:00.000",
        "ALARM :crit, 2026-11-25T13:47:00.000, 2026-11-25T14:17:00.000",
        "OK :done, 2026-11-25T14:17:00.000, 2026-11-25T14:30:00.000",
    ]


@pytest.mark.parametrize(
    ("minutes", "bucket", "axis", "interval"),
    [(60, 1, "%H:%M", "10minute"), (1, 0.05, "%H:%M:%S", "10second"), (600, 1, "%H:%M", "1hour")],
)
def test_the_picture_for_github_has_a_readable_time_axis(
    minutes: float, bucket: float, axis: str, interval: str
) -> None:
    text = markdown.render(with_incidents((minutes / 4, minutes / 2), minutes=minutes, bucket=bucket))

    assert f"    axisFormat {axis}\n    tickInterval {interval}\n" in text


def test_the_table_lists_what_happened_in_order_of_time() -> None:
    text = markdown.render(with_incidents((15, 45)))

    assert text.split("```\n\n")[1].splitlines() == [
        "| UTC | event |",
        "|---|---|",
        "| 13:45:00 | Deployment 1: Use legacy<br>fn environment.PRICE\\_SOURCE: catalog → legacy |",
        "| 13:45:00 | Onset: requests begin to fail |",
        "| 13:46:00 | Alarm storefront-errors: ALARM, 1 minute after onset |",
        "| 13:47:00 | Alarm storefront-5xx: ALARM, 2 minutes after onset |",
        "| 14:15:00 | Deployment 2: Use catalog<br>fn environment.PRICE\\_SOURCE: legacy → catalog |",
        "| 14:15:00 | End: requests are answered again, after 30 minutes |",
        "| 14:16:00 | Alarm storefront-errors: OK |",
        "| 14:17:00 | Alarm storefront-5xx: OK |",
    ]


def test_an_update_without_a_message_is_no_empty_line() -> None:
    record = with_incidents((15, 45))
    unnamed = {**record, "deployments": [{**one, "message": ""} for one in record["deployments"]]}

    assert "Deployment 1: an update without a message" in markdown.render(unnamed)
    assert "an update without a message" in page.render(unnamed)


def test_texts_from_outside_are_text_in_markdown_and_in_its_picture() -> None:
    text = markdown.render(timelines.hostile())
    picture = mermaid(text)
    (row,) = [line for line in text.splitlines() if "Deployment 1" in line]

    assert text.count("```") == 2
    assert "<script" not in re.sub(r"\\.", "", text)
    assert picture[9] == "section /script script document.tit…"
    assert row.startswith(
        r"| 13:45:00 | Deployment 1: \</script\>\<script\>document.title='owned'\</script\>\<b\>\|\`\*\_ ;:\# "
    )
    assert "@\u200ball" in row
    assert row.endswith("<br>and 17 more |")
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_the_markdown_of_the_longest_timeline_stays_within_its_limit() -> None:
    record = with_incidents(*((minute, minute + 1) for minute in range(0, 300, 3)), minutes=300)
    attack = timelines.hostile()
    for deployment in record["deployments"]:
        deployment.update(message=attack["service"], changes=attack["deployments"][0]["changes"])
    record.update(service=attack["service"], alarms=record["alarms"] * 10)

    text = markdown.render(record)
    assert len(text) < 50_000
    assert "The first " in text.splitlines()[-1]
    assert sum(line.startswith("| ") for line in text.splitlines()) == 1 + markdown.MOST_EVENTS


def change(path: str, value: object) -> dict[str, Any]:
    record: dict[str, Any] = with_incidents((15, 45))
    *keys, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    parent: Any = record
    for key in keys:
        parent = parent[key]
    parent[last] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("kind", "check", r"\$\.kind: 'timeline' was expected"),
        ("version", 2, r"\$\.version: 1 was expected"),
        ("from", "2026-13-25T13:30:00Z", r"\$\.from: '2026-13-25T13:30:00Z' is not a 'date-time'"),
        ("from", "2026-11-25T13:30:00", r"\$\.from: '2026-11-25T13:30:00' does not match"),
        ("to", at(0), r"\$\.to: 2026-11-25T13:30:00\+00:00 must be later than \$\.from, 2026-11-25T13:30:00\+00:00"),
        ("alarms.1.transitions.0.state", "BAD", r"\$\.alarms\[1\]\.transitions\[0\]\.state: 'BAD' is not one of"),
        ("requests.3.failed", -1, r"\$\.requests\[3\]\.failed: -1 is less than the minimum of 0"),
        ("deployments.0.changes.0.to", 7, r"\$\.deployments\[0\]\.changes\[0\]\.to: 7 is not of type"),
        ("incidents.0.end", at(14), r"\$\.incidents: the end 2026-11-25T13:44:00\+00:00 is before the onset"),
        ("incidents.0", {"onset": at(61), "end": None}, r"\$\.incidents: the end 2026-11-25T14:30:00\+00:00 is before"),
    ],
)
def test_another_record_is_refused_in_one_line(path: str, value: object, reason: str) -> None:
    record = change(path, value)

    for render in (page.render, markdown.render):
        with pytest.raises(
            UsageError, match=rf"^the timeline is not valid: {reason}.*; correct it as ops/schemas/"
        ) as error:
            render(record)
        assert "\n" not in str(error.value)


def test_a_record_that_lacks_something_is_refused() -> None:
    record = empty()
    del record["alarms"]

    with pytest.raises(UsageError, match=r"\$: 'alarms' is a required property"):
        page.render(record)
