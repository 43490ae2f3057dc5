"""Tables of several meters below each other in one sheet or text, each under its own title and the same header."""

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from assets.meters.formats.remarks import dated
from assets.meters.formats.tabular import Table, pieces_of


def blocks(table: Table) -> Iterator[Table]:
    """The table up to the next meter's, and those below it: where the layout has the meter from a row above the header
    (``point_above``), and the header stands again below a row that names another."""
    layout, row = table.layout, pl.col("row")
    found = [table]
    if layout.point_above and not layout.beside and layout.width is None:
        rows = pl.concat(pieces_of(table.content, table.place)).drop_nulls("cells").filter(row > table.at)
        again = rows.filter(pl.col("cells").list.contains(layout.stamp.columns[0]))
        stamps = (pl.col("cells").list.get(table.names.index(name), null_on_oob=True) for name in layout.stamp.columns)
        stamped = rows.filter(dated(stamps))["row"]
        for at, cells in again.iter_rows():
            last = stamped.filter(stamped < at).max() or table.at
            below = replace(table, at=at, above=rows.filter(row > last, row < at))
            if [cell.strip() for cell in cells] == table.header and below.named not in (None, found[-1].named):
                found.append(below)
    for block, following in zip(found, [*found[1:], None], strict=True):
        yield replace(block, until=following.above["row"][0]) if following else block
