"""Answers to those who send files: what came of each, beside it in the inbox.

    <inbox>/<city>/<source>/_answers/<name>.json

``{"file", "receipt", "sha256", "day", "status", "rows", "refused", "problems": [{"row", "code", "reason"}]}``, where
``status`` is ``accepted``, ``partly``, ``refused`` or ``waiting`` (it is read again by the next night).
"""

import json
from typing import Any

import polars as pl

from assets.lake.files import CityLake
from assets.landing.deployment import Step
from assets.landing.inbox import ANSWERS, answer
from assets.landing.receipts import Receipt
from quality.tables import DELIVERIES, QUARANTINE

STATUS = {"failed": "waiting", "nothing": "waiting", "rejected": "refused", "partial": "partly", "ok": "accepted"}
"""A sender's word for what came of a delivery, worst first: of the tables that a file feeds, the worst counts."""

SHOWN = 1000
"""Problems in an answer; ``problems_in_all`` tells how many there are."""


def give(step: Step) -> int:
    """Answer the day's files of every inbox that has a folder for it; returns how many. Raises ``OSError``."""
    deployment, lake, given = step.deployment, CityLake.of(step), 0
    city = step.city
    waiting = [name for name in city.inboxes if (deployment.inbox / city.slug / name / ANSWERS).is_dir()]
    if not waiting:
        return 0
    entries, problems = lake.day(DELIVERIES, step.day), lake.day(QUARANTINE, step.day)
    for name in waiting:
        for receipt in deployment.archive.receipts_of_day(step.city.slug, step.day, name):
            mine = pl.col("receipt") == receipt.id
            if receipt.outcome == "unchanged" and not entries.filter(mine)["rows"].sum():
                continue  # it has its answer
            told = _answer(receipt, entries.filter(mine), problems.filter(mine))
            text = json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"
            answer(deployment.inbox, step.delivery(name), receipt.name, text)
            given += 1
    return given


def _answer(receipt: Receipt, entries: pl.DataFrame, problems: pl.DataFrame) -> dict[str, Any]:
    found = set(entries["status"])
    ordered = problems.sort("row", "code").select("row", "code", reason="message").unique(maintain_order=True)
    return {
        "file": receipt.name,
        "receipt": receipt.id,
        "sha256": receipt.sha256,
        "day": receipt.day.isoformat(),
        "status": next((word for status, word in STATUS.items() if status in found), "waiting"),
        "rows": int(entries["rows"].sum()),
        "refused": int(entries["refused"].sum()),
        "problems_in_all": ordered.height,
        "problems": ordered.head(SHOWN).to_dicts(),
    }
