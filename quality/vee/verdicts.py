"""What the gate says of judged meter days: for each rule how many meters and intervals, and what to do about it.

Messages count; they quote no value and no meter. What of them is published is for ``quality.disclosure``.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from quality.meter_grid import DAY_MINUTES
from quality.tables.vee import METER_FINAL, REGISTER_CHECKS
from quality.vee.rules import RULES, Rule
from quality.vee.scaling import WHY
from quality.vee.validate import Judged
from quality.vee.window import Ints
from quality.verdicts import Grade, Verdict

WARNING: Final = ("group_estimated", "label_shift", "secondary")
"""Notes that warn: what some meters have every night is no news, but what all of a zone or a file have is, and so is a
large site with a part of its energy."""

MANY: Final = ("replaced", "catch_up", "unusual_use", "peak_change", "clock", "interval_count")
"""Notes that warn where ``MANY_SHARE`` of the meters have them, and ``MANY_LEAST`` of them."""

MANY_SHARE: Final = 0.05
"""Ours: corrections of single meters come every night, those of a zone or a file are somebody's decision."""

MANY_LEAST: Final = 5
"""Fewer are no group, as ``group_least`` has it."""

TALLY: Final = pl.Schema(dict.fromkeys(("bit", "checked", "failed", "intervals", "first", "last"), pl.Int64))
"""Of the rules that could run over some meters of a day (``tallied``)."""

REGISTER_RULES: Final = {
    "step": ("A register fell, or was reset.", "Ask the utility whether the meter was exchanged or reset."),
    "start": (
        "A read does not begin with what the read before showed.",
        "Ask the utility whether the meter was exchanged, and whether reads of registers or meters were mixed up.",
    ),
    "quantity": (
        "The energy told with a read is not the register's step times its multiplier.",
        "Check the multiplier, and ask the utility for the read again.",
    ),
    "intervals": (
        "Intervals between two reads do not add up to what the register says.",
        "Check the multiplier of the intervals; look for missing or doubled days of these meters.",
    ),
    "rates": (
        "The registers of the rates do not add up to the total.",
        "Ask the utility for the reads again; a register may have been programmed anew.",
    ),
    "multiplier": (
        "The multiplier of the file is not the register's.",
        "Ask which is right; transformers may have been changed.",
    ),
}
"""Checks of registers: what is wrong, and what to do."""


def tallied(judged: Sequence[Judged]) -> pl.DataFrame:
    """What is told of some meters of a day, all their parts: a row a rule that could run (``bit``), with how many
    meters it ``checked``, how many of them ``failed``, in how many ``intervals``, and the minutes of the day at which
    the ``first`` of these begins and the ``last`` ends."""
    ids = pl.concat([pl.Series("meter_id", [], pl.String), *(part.day.channels["meter_id"] for part in judged)])
    sizes = np.cumsum([part.day.channels.height for part in judged])[:-1]
    meters = np.split(ids.rank("dense").to_numpy(), sizes)
    told = (_of_rule(rule, judged, meters) for rule in RULES)
    return pl.DataFrame(list(filter(None, told)), TALLY, orient="row")


def _of_rule(rule: Rule, judged: Sequence[Judged], meters: Sequence[Ints]) -> tuple[int | None, ...] | None:
    """``meters`` numbers the meter of each channel, the same in all parts."""
    checked = _distinct([ids[(part.rules_run & rule.mask) != 0] for part, ids in zip(judged, meters, strict=True)])
    if not checked:
        return None
    lines = [np.flatnonzero(part.found & rule.mask) for part in judged]
    broken = [part.broken(rule, of) for part, of in zip(judged, lines, strict=True)]
    failed = _distinct([ids[of][slots.any(axis=1)] for ids, of, slots in zip(meters, lines, broken, strict=True)])
    times = [
        (np.flatnonzero(slots.any(axis=0))[[0, -1]] + [0, 1]) * part.day.minutes
        for part, slots in zip(judged, broken, strict=True)
        if slots.any()
    ]
    first, last = (int(np.min(times)), int(np.max(times))) if times else (None, None)
    return rule.bit, checked, failed, sum(int(slots.sum()) for slots in broken), first, last


def _distinct(meters: Sequence[Ints]) -> int:
    return int(np.count_nonzero(np.bincount(np.concatenate(meters)))) if meters else 0


