"""A timeline as one HTML file that needs no network: a picture, the sentence above it, and the events below it."""

import base64
import hashlib
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ops.incidents import timeline_record
from ops.incidents.timeline_record import Alarm, Count, Span, State, Timeline, shortened

TITLE_HEIGHT = 34
"""Pixels above a row, for its title."""
AXIS_HEIGHT = 40
BAND_HEIGHT = 22
LEFT, RIGHT = 30, 20
"""Pixels below the last row, for the times."""
LONGEST_TITLE = 40
"""Characters; on a screen of 380 pixels a longer one would be cut off."""
LONGEST_HOVER_LINE = 42
MOST_HOVER_LINES = 2
MOST_HOVER_CHANGES = 4
"""With the lines of each, the most that fits: Plotly leaves out a text that is higher than the picture."""


@dataclass(frozen=True)
class Palette:
    """Colours of a scheme; good and bad differ in lightness too, for the colour-blind and for print without colour."""

    page: str
    ink: str
    muted: str
    line: str
    good: str
    bad: str
    unknown: str
    shade: str


PALETTES = {
    "light": Palette(
        page="#ffffff", ink="#1f2328", muted="#59636e", line="#d1d9e0",
        good="#9ecae1", bad="#c8500a", unknown="#b5bcc4", shade="rgba(200, 80, 10, 0.10)",
    ),
    "dark": Palette(
        page="#0d1117", ink="#e6edf3", muted="#9198a1", line="#3d444d",
        good="#336a91", bad="#ff9650", unknown="#656c76", shade="rgba(255, 150, 80, 0.15)",
    ),
}  # fmt: skip

STATE_HEIGHTS: dict[State, float] = {"ALARM": 1, "OK": 0.5, "INSUFFICIENT_DATA": 0.2}
"""Shares of the row: a state can be recognized without its colour."""


@dataclass(frozen=True)
class _Band:
    """A part of a row with one meaning; its label is drawn where there is room for it."""

    span: Span
    name: str
    color: str
    height: float = 1
    label: str = ""


@dataclass(frozen=True)
class _Row:
    """A row of the picture: its title, its height in pixels, what is drawn in it, and its scale from 0 to `top`."""

    title: str
    height: int
    traces: Sequence[go.Bar | go.Scatter]
    top: float = 1
    ticks: Sequence[int] = ()
    nothing: str = "not recorded"
    """What it says when there is nothing to draw."""


def render(record: Mapping[str, Any]) -> str:
    """Return the page of a timeline record.

    Raises UsageError when the record is not a timeline.
    """
    timeline = timeline_record.parse(record)
    folder = Path(__file__).parent
    # Only these two scripts run, whatever the record's texts are, and nothing is requested.
    scripts = [] if timeline.is_empty else [get_plotlyjs(), (folder / "page.js").read_text(encoding="utf-8")]
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts) or "'none'"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        timeline=timeline,
        palettes=PALETTES,
        policy=f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:",
        scripts=[Markup(script) for script in scripts],
        figures=Markup(_figures(timeline)),
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _figures(timeline: Timeline) -> str:
    """Return the picture in each scheme as JSON that cannot end the element around it."""
    figures = {name: _figure(timeline, palette).to_plotly_json() for name, palette in PALETTES.items()}
    return json.dumps(figures, default=lambda value: value.to_plotly_json()).replace("<", "\\u003c")


