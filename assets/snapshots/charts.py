"""Charts of the city's page: Altair charts to SVG text, without network, display or JavaScript."""

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.snapshots.drawings import HEIGHT, WIDTH, drawings

FONTS = "Noto Sans Thai, Sarabun, Loma, Garuda, sans-serif"
"""Fonts with Thai letters on Android and the web, in Thai government, and on Linux; none is fetched."""


@dataclass(frozen=True)
class Chart:
    """A drawn chart: the Smart it belongs to, its heading, what it shows in a sentence, and the SVG element."""

    smart: str
    title: str
    about: str
    svg: str


def charts(city: City, tables: Mapping[str, pl.DataFrame], day: date) -> list[Chart]:
    """Every chart that ``tables`` carry on a delivery day; none where the data is not there."""
    from altair.utils import schemapi

    # Altair holds every part of every chart against its schema, which costs as much as drawing two: tests do that.
    with schemapi.debug_mode(False):
        drawn = enumerate(drawings(city, tables, day))
        return [Chart(smart, title, about, _svg(number, spec)) for number, (smart, title, about, spec) in drawn]


def _svg(number: int, chart: Any) -> str:
    """Draw ``chart``; ids carry the chart's number, because several drawings share one page.

    The page labels it by the heading with the id ``chart<number>``.
    """
    import vl_convert

    font = {"labelFont": FONTS, "titleFont": FONTS, "labelFontSize": 12, "titleFontSize": 12}
    quiet = {"labelColor": "#44525c", "titleColor": "#44525c", "titleFontWeight": "normal"}
    axis = {"domainColor": "#b9c4cb", "tickColor": "#b9c4cb", "gridColor": "#e6ebee"}
    spec = chart.to_dict(validate=False)
    spec["config"] = {
        "font": FONTS,
        "aria": False,  # the element as a whole is labelled; a thousand labelled marks help nobody
        "background": None,
        "view": {"stroke": None, "continuousWidth": WIDTH, "continuousHeight": HEIGHT, "discreteWidth": WIDTH},
        "axis": font | quiet | axis,
        # Numbers and times are short; where they might be cut, each is measured once more, which takes long.
        "axisQuantitative": {"labelLimit": 0},
        "axisTemporal": {"labelLimit": 0},
        "legend": font | quiet | {"orient": "bottom", "labelLimit": 260, "titleOrient": "left"},
    }
    try:
        text = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    except ValueError as error:
        if "oneshot canceled" in str(error):  # its thread died, as for want of open files: not the drawing's fault
            raise OSError(errno.EAGAIN, str(error)) from error
        raise
    text = re.sub(r'(\bid="|url\(#)', rf"\g<1>chart{number}-", text)
    return re.sub(r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', rf'<svg \1 role="img" aria-labelledby="chart{number}">', text)
