"""Mutations of a file: what transfer, people and attackers do to exports. Each is a pure function of bytes and chance.

A mutation says what may come of it: after ``cut`` a reader must never report a smaller count as if all were well.
"""

import gzip
import io
import random
import zipfile
from collections.abc import Callable, Sequence

Mutation = Callable[[bytes, random.Random], bytes]

HUGE = 1_000_000
"""Characters of a huge cell: far beyond any identifier or number."""

BOMB = b"0" * 20_000_000
"""More than twice what a small archive may unpack to."""


def cut(data: bytes, chance: random.Random) -> bytes:
    """Stop in the middle."""
    return data[: chance.randrange(len(data))] if data else data


def flip(data: bytes, chance: random.Random) -> bytes:
    """Flip one to eight bits."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        if found:
            found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def drop(data: bytes, chance: random.Random) -> bytes:
    """Lose a piece."""
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.randint(1, 200) :]


def repeat(data: bytes, chance: random.Random) -> bytes:
    """Send a piece twice."""
    start = chance.randrange(len(data) + 1)
    end = start + chance.randint(1, 500)
    return data[:end] + data[start:end] + data[end:]


def shuffle_lines(data: bytes, chance: random.Random) -> bytes:
    """Swap two lines, or send one twice."""
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
        if chance.random() < 0.5:
            lines[first], lines[second] = lines[second], lines[first]
        else:
            lines.insert(first, lines[second])
    return b"".join(lines)


def swap_fields(data: bytes, chance: random.Random) -> bytes:
    """Swap two fields of one line."""
    lines = data.splitlines(keepends=True)
    if lines:
        at = chance.randrange(len(lines))
        mark = chance.choice((b",", b";", b"|", b"'", b"+", b"\t"))
        fields = lines[at].split(mark)
        if len(fields) > 1:
            first, second = chance.randrange(len(fields)), chance.randrange(len(fields))
            fields[first], fields[second] = fields[second], fields[first]
        lines[at] = mark.join(fields)
    return b"".join(lines)


def odd_value(data: bytes, chance: random.Random) -> bytes:
    """Put something odd where a digit is."""
    digits = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
    if not digits:
        return data
    at = chance.choice(digits)
    odd = (
        b"",
        b"-",
        b"NaN",
        b"1e309",
        b"1E3",
        b"0x1f",
        b" ",
        b"\x00",
        b"\xe0\xb9\x92",
        b"9" * 40,
        b"=1+1",
        b"\xff",
        b"2568",
    )
    return data[:at] + chance.choice(odd) + data[at + 1 :]


def huge_cell(data: bytes, chance: random.Random) -> bytes:
    """Put a million characters into a place."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice((b"9", b"a", b" ", b'"', b"<", b"\xe0\xb8\x81")) * HUGE + data[at:]


def recode(data: bytes, chance: random.Random) -> bytes:
    """Change encoding or line ends."""
    text = data.decode("utf-8", errors="replace")
    return chance.choice(
        (
            text.encode("utf-16"),
            text.encode("utf-16-be"),
            b"\xef\xbb\xbf" + data,
            text.encode("cp874", errors="replace"),
            data.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\n", b"\n\n"),
            data.rstrip(),
        )
    )


def entities(data: bytes, chance: random.Random) -> bytes:
    """Declare entities: billion laughs, or a file of the machine."""
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    bomb = b'<!DOCTYPE r [<!ENTITY l0 "ha">' + laughs + b"]>"
    external = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    declared = chance.choice((bomb, external))
    name = b"&l9;" if declared is bomb else b"&x;"
    head, mark, tail = data.partition(b"?>")
    body = tail if mark else data
    at = chance.randrange(len(body) + 1)
    return (head + mark if mark else b"") + declared + body[:at] + name + body[at:]


def nested(data: bytes, chance: random.Random) -> bytes:
    """Open ten thousand elements."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + b"<a>" * 10_000 + data[at:]


def archive(data: bytes, chance: random.Random) -> bytes:
    """Pack it: soundly, with a path that leaves the folder, as a bomb, broken, or gzip with more behind."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        kind = chance.randrange(5)
        packed.writestr(("a.csv", "../../etc/a.csv", "a.csv", "a/" * 300 + "a.csv", "/a.csv")[kind], data)
        if kind == 2:
            packed.writestr("bomb.csv", BOMB, compresslevel=1)
    made = out.getvalue()
    return chance.choice((made, made, flip(made, chance), cut(made, chance), gzip.compress(data) + data[:50]))


def noise(data: bytes, chance: random.Random) -> bytes:
    """Overwrite a piece with random bytes."""
    start = chance.randrange(len(data) + 1)
    return data[:start] + chance.randbytes(chance.randint(1, 300)) + data[start + 100 :]


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        *(cut, flip, drop, repeat, shuffle_lines, swap_fields, odd_value),
        *(huge_cell, recode, entities, nested, archive, noise),
    )
}

WEIGHTS = {"huge_cell": 0.1, "archive": 0.3, "entities": 0.4, "nested": 0.3}
"""Slow or seldom ones, against 1 for the others."""


INSIDE = 0.75
"""Share of a workbook's mutations that are made to a part of it: damage to the archive around it seldom opens."""


def inside(data: bytes, names: Sequence[str], chance: random.Random) -> bytes:
    """A workbook (ZIP) with mutations of one of its parts, most often one that holds cells."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        parts = {info: book.read(info) for info in book.infolist()}
        cells = [part for part in parts if "sheet" in part.filename or "sharedStrings" in part.filename]
        chosen = chance.choice(cells if chance.random() < 0.9 else list(parts))
        for part, content in parts.items():
            if part is chosen:
                for name in names:
                    content = MUTATIONS[name](content, chance)
            packed.writestr(part, content, compresslevel=1)
    return out.getvalue()


def mutated(data: bytes, chance: random.Random) -> tuple[str, bytes]:
    """One mutation, or a few on top of each other; its name and the bytes."""
    names = chance.choices(
        list(MUTATIONS), [WEIGHTS.get(name, 1.0) for name in MUTATIONS], k=chance.choice((1, 1, 1, 2, 3))
    )
    if data.startswith(b"PK") and chance.random() < INSIDE:
        return "inside:" + "+".join(names), inside(data, names, chance)
    for name in names:
        data = MUTATIONS[name](data, chance)
    return "+".join(names), data