def _figure(timeline: Timeline, palette: Palette) -> go.Figure:
    """Draw the rows under one another, on one time axis."""
    rows = _rows(timeline, palette)
    height = sum(TITLE_HEIGHT + row.height for row in rows)
    figure = go.Figure(
        layout=go.Layout(
            template="none",
            height=height + AXIS_HEIGHT,
            margin={"l": LEFT, "r": RIGHT, "t": 0, "b": AXIS_HEIGHT},
            paper_bgcolor="rgba(0, 0, 0, 0)",
            plot_bgcolor="rgba(0, 0, 0, 0)",
            font={"family": "system-ui, sans-serif", "size": 12, "color": palette.ink},
            hoverlabel={"bgcolor": palette.page, "bordercolor": palette.muted, "align": "left"},
            hoverlabel_font={"family": "system-ui, sans-serif", "size": 13, "color": palette.ink},
            barmode="stack",
            showlegend=False,
            uniformtext={"mode": "hide", "minsize": 10},
            uirevision="timeline",  # a change of scheme does not undo a zoom
            xaxis={
                "type": "date",
                "range": [_naive(timeline.span.start), _naive(timeline.span.end)],
                "tickformatstops": [
                    {"dtickrange": [None, 1000], "value": "%H:%M:%S.%L"},
                    {"dtickrange": [1000, 60_000], "value": "%H:%M:%S"},
                    {"dtickrange": [60_000, None], "value": "%H:%M\n%-d %b" if timeline.has_dates else "%H:%M"},
                ],
                "tickangle": 0,
                "anchor": "free",
                "position": 0,
                "ticks": "outside",
                "tickcolor": palette.line,
                "tickfont": {"color": palette.muted},
                "linecolor": palette.line,
                "showgrid": False,
                "showspikes": True,
                "spikemode": "across",
                "spikesnap": "cursor",
                "spikethickness": 1,
                "spikedash": "dot",
                "spikecolor": palette.muted,
            },
        )
    )
    top = height
    for number, row in enumerate(rows, 1):
        high, low = (top - TITLE_HEIGHT) / height, (top - TITLE_HEIGHT - row.height) / height
        top -= TITLE_HEIGHT + row.height
        axis = "y" if number == 1 else f"y{number}"
        figure.add_traces([trace.update(xaxis="x", yaxis=axis) for trace in row.traces])
        figure.layout[f"yaxis{number}"] = {
            "domain": [low, high],
            "range": [0, row.top],
            "tickvals": row.ticks,
            "tickfont": {"color": palette.muted},
            "fixedrange": True,
            "zeroline": bool(row.ticks),
            "zerolinecolor": palette.line,
            "gridcolor": palette.line,
            "griddash": "dot",
        }
        figure.add_annotation(
            text=f"<b>{escape(row.title, quote=False)}</b>",
            xref="paper", x=0, xanchor="left", xshift=-LEFT,
            yref="paper", y=high, yanchor="bottom", yshift=3, showarrow=False,
        )  # fmt: skip
        if not row.traces:
            figure.add_annotation(
                text=row.nothing, font={"color": palette.muted},
                xref="paper", x=0, xanchor="left", yref="paper", y=(low + high) / 2, showarrow=False,
            )  # fmt: skip
    for incident in timeline.incidents:
        figure.add_shape(
            type="rect", layer="below", fillcolor=palette.shade, line={"width": 0},
            xref="x", x0=_naive(incident.span.start), x1=_naive(incident.span.end), yref="paper", y0=0, y1=1,
        )  # fmt: skip
    return figure


def _rows(timeline: Timeline, palette: Palette) -> list[_Row]:
    seconds = timeline.bucket.total_seconds()
    unit = "minute" if seconds == 60 else f"{seconds:g} s"
    requests, answers = timeline.requests, []
    most = max((minute.ok + minute.failed for minute in requests), default=0)
    if requests:
        times = [minute.at for minute in requests]
        answers = [
            _bars(timeline, times, [minute.ok for minute in requests], "answered", palette.good),
            _bars(timeline, times, [minute.failed for minute in requests], "failed", palette.bad),
        ]
    return [
        _Row("Incidents", BAND_HEIGHT, _incidents(timeline, palette), nothing="none"),
        _Row("Deployments", 26, _deployments(timeline, palette), nothing="none"),
        _Row(f"Requests per {unit}", 96, answers, **_scale(most)),
        _count_row(f"Function errors per {unit}", timeline, timeline.errors, palette),
        _count_row(f"API 5xx per {unit}", timeline, timeline.server_errors, palette),
        *(
            _Row(shortened(f"Alarm {alarm.name}", LONGEST_TITLE), BAND_HEIGHT, _states(timeline, alarm, palette))
            for alarm in timeline.alarms
        ),
    ]


def _scale(most: int) -> dict[str, Any]:
    """Return the scale of a row that counts: only 0 and the highest value are labelled."""
    return {"top": 1.05 * (most or 1), "ticks": sorted({0, most})}


