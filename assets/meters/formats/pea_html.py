"""PEA AMR interval report: HTML tables that the portal saves as ``.xls``, UTF-8 or cp874, years CE or BE.

No specification is public; the layout is known from code that reads it (title รายงานข้อมูลกิโลวัตต์แบบช่วงเวลา, a table
of facts, a table of intervals with two columns a rate of which the first counts, a table of remarks).
"""

from lxml import etree, html

from assets.meters.formats import pea
from assets.meters.formats.canonical import Export, ReadingOptions
from assets.meters.formats.content import Content
from assets.meters.formats.grids import Grid, clean, grid
from assets.meters.formats.markup import MarkupError

FORMAT = "pea_html"
KIND = "html"
_STRAY = etree.XPath(
    "boolean(//table//text()[normalize-space() and not(ancestor::caption)"
    " and not(ancestor::*[self::td or self::th][1][parent::tr])])"
)
"""Text of a table that ``_cells`` does not see."""


def recognise(content: Content) -> str | None:
    """Evidence: a table and PEA's title."""
    text = content.head(20_000)
    titled = "รายงานข้อมูลกิโลวัตต์" in text and "<t" in text.lower()
    return "HTML table under PEA's report title" if titled else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of one report. Options: ``timezone``, ``point``. Row numbers count the ``<tr>`` of the page."""
    if cut(content):
        return Export.rejected(FORMAT, "file-truncated", "the page ends inside a table")
    return pea.read([page(content)], FORMAT, options)


def cut(content: Content) -> bool:
    """Whether the page ends inside a table."""
    text = content.text.lower()
    return text.rfind("</table") < text.rfind("<tr")


def page(content: Content) -> Grid:
    """The rows of all tables of a page.

    Raises ``MarkupError`` where the parser gives up within it, or damaged tags leave cells that are in no row.
    """
    # libxml2's HTML parser reads no DTD and resolves no entities but HTML's own; huge_tree keeps its size limits on.
    parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True)
    document = html.document_fromstring(content.coded, parser=parser)
    if parser.error_log.filter_from_fatals():
        raise MarkupError("file-malformed", "an HTML page nested deeper than its parser goes")
    if _STRAY(document):
        raise MarkupError("file-malformed", "a table of the page has text outside of its rows and cells")
    return grid([_cells(row) for row in document.iter("tr")])


def _cells(row: html.HtmlElement) -> list[str]:
    """Texts of a row's cells; a cell over several columns fills each of them, so that columns stay in line."""
    cells: list[str] = []
    for cell in row.iterchildren("td", "th"):
        span = cell.get("colspan", "1")
        # No layout has more than a few columns; the bound keeps a wrong number from filling the memory.
        width = min(int(span), 10) if span.isdecimal() else 1
        cells += [clean(cell.text_content())] * max(width, 1)
    return cells[:100]
