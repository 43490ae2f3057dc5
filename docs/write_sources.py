"""Sources, their options and portals, written into sources.md: ``python docs/write_sources.py [--check]``.

Everything between the markers is what ``SOURCES`` and ``PORTALS`` declare; the prose around it is the page's own.
``--check`` writes nothing and exits 1 if the tables in the file are others.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from assets.lake.feeds import SOURCES
from assets.landing.portals import PORTALS
from assets.sources import thai
from assets.sources.source import Source

PAGE = Path(__file__).with_name("sources.md")
BEGIN, END = "<!-- written by docs/write_sources.py -->", "<!-- end of tables -->"

SMARTS = ("energy", "environment", "mobility", "living", "governance", "economy", "people")
"""In the order of the page."""

FEW = 8
"""Fields of a mapping that are named; one with more is described where it is declared."""

OPTIONS = "What a registry entry may choose (`options`); a source that is not named here takes no options."

NODES = "| `<node>_gdcatalog` | a province's node of the Government Data Catalog | per package | 60 | – |"

WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


class _Schema(GenerateJsonSchema):
    """JSON Schema in which a type that has none is any."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}


def tables() -> str:
    """All that is declared, as Markdown."""
    lines: list[str] = []
    for smart in SMARTS:
        head = ("source", "tables", "portal", "stamps", "no value", "units", "past days", "personal data")
        rows = (_source(source) for source in SOURCES.values() if source.smart == smart)
        lines += [f"## {smart.capitalize()}", "", *_table(head, rows), ""]
    head = ("option", "sources", "type", "default", "meaning")
    lines += ["## Options", "", OPTIONS, "", *_table(head, _options()), ""]
    head = ("portal", "publisher", "licence", "requests a minute", "keys")
    lines += ["## Portals", "", *_table(head, _portals()), NODES]
    return "\n".join(lines)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    cells = [*head]
    yield f"| {' | '.join(cells)} |"
    yield "|---" * len(cells) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def _source(source: Source[Any]) -> list[str]:
    places = [f"`{name}`" for name in ("portal", "url") if name in source.options.model_fields]
    portal = source.portal or f"the entry's {' or '.join(places or ['options'])}"
    return [
        f"`{source.name}`",
        ", ".join(f"`{table}`" for table in source.tables),
        "by file" if source.plan is None else portal + ", national" * source.national,
        f"{source.zone}, {source.label}",
        ", ".join(_marks(source.missing)) or "nothing",
        source.units,
        "yes" if source.past else "no",
        source.personal,
    ]


def _marks(missing: tuple[str, ...]) -> Iterator[str]:
    if missing[: len(thai.MISSING)] == thai.MISSING:
        yield "`assets.sources.thai.MISSING`"
        missing = missing[len(thai.MISSING) :]
    yield from (f"`{mark}`" if mark else "blank" for mark in missing)


def _options() -> Iterator[list[str]]:
    """One row an option; the sources that have it alike share the row."""
    found: dict[tuple[str, ...], list[str]] = {}
    for smart in SMARTS:
        for source in (source for source in SOURCES.values() if source.smart == smart):
            schema = source.options.model_json_schema(schema_generator=_Schema)
            for name, option in schema.get("properties", {}).items():
                default = "required" if name in schema.get("required", ()) else _default(option.get("default"))
                facts = (name, _type(option, schema.get("$defs", {})), default, option.get("description", ""))
                found.setdefault(facts, []).append(f"`{source.name}`")
    for (name, *facts), sources in found.items():
        yield [f"`{name}`", ", ".join(sources), *facts]


def _default(value: Any) -> str:
    if value in (None, (), [], {}):
        return "–"
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _type(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """A JSON Schema in words."""
    if "$ref" in schema:
        return _type(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        kinds = [_type(kind, defs) for kind in schema["anyOf"] if kind.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), defs)}"
    if kind == "object" and "properties" in schema:
        fields = [f"`{name}`" for name in schema["properties"]]
        return f"mapping of {', '.join(fields)}" if len(fields) <= FEW else "mapping"
    if kind == "object":
        of = _type({"type": "string"} | schema.get("propertyNames", {}), defs)
        return f"mapping of {of} to {_type(schema.get('additionalProperties', {}), defs)}"
    bounds = [f" {sign} {schema[bound]:g}" for bound, sign in BOUNDS.items() if bound in schema]
    return WORDS.get(str(kind), "any") + ",".join(bounds)


def _portals() -> Iterator[list[str]]:
    for name, there in PORTALS.items():
        yield [
            f"`{name}` {there.base_url}",
            there.publisher,
            there.licence + " (**non-commercial**)" * (not there.commercial),
            f"{there.per_minute:g}",
            ", ".join(f"`{key}`" for key in there.keys) or "–",
        ]


def written(page: str) -> str:
    """``page`` with the tables between its markers. Raises ``ValueError`` where it has none."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{PAGE.name} has no place for the tables: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def main() -> int:
    """Write, or with ``--check`` compare."""
    page = PAGE.read_text(encoding="utf-8")
    current = written(page)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(current, encoding="utf-8")
    elif current != page:
        print(f"{PAGE.name} is out of date: python docs/write_sources.py writes it anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