def meter_verdicts(day: date, tallies: Sequence[pl.DataFrame]) -> list[Verdict]:
    """One verdict a rule that could run, and one that names those that could not, of the ``tallied`` meters of a day,
    none of them in two."""
    counts, first, last = pl.col("checked", "failed", "intervals"), pl.col("first"), pl.col("last")
    rules = pl.concat([TALLY.to_frame(), *tallies]).group_by("bit").agg(counts.sum(), first.min(), last.max())
    told = {row["bit"]: row for row in rules.iter_rows(named=True)}
    found = [_verdict(rule, day, told[rule.bit]) for rule in RULES if rule.bit in told]
    idle = [rule.code for rule in RULES if rule.bit not in told]
    text = f"not looked at, as what they need is not known: {', '.join(idle)}" if idle else "all rules could run"
    return [*found, Verdict(METER_FINAL.name, "rules_run", "pass", len(RULES), len(idle), text)]


def noted(quality: pl.DataFrame) -> list[Verdict]:
    """One verdict a rule that only notes, of the ``METER_QUALITY`` rows of one day: as on the night that judged it."""
    rules = [rule for rule in RULES if rule.severity == "note"]
    masks = [(column, rule.mask) for rule in rules for column in ("rules_run", "flags")]
    having = (
        pl.col("meter_id").filter((pl.col(column) & pl.lit(mask, pl.UInt64)) != 0).n_unique() for column, mask in masks
    )
    counts = iter(quality.select(each.alias(str(at)) for at, each in enumerate(having)).row(0))
    told = ((rule, next(counts), next(counts)) for rule in rules)
    return [
        Verdict(METER_FINAL.name, rule.code, _grade(rule, checked, failed), checked, failed, rule.english)
        for rule, checked, failed in told
    ]


def _grade(rule: Rule, checked: int, failed: int) -> Grade:
    many = rule.code in MANY and failed >= max(MANY_LEAST, MANY_SHARE * checked)
    if not failed:
        return "pass"
    return "warn" if rule.severity == "suspect" or rule.code in WARNING or many else "note"


def _verdict(rule: Rule, day: date, told: dict[str, int]) -> Verdict:
    checked, failed = told["checked"], told["failed"]
    if not failed:
        return Verdict(METER_FINAL.name, rule.code, "pass", checked, 0, f"none of {checked} meters")
    what = "the values are not used" if rule.severity == "suspect" else "the values are used"
    text = (
        f"{failed} of {checked} meters, {told['intervals']} intervals between {_clock(told['first'])} and "
        f"{_clock(told['last'])} of {day}: {_lower(rule.english)}; {what}. {rule.advice}"
    )
    return Verdict(METER_FINAL.name, rule.code, _grade(rule, checked, failed), checked, failed, text)


def register_verdicts(checks: pl.DataFrame) -> list[Verdict]:
    """One verdict a kind of check, of ``REGISTER_CHECKS`` rows."""
    found = []
    for check, (wrong, advice) in REGISTER_RULES.items():
        ran = checks.filter(pl.col("check") == check, pl.col("outcome") != "not-run")
        if not ran.height:
            continue
        fails = ran.filter(pl.col("outcome").is_in(["fails", "fall", "reset"]))
        meters = fails["meter_id"].n_unique()
        text = f"{fails.height} of {ran.height} reads of {meters} meters: {_lower(wrong)} {advice}"
        verdict = Verdict(
            REGISTER_CHECKS.name,
            f"register_{check}",
            "warn" if fails.height else "pass",
            ran.height,
            fails.height,
            text if fails.height else f"none of {ran.height} reads",
        )
        found.append(verdict)
    return found


def scaling_verdict(periods: pl.DataFrame) -> Verdict:
    """What was made of the estimates of periods between two reads (rows of ``quality.vee.scaling.factors``)."""
    whys = periods.filter(pl.col("why") != "incomplete")["why"].value_counts(name="n").sort("why").iter_rows()
    done = periods["factor"].drop_nulls()
    beyond = periods.filter(why="beyond").height
    text = f"estimates of {done.len()} of {periods.height} periods between two reads are scaled to the register"
    told = [f"{count} {WHY[why]}" for why, count in whys]
    grade: Grade = "note" if beyond else "pass"
    return Verdict(METER_FINAL.name, "scaled", grade, periods.height, beyond, "; ".join([text, *told]))


def _clock(minute: int) -> str:
    return f"{min(minute, DAY_MINUTES) // 60:02}:{minute % 60:02}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