def _count_row(title: str, timeline: Timeline, counts: list[Count], palette: Palette) -> _Row:
    values = [count.count for count in counts]
    traces = [_bars(timeline, [count.at for count in counts], values, "", palette.bad)] if counts else []
    return _Row(title, 48, traces, **_scale(max(values, default=0)))


def _bars(timeline: Timeline, times: list[datetime], values: list[int], what: str, color: str) -> go.Bar:
    """Draw a bar for each count, as wide as the minute that it is about."""
    milliseconds = timeline.bucket / timedelta(milliseconds=1)
    return go.Bar(
        x=[_naive(time) for time in times],
        y=values,
        offset=0,
        width=milliseconds,
        marker={"color": color, "line": {"width": 0}},
        hovertext=[f"{timeline.clock(time)} UTC: {value:,} {what}" for time, value in zip(times, values, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _incidents(timeline: Timeline, palette: Palette) -> list[go.Bar]:
    bands = [
        _Band(incident.span, "Incident", palette.ink, label=timeline.duration(incident.span))
        for incident in timeline.incidents
    ]
    return _bands(timeline, bands, palette)


def _states(timeline: Timeline, alarm: Alarm, palette: Palette) -> list[go.Bar]:
    colors: dict[State, str] = {"ALARM": palette.bad, "OK": palette.good, "INSUFFICIENT_DATA": palette.unknown}
    bands = [
        _Band(span, state, colors[state], STATE_HEIGHTS[state], state if state == "ALARM" else "")
        for span, state in alarm.states
    ]
    return _bands(timeline, bands, palette)


def _bands(timeline: Timeline, bands: list[_Band], palette: Palette) -> list[go.Bar]:
    trace = go.Bar(
        orientation="h",
        base=[_naive(band.span.start) for band in bands],
        x=[band.span.length / timedelta(milliseconds=1) for band in bands],
        y=[0.5] * len(bands),
        width=[band.height for band in bands],
        marker={"color": [band.color for band in bands], "line": {"width": 0}},
        text=[band.label for band in bands],
        textposition="inside",
        textangle=0,
        insidetextanchor="middle",
        insidetextfont={"color": palette.page, "size": 11},
        hovertext=[
            f"{band.name}<br>{timeline.clock(band.span.start)} to {timeline.clock(band.span.end)} UTC"
            f"<br>{timeline.duration(band.span)}"
            for band in bands
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    return [trace] if bands else []


def _deployments(timeline: Timeline, palette: Palette) -> list[go.Scatter]:
    numbers = range(1, len(timeline.deployments) + 1)
    return [
        go.Scatter(
            x=[_naive(deployment.at) for deployment in timeline.deployments],
            y=[0.5] * len(numbers),
            mode="markers+text",
            marker={"size": 20, "color": palette.ink, "line": {"color": palette.page, "width": 1}},
            text=[str(number) for number in numbers],
            textfont={"color": palette.page, "size": 12},
            cliponaxis=False,
            hovertext=[_hover(timeline, number) for number in numbers],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    ] if numbers else []  # fmt: skip


def _hover(timeline: Timeline, number: int) -> str:
    """Return what a deployment changed, in lines that fit on a phone; Plotly reads some HTML in them."""
    deployment = timeline.deployments[number - 1]
    changes = [change.text for change in deployment.changes]
    left_out = len(changes) - MOST_HOVER_CHANGES
    texts = [deployment.message, *changes[:MOST_HOVER_CHANGES], *([f"and {left_out} more"] if left_out > 0 else [])]
    lines = [
        line
        for text in texts
        for line in textwrap.wrap(text, LONGEST_HOVER_LINE, max_lines=MOST_HOVER_LINES, placeholder="…")
    ]
    return "<br>".join(
        [
            f"<b>Deployment {number}</b>, {timeline.clock(deployment.at)} UTC",
            *(escape(line, quote=False) for line in lines),
        ]
    )


def _naive(time: datetime) -> str:
    """Return a UTC time without its offset: Plotly draws a time as it is written and ignores offsets."""
    return time.replace(tzinfo=None).isoformat(timespec="milliseconds")
