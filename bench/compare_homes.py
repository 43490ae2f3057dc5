"""Whether two versions of the code make the same of the same inputs: ``python -m bench.compare_homes BEFORE AFTER``.

Both are homes (``MUANG_HOME``) with nights of the same days, made on one machine: the charts of a page are laid out by
the fonts it has. Every file of the lake and of each city's current snapshot is compared: Parquet by its bytes, then
columns, then rows as multisets; JSON by its keys; pages by their elements. What differs between two runs of the very
same code is taken out first, and only that: ``_own`` says what and why. Exit codes: 0 no difference, 1 some, 2 wrong
use.
"""

import argparse
import difflib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

SHOWN = 3
"""Rows, keys or lines shown of a difference; their number is always told."""

SAME, ALIKE, OTHER = "identical", "alike", "different"
"""Same bytes; other bytes only for what two runs of one code differ in; anything else."""


@dataclass(frozen=True)
class Difference:
    """What is different about one file; ``before`` and ``after`` are up to ``SHOWN`` of what only that side has."""

    file: str
    what: str
    before: list[Any] = field(default_factory=list)
    after: list[Any] = field(default_factory=list)


class Home:
    """The files of a home under names that do not change from run to run, and what is this run's own in them."""

    def __init__(self, folder: Path) -> None:
        self.files = {path.relative_to(folder).as_posix(): path for path in _files(folder / "lake")}
        self.own: dict[str, dict[str, str]] = {}
        for pointer in sorted(folder.glob("cdp/*/current.json")):
            snapshot = pointer.parent / "snapshots" / json.loads(pointer.read_text())["snapshot_id"]
            city = pointer.parent.name
            self.own[city] = _own(json.loads((snapshot / "meta" / "manifest.json").read_text()))
            for path in _files(snapshot):
                # A part's name ends with its digest: with it, changed content would be two files that have no other.
                name = re.sub(r"^(part-\d+)-[0-9a-f]{8}(?=\.parquet$)", r"\1", path.name)
                self.files[f"cdp/{city}/{path.relative_to(snapshot).with_name(name).as_posix()}"] = path

    def rows(self, file: str) -> pl.DataFrame:
        """A Parquet file as it is."""
        return pl.read_parquet(self.files[file], hive_partitioning=False)

    def text(self, file: str) -> str:
        """A text file without what is its snapshot's own."""
        text = self.files[file].read_text()
        for name, value in self.own.get(file.split("/")[1], {}).items():
            text = text.replace(value, f"<{name}>")
        return text


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _own(manifest: dict[str, Any]) -> dict[str, str]:
    """What a snapshot tells of its own making: name → text. All of it is random or the time of day.

    The digests are those of the two files that hold the snapshot's id. Their content is compared all the same.
    """
    named = {file["path"]: file["sha256"] for file in manifest["files"]}
    own = {name: manifest[name] for name in ("snapshot_id", "parent", "run", "created") if manifest.get(name)}
    return own | {f"sha256 of {path}": named[path] for path in ("datapackage.json", "index.html")}


def compare(before: Home, after: Home) -> tuple[dict[str, Counter[str]], list[Difference]]:
    """Per table (and kind of file) how many files are the same, and every difference."""
    counts: dict[str, Counter[str]] = {}
    differences = []
    for file in sorted(before.files.keys() | after.files.keys()):
        found = _compared(before, after, file)
        outcome = found if isinstance(found, str) else OTHER
        counts.setdefault(_table(file), Counter())[outcome] += 1
        if isinstance(found, Difference):
            differences.append(found)
    return counts, differences


def _table(file: str) -> str:
    """``lake/<table>``, ``cdp/<table>``, or the name of another file of a snapshot."""
    stage, *parts = file.split("/")
    return f"{stage}/{parts[2] if parts[1] == 'data' else parts[-1]}" if stage == "cdp" else f"{stage}/{parts[0]}"


