"""A lake file as bytes: Parquet that is the same at any thread count, names its contract, and can tell damage.

The footer's metadata holds ``muang.contract`` (``<table>/<version>``) and ``muang.sha256``: the digest of the whole
file with zeros in the digest's own place, and where its writer gave one ``muang.outline``: what can be told of the rows
without reading them. So every byte of a file is checked whenever Muang reads it, and no second
file or ledger entry can lag behind it after a crash. Other engines see plain Parquet.
"""

import hashlib
import io
from collections.abc import Sequence

import polars as pl

from assets.landing.store import Damaged
from quality.contracts import Table

ROW_GROUP = 122_880
"""DuckDB's own row group; fixed, so that the bytes do not depend on the number of threads."""

CONTRACT, DIGEST, OUTLINE = "muang.contract", "muang.sha256", "muang.outline"
_BLANK = "0" * 64


class NewerContract(Exception):
    """A file of a contract that this version of Muang does not know yet; the message says what to do."""


def contract_of(table: Table) -> str:
    """What a file of a table says of its contract."""
    return f"{table.name}/{table.version}"


def encode(frame: pl.DataFrame, contract: str = "", outline: str = "") -> bytes:
    """Parquet bytes: zstd 3, explicit row groups (publishing research A.6: reproducible at any thread count)."""
    out = io.BytesIO()
    frame.rechunk().write_parquet(
        out,
        compression="zstd",
        compression_level=3,
        row_group_size=ROW_GROUP,
        metadata={CONTRACT: contract} | ({OUTLINE: outline} if outline else {}) | {DIGEST: _BLANK},
    )
    data = out.getvalue()
    at, digest = _place(data), hashlib.sha256(data).hexdigest()
    del data  # which is the buffer itself, and would be copied when that is written to
    out.seek(at)
    out.write(digest.encode())
    return out.getvalue()


def _place(data: bytes | bytearray) -> int:
    """Where the digest stands: the metadata comes after row groups and statistics, each value after a type byte and a
    length byte (Thrift compact protocol). -1 where there is none."""
    found = data.rfind(DIGEST.encode())
    return found + len(DIGEST) + 2 if found >= 0 else -1


def footer_size(tail: bytes) -> int:
    """Bytes of the end of a Parquet file that hold its footer, of which ``tail`` is the last ones."""
    return int.from_bytes(tail[-8:-4], "little") + len("PAR1") + 4


def outline_of(tail: bytes) -> str:
    """The outline that a footer tells; ``tail`` is the file or its end. Empty where there is none."""
    end = tail[-footer_size(tail) :]
    return pl.read_parquet_metadata(io.BytesIO(b"PAR1" + end)).get(OUTLINE, "")


def check(key: str, data: bytes, remedy: str) -> None:
    """Raise ``Damaged`` with ``remedy`` unless the bytes of ``key`` are those that were written. A file of before files
    carried a digest can only be told by its end."""
    if data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        raise Damaged(key, f"{len(data)} bytes that are no Parquet file", remedy)
    at = _place(data)
    if at < 0:
        return
    view = memoryview(data)
    digest = hashlib.sha256(view[:at])
    digest.update(_BLANK.encode())
    digest.update(view[at + len(_BLANK) :])
    if digest.hexdigest().encode() != view[at : at + len(_BLANK)]:
        raise Damaged(key, "its content does not have its digest", remedy)


def decode(table: Table, files: Sequence[bytes], where: pl.Expr | None = None) -> pl.DataFrame:
    """The rows of checked files in today's contract, those alone of ``where``: of older files, added columns are null,
    dropped ones left out, renamed ones (``Column.was``) found under their old names, and types cast without loss.

    Raises ``NewerContract`` for a file of a later contract, and ``polars.exceptions.PolarsError`` where a value does
    not fit the type that its column has today.
    """
    if not files:
        return table.empty()
    wanted = pl.lit(value=True) if where is None else where
    versions = [_version(table, data) for data in files]
    if all(version == table.version for version in versions):
        # One scan over all files takes a tenth of the time of one scan each. Columns may differ all the same: of a
        # lake from before files named their contract, or of a version that nobody raised.
        scan = pl.scan_parquet(list(files), schema=table.schema, missing_columns="insert", extra_columns="ignore")
        return (scan if where is None else scan.filter(where)).collect()
    return pl.concat([_in_contract(table, pl.read_parquet(io.BytesIO(data))) for data in files]).filter(wanted)


def is_current(table: Table, data: bytes) -> bool:
    """Whether a file is of today's contract and carries its digest."""
    return _place(data) >= 0 and _version(table, data) == table.version


def _version(table: Table, data: bytes) -> int:
    """The version of the contract that a file was written by; 0 for one that does not say."""
    said = pl.read_parquet_metadata(io.BytesIO(data)).get(CONTRACT, "")
    version = int(said.rpartition("/")[2] or 0)
    if version > table.version:
        raise NewerContract(
            f"{table.name} has files of contract {version}, this version of muang knows {table.version}: "
            "run the version that wrote them, or a later one"
        )
    return version


def _in_contract(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    def found(name: str) -> pl.Expr:
        column = table.by_column.get(name)
        names = (name, *(column.was if column else ()))
        there = next((each for each in names if each in frame.columns), None)
        return (pl.lit(None) if there is None else pl.col(there)).alias(name)

    return frame.select(found(name).cast(dtype) for name, dtype in table.schema.items())
