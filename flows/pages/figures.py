"""Charts, drawn by Vega-Lite as SVG: no script is left in them.

Colours are variables of the page's style, so that a chart is light or dark as the page
is. Each is drawn twice, for a wide screen and for a narrow one, because letters that
shrink with a picture cannot be read on a phone.
"""

import datetime as dt
from typing import Any, NamedTuple

from markupsafe import Markup

from flows.pages.questions import Answer
from flows.pages.sheet import write_cell

_WIDTHS = {"wide": 470, "narrow": 290}
_HEIGHT = 180
_TIME_UNITS = {
    "year": "utcyear",
    "month": "utcyearmonth",
    "day": "utcyearmonthdate",
}
_FEW_TICKS = {"wide": 8, "narrow": 4}
_APART = {"labelOverlap": "greedy", "labelSeparation": 6, "labelFlush": False}
_THOUSANDS = "datum.value < 1000 ? datum.value : format(datum.value, '.1~s')"
_CONFIG = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "bar": {"color": "var(--accent)"},
    "line": {"color": "var(--accent)", "strokeWidth": 2},
    "point": {"color": "var(--accent)", "filled": True, "size": 40},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
    },
}


class Figure(NamedTuple):
    """A chart.

    Attributes:
        wide: SVG for a wide screen.
        narrow: SVG for a narrow one.
        words: What it shows, for those who cannot see it.
    """

    wide: Markup
    narrow: Markup
    words: str


def draw_chart(answer: Answer) -> Figure:
    """Draw the answer to a question that is shown as a chart.

    Args:
        answer: With at least one row.
    """
    import vl_convert  # noqa: PLC0415  # 90 MB of library: only where a chart is drawn

    pictures = {}
    for size, width in _WIDTHS.items():
        spec = _describe(answer, width, _FEW_TICKS[size])
        svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        pictures[size] = Markup(svg)  # noqa: S704  # of numbers and dates
    return Figure(pictures["wide"], pictures["narrow"], _tell(answer))


def _describe(answer: Answer, width: int, ticks: int) -> dict[str, Any]:
    """Return the chart in the grammar of Vega-Lite."""
    question = answer.question
    xs = [_plain(value) for value in answer.column(question.x)]
    ys = [float(value or 0) for value in answer.column(question.y)]
    spec: dict[str, Any] = {
        "width": width,
        "height": _HEIGHT,
        "config": _CONFIG,
        "data": {"values": [{"x": x, "y": y} for x, y in zip(xs, ys, strict=True)]},
        "encoding": {
            "x": {"field": "x", "title": None},
            "y": {
                "field": "y",
                "type": "quantitative",
                "title": question.y,
                "stack": None,
                "axis": {"tickCount": 4, "domain": False, "ticks": False},
            },
        },
    }
    x, y = spec["encoding"]["x"], spec["encoding"]["y"]
    if question.kind == "histogram":
        spec["mark"] = {"type": "bar"}
        x |= {
            "type": "ordinal",
            "sort": None,
            "scale": {"paddingInner": 0.08},
            "title": question.x,
            "axis": {
                "values": [x for x in answer.column(question.x) if x.bit_count() == 1],
                "labelAngle": 0,
                "labelExpr": _THOUSANDS,
                "ticks": False,
            }
            | _APART,
        }
    elif question.kind == "timeline":
        unit = answer.column("unit")[0]
        spec["mark"] = {"type": "bar"}
        x |= {
            "type": "temporal",
            "timeUnit": _TIME_UNITS[unit],
            "scale": {"type": "utc"},
            "axis": {"tickCount": ticks, "grid": False} | _APART,
        }
    else:
        spec["mark"] = {"type": "line", "point": True}
        x |= {
            "type": "temporal",
            "scale": {"type": "utc"},
            "axis": {"tickCount": ticks // 2, "grid": False, "format": "%d %b %H:%M"}
            | _APART,
        }
        y["axis"]["format"] = "%"
    return spec


def _plain(value: object) -> object:
    """Return a value as JSON has it; times without a zone are UTC."""
    if isinstance(value, dt.datetime):
        return value.isoformat() + "Z"
    return value.isoformat() if isinstance(value, dt.date) else value


def _tell(answer: Answer) -> str:
    """Say in a sentence what can be seen at a glance."""
    question = answer.question
    ys = [value or 0 for value in answer.column(question.y)]
    xs = [write_cell(question.x, value).lines[0] for value in answer.column(question.x)]
    most = ys.index(max(ys))
    form = "Line" if question.kind == "runs" else "Bar"
    ends = sorted({xs[0], xs[-1]}) if question.kind != "histogram" else [xs[0], xs[-1]]
    highest = write_cell(question.y, ys[most]).lines[0]
    return (
        f"{form} chart: {question.y} by {question.x}, {len(xs)} values from {ends[0]}"
        f" to {ends[-1]}; the highest is {highest} at {xs[most]}."
    )