def _compared(before: Home, after: Home, file: str) -> str | Difference:
    for here, there, side in ((before, after, "before"), (after, before, "after")):
        if file not in there.files:
            return Difference(file, f"only {side} ({here.files[file].stat().st_size:,} bytes)")
    if before.files[file].read_bytes() == after.files[file].read_bytes():
        return SAME
    match Path(file).suffix:
        case ".parquet":
            return _frames(before, after, file)
        case ".json":
            keys = list(_keys(json.loads(before.text(file)), json.loads(after.text(file))))
            return Difference(file, f"{len(keys)} keys differ: {_some(keys)}") if keys else ALIKE
        case ".html":
            return _pages(before.text(file), after.text(file), file)
    return Difference(file, "other bytes")


def _frames(before: Home, after: Home, file: str) -> Difference:
    was, now = before.rows(file), after.rows(file)
    if was.schema != now.schema:
        columns = [f"{name} {was.schema.get(name)} → {now.schema.get(name)}" for name in was.schema | now.schema]
        changed = [text for text in columns if len({*text.split(" ", 1)[1].split(" → ")}) > 1]
        return Difference(file, f"columns differ: {'; '.join(changed) or 'their order'}")
    gone, come = _only(was, now), _only(now, was)
    if gone.height or come.height:
        what = f"{gone.height:,} rows only before, {come.height:,} only after, of {was.height:,} and {now.height:,}"
        return Difference(file, what, gone.head(SHOWN).to_dicts(), come.head(SHOWN).to_dicts())
    return Difference(file, "same rows, other bytes")


def _only(these: pl.DataFrame, those: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``these`` that ``those`` lacks; of equal rows as many as are missing."""
    numbered = [frame.with_columns(_nth=pl.int_range(pl.len()).over(frame.columns)) for frame in (these, those)]
    return numbered[0].join(numbered[1], on=numbered[0].columns, how="anti", nulls_equal=True).drop("_nth")


def _keys(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Keys under which two JSON values differ, as deep as both have the same shape."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before | after:
            if key in before and key in after:
                yield from _keys(before[key], after[key], f"{at}.{key}" if at else key)
            else:
                yield f"{at}.{key} only {'before' if key in before else 'after'}".lstrip(".")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for position, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _keys(one, other, f"{at}[{position}]")
    elif before != after:
        yield at


def _pages(before: str, after: str, file: str) -> str | Difference:
    # An element a line: a chart is one line of a page, and which of its labels moved would not be seen.
    was, now = (page.replace("><", ">\n<").splitlines() for page in (before, after))
    changes = list(difflib.unified_diff(was, now, n=0, lineterm=""))[2:]
    gone, come = ([line[1:] for line in changes if line[0] == sign] for sign in "-+")
    if not changes:
        return ALIKE
    return Difference(file, f"{len(gone)} lines only before, {len(come)} only after", gone[:SHOWN], come[:SHOWN])


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--json", action="store_true", help="what a script would read")
    arguments = parser.parse_args()
    for home in (arguments.before, arguments.after):
        if not (home / "lake").is_dir():
            parser.error(f"{home} is no home: it has no lake")
    counts, differences = compare(Home(arguments.before), Home(arguments.after))
    if arguments.json:
        found = {"tables": counts, "differences": [asdict(difference) for difference in differences]}
        print(json.dumps(found, ensure_ascii=False, indent=1, default=str))
    else:
        _show(counts, differences)
    return 1 if differences else 0


def _show(counts: dict[str, Counter[str]], differences: list[Difference]) -> None:
    print(f"{'table':32}{SAME:>10}{ALIKE:>10}{OTHER:>10}")
    for table, count in sorted(counts.items()):
        print(f"{table:32}{count[SAME]:10,}{count[ALIKE]:10,}{count[OTHER]:10,}")
    for difference in differences:
        print(f"\n{difference.file}: {difference.what}")
        for side in ("before", "after"):
            for row in getattr(difference, side):
                print(f"  {side:7}{row if isinstance(row, str) else _row(row)}")
    files = sum(count.total() for count in counts.values())
    print(f"\n{len(differences) or 'No'} differences in {files:,} files.")


def _row(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())


if __name__ == "__main__":
    sys.exit(main())
