"""The meter register, a list that a utility or city delivers whole: ``point,zone,customer_class`` and what is optional.

It says which meters belong to the city, in which of its zones each lies, which class of customer it serves, and the
contract ``account`` that pays for it: who has many meters is one customer to the privacy gate. Further columns are
``valid_from``, ``serial`` (of the device), ``multiplier``, ``feeder`` (that supplies it), and of meters that are no
customers ``feeds`` (the feeder whose whole energy it measures) or ``check_of`` (the point that it checks).
``as_of``, the same in every row, is the first day that the register tells of. A register without it came with readings
of the day before and tells of that one on; with it, one that had been wrong is put right.
"""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from assets.meters.formats.stamps import parse
from assets.meters.listed import is_none, listed
from assets.sources import thai
from assets.sources.source import Options, ReadResult, Source
from quality.batch import Batch
from quality.tables import METERS

FORMAT = "meter_register"
COLUMNS = ("point", "zone", "customer_class")
OPTIONAL = ("account", "serial", "multiplier", "feeder", "feeds", "check_of")
MOST = 31
"""Days ahead on which rows of a register become valid: from each on there is a whole register of its own."""
LONG = 7
"""Letters and digits from which an account is a utility's number: PEA's have 12, MEA's 9, of which zeros go first."""
_NUMBER = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"
_SLUG = r"^[a-z0-9][a-z0-9_-]*$"


def read_register(data: bytes, name: str, day: date | None = None) -> ReadResult:
    """``tables["register"]``: ``COLUMNS``, ``OPTIONAL`` (null where there is none), ``as_of``, _row; a row a
    point and ``as_of``. Never raises on content. ``day`` is the delivery day.

    Of a point that occurs several times the row with the latest ``valid_from`` (yyyy-mm-dd, years CE) counts. Rows that
    become valid after ``as_of``, or untold after ``day``, count in a register of their own from that day on. The same
    date with another content is refused for all but the last row.
    """
    found = listed(FORMAT, data, COLUMNS, (*OPTIONAL, "valid_from", "as_of"))
    if isinstance(found, ReadResult):
        return found
    told = found.rows.select(pl.col("as_of").unique())
    of_days: list[date | None] = told.select(parse(pl.col("as_of"), "ymd").dt.date())["as_of"].to_list()
    as_of = of_days[0] if len(of_days) == 1 else None
    if as_of is None and any(told["as_of"]):
        return ReadResult.rejected(FORMAT, "file-malformed", "as_of is not one day, yyyy-mm-dd, the same in every row")
    if as_of is not None and day is not None and as_of > day:
        return ReadResult.rejected(FORMAT, "file-malformed", "as_of is after the day that the register came")
    classes = METERS.by_column["customer_class"].allowed or ()
    dated = pl.col("valid_from")
    rows = (
        _with_one_spelling(_without_marks(found))
        .with_columns(*(pl.when(pl.col(name) != "").then(name).alias(name) for name in OPTIONAL), dated=dated)
        .with_columns(valid_from=parse(dated, "ymd").dt.date())
        .refuse(
            (is_none(pl.col("point")), "value-null", "point is missing"),
            (~pl.col("zone").str.contains(_SLUG), "value-unknown", "zone is not a slug of a-z, 0-9, _ and -"),
            (~pl.col("customer_class").is_in(classes), "value-unknown", f"class is not one of {', '.join(classes)}"),
            *(
                (~pl.col(name).str.contains(_SLUG), "value-unknown", f"{name} is not a slug of a-z, 0-9, _ and -")
                for name in ("feeder", "feeds")
            ),
            (
                ~pl.col("multiplier").str.contains(_NUMBER) | ~pl.col("multiplier").str.contains("[1-9]"),
                "value-not-number",
                "the multiplier is not a positive number",
            ),
            (pl.col("check_of") == pl.col("point"), "value-unknown", "it checks itself"),
            ((pl.col("dated") != "") & pl.col("valid_from").is_null(), "stamp-bad", "valid_from is not yyyy-mm-dd"),
        )
    )
    if not rows.rows.height:
        why = ("file-malformed", "none of its rows can be read") if rows.problems else ("file-empty", "no rows")
        return ReadResult.of(FORMAT, register=rows.note(*why))
    ordered = rows.rows.sort("valid_from", "row", nulls_last=False)
    entry = ["point", "valid_from"]
    last = [pl.col(column).eq_missing(pl.col(column).last().over(entry)) for column in (*COLUMNS[1:], *OPTIONAL)]
    ordered = ordered.with_columns(_same=pl.all_horizontal(last), _last=pl.struct(entry).is_last_distinct())
    repeated = ordered.filter(pl.col("_same") & ~pl.col("_last"))["row"].sort()
    clash = "a later row has the same point and date and another content"
    register = replace(rows, rows=ordered).refuse((~pl.col("_same"), "key-duplicate", clash))
    if repeated.len():
        text = f"{repeated.len()} row(s) repeat another; the first is named"
        register = register.note("duplicate-rows", text, repeated[0])
    entries, until = register.rows.filter("_last"), as_of or day
    dates: list[date] = entries["valid_from"].drop_nulls().unique().sort().to_list()
    ahead = [each for each in dates if until is not None and each > until]
    later = [each for each in ahead if day is None or each <= day + METERS.ahead][:MOST]
    if left := ahead[len(later) :]:
        text = f"rows that become valid on {left[0]} or later: a register tells of {MOST} days in a year ahead at most"
        row = entries.filter(pl.col("valid_from") >= left[0])["row"].sort()[0]
        register = register.note("register-ahead", text, row)
    first = as_of or (day - timedelta(days=1) if day else None)
    stray = entries.filter(~pl.col("check_of").is_in(entries["point"].implode()))["row"].sort()
    if stray.len():
        text = f"{stray.len()} row(s) check a point that the register does not have; the first is named"
        register = register.note("check-unknown", text, stray[0])
    registers = [_told(entries, first, until), *(_told(entries, each, each) for each in later)]
    evidence = "header names point, zone and customer_class"
    return ReadResult.of(FORMAT, evidence, register=replace(register, rows=pl.concat(registers)))


