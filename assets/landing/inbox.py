"""Inboxes: files that people or transfer jobs put under ``<inbox>/<city>/<source>/``.

Files are read, never moved or changed: whose they are is the sender's business. Names starting with a dot and files
that are still growing under a temporary name (``.part``, ``.tmp``, ``.filepart``) are left for the next night.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from assets.landing.archive import Archive, Delivery, Receipt

MAX_BYTES = 512 * 1024 * 1024
"""Largest file taken; a month of 15-minute data of 100,000 meters as NEM12 is about 2 GB and comes in parts."""

UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")


def files(inbox: Path, city: str, source: str) -> Iterator[Path]:
    """Finished files of a source, in order of their names, in subfolders too; links are not followed."""
    folder = inbox / city / source
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not path.is_symlink() and not hidden and path.suffix.lower() not in UNFINISHED:
            yield path


def land_inbox(archive: Archive, inbox: Path, delivery: Delivery) -> list[Receipt]:
    """Land every file of a source's inbox; a file past ``MAX_BYTES`` or unreadable is a receipt without bytes."""
    receipts = []
    city, source = delivery.city, delivery.source
    for path in files(inbox, city, source):
        # A name in a legacy Thai encoding is no UTF-8: its bytes are spelt out, as text they could not be stored.
        name = os.fsencode(path.relative_to(inbox / city / source)).decode("utf-8", "backslashreplace")
        problem: dict[str, str] = {}
        data: bytes | None = None
        try:
            if path.stat().st_size > MAX_BYTES:
                problem = {"code": "archive-limit", "reason": f"larger than {MAX_BYTES} bytes"}
            else:
                data = path.read_bytes()
        except OSError as error:
            problem = {"code": "answer-not-reached", "reason": f"cannot be read: {error.strerror}"}
        if data is not None and not data:
            problem = {"code": "file-empty", "reason": "0 bytes"}
        receipts.append(
            archive.land(
                delivery,
                name,
                f"inbox/{city}/{source}/{name}",
                data,
                "not-reached" if data is None else None,
                **problem,
            )
        )
    return receipts
