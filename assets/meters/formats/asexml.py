"""aseXML: the envelope in which Australian market systems send NEM12 and NEM13.

An element CSVIntervalData or CSVConsumptionData of each transaction holds the lines of one file; the schema
(aseXML r17 and later) is AEMO's. What is in the envelope is read as if it came without, in the rows of the delivered
file. The market limits messages to 10 MB, and so does libxml2 a text.
"""

from typing import cast

from assets.meters.formats import markup
from assets.meters.formats.content import Content

_PAYLOADS = ("CSVIntervalData", "CSVConsumptionData")


def unwrapped(content: Content) -> Content:
    """The lines in the envelope, and ``content`` itself where it is none. Raises ``markup.MarkupError``."""
    if content.kind != "xml" or not any(name.encode() in content.coded for name in _PAYLOADS):
        return content
    lines: list[str] = []
    for element in markup.walk(content, *_PAYLOADS):
        # Blank lines in place of the markup keep the numbers of the lines.
        lines += [""] * (cast(int, element.sourceline) - 1 - len(lines))
        lines += (element.text or "").splitlines()
        markup.drop(element)
    return Content(content.data, "text", "\n".join([*lines, ""]).encode()) if any(lines) else content