def _without_marks(found: Batch) -> Batch:
    """``found`` with nothing where a mark stands for an account or device that is not told: all meters that have the
    mark would be one customer's."""
    for name in ("account", "serial", "check_of"):
        mark = (pl.col(name) != "") & is_none(pl.col(name))
        marked = found.rows.filter(mark)["row"]
        if marked.len():
            text = f"{marked.len()} row(s) have a mark for none in {name}, which is not told there; the first is named"
            found = found.with_columns(pl.when(~mark).then(name).otherwise(pl.lit("")).alias(name))
            found = found.note("value-missing", text, marked[0])
    return found


def _with_one_spelling(found: Batch) -> Batch:
    """``found`` with the longest spelling of each account, where rows write it with and without leading zeros, dashes
    or blanks: who pays by one account would be several customers to the privacy gate."""
    account = pl.col("account")
    plain = thai.clean(account).str.replace(r"\.0+$", "").str.replace_all(r"[^\pL\pN]", "")
    same = plain.str.to_lowercase().str.strip_chars_start("0")
    # Short ones may be numbers of houses, of which 12/3 and 1/23 are two.
    same = pl.when(same.str.len_chars() >= LONG).then(same).otherwise(account)
    longest = found.rows.select(account.sort_by(account.str.len_chars(), account).last().over(same)).to_series()
    other = found.rows["row"].filter(found.rows["account"] != longest)
    if other.len():
        text = f"{other.len()} row(s) write an account otherwise than others do; it is one; the first is named"
        found = found.note("label-misspelt", text, other[0])
    return found.with_columns(account=longest)


def _told(entries: pl.DataFrame, begins: date | None, until: date | None) -> pl.DataFrame:
    """The register that tells from a day on: of each point the last of its ``entries`` that are valid by ``until``."""
    valid = pl.lit(value=True) if until is None else pl.col("valid_from").is_null() | (pl.col("valid_from") <= until)
    rows = entries.filter(valid).unique("point", keep="last", maintain_order=True).sort("row")
    return rows.select(*COLUMNS, *OPTIONAL, as_of=pl.lit(begins, pl.Date), _row="row")


METER_REGISTER: Source[Options] = Source(
    name=FORMAT,
    title="Meter register",
    smart="energy",
    tables=(METERS.name,),
    portal=None,
    document="docs/meter-formats.md",
    plan=None,
    reader=lambda data, context: read_register(data, context.name, context.day),
    zone="Asia/Bangkok",
    label="period",
    missing=(*thai.MISSING, "0"),
    units="none",
    personal="metering points and contract accounts: landing only",
    version=3,
    keyed=True,
)
