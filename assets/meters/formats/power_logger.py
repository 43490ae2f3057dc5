"""Log of a portable power logger (seen: DW-680), comma or tab separated: samples of a moment every few seconds.

Not specified; known from code that reads it: settings (``Model``, ``Wire Mode``), then ``Date``, ``Time`` and dozens of
electrical values. A sample is no interval: it says nothing of the seconds until the next, and what a logger measured
for an afternoon is no utility's reading. The format is known so that it can be refused by name.
"""

import re

from assets.meters.formats.canonical import Export, ReadingOptions
from assets.meters.formats.content import Content

FORMAT = "power_logger"
KIND = "text"


def recognise(content: Content) -> str | None:
    """Evidence: the settings with which a log begins."""
    settings = {re.split(r"[,\t;]", line)[0].strip(' "') for line in content.head(4000).splitlines()[:15]}
    return "power logger's settings Model and Wire Mode" if {"Model", "Wire Mode"} <= settings else None


def read(content: Content, options: ReadingOptions) -> Export:
    """No readings, ever: ``format-no-interval``."""
    return Export.rejected(
        FORMAT, "format-no-interval", "a power logger's samples of a moment, not intervals of a meter"
    )
