"""The rules in plain Python, one meter and one interval at a time, written from what they say, not their code."""

from datetime import timedelta
from itertools import pairwise
from statistics import mean, median, quantiles

from tests.vee.shape_model import exchanged, time_shift

ESTIMATES = {"substituted", "substituted_temporary", "suspect", "forecast"}
FULL = [(2**bits - 1) / scale for bits in (24, 31, 32) for scale in (1, 10, 100, 1000)]
FULL += [8590.017, 34364.271, 38655.37, 186227.0865]
UPPER = {"residential": 83, "small_business": 83, "medium_business": 1200, "large_business": 100000, "public": 1200}
SPIKE = {"residential": 15, "small_business": 20, "large_business": 500}
SUSPECT = {
    "actual_replaced", "sentinel", "negative", "upper_limit", "spike", "zero_run", "frozen", "meter_scale",
    "group_scale", "aggregate", "time_shift", "exchanged",
}  # fmt: skip


class Meter:
    """A channel's day: ``values`` (None where there is none), qualities, what the register and the past say.

    ``past`` are dicts by day: energy, peak, least, actual, expected, suspect, zero_minutes, estimated_days, shape.
    """

    def __init__(self, name, zone, customer_class, minutes, values, qualities, past, before):
        self.name, self.zone, self.customer_class, self.minutes = name, zone, customer_class, minutes
        self.values, self.qualities, self.past, self.before = list(values), qualities, past, before
        self.found = set()

    def told(self):
        return [value for value in self.values if value is not None]

    def flag(self, code, slots=None):
        for slot in range(len(self.values)) if slots is None else slots:
            if slots is not None or self.values[slot] is not None:
                self.found.add((self.name, slot, code))

    def like(self, day, days):
        return [
            row
            for at, row in self.past.items()
            if at < day and at in days and row["actual"] >= 0.9 * row["expected"] and row["suspect"] == 0
            and row["energy"] is not None
        ]  # fmt: skip

    def full(self):
        return len(self.told()) >= 0.9 * len(self.values)

    def energy(self):
        return sum(self.told()) * len(self.values) / len(self.told())

    def forget(self):
        """Values that a rule made suspect are not there for the rules of the next stage."""
        for _, slot, code in self.found:
            if code in SUSPECT:
                self.values[slot] = None


def runs(values, same):
    """(first, after the last) of runs of slots of which each is ``same`` as the one before it."""
    start = 0
    for at in range(1, len(values) + 1):
        if at == len(values) or not same(values[at - 1], values[at]):
            yield start, at
            start = at


def judge(meters, day, days, receipts_of, off=()):
    """Every (meter, slot, code) of the meters of a day; ``days`` are those like it, ``off`` of a day off those that it
    may rest like."""
    groups = {}
    for meter in meters:
        groups.setdefault(("zone", meter.zone), []).append(meter)
        groups.setdefault(("receipt", receipts_of(meter)), []).append(meter)
    zones = [members for (kind, _), members in groups.items() if kind == "zone"]
    for meter in meters:
        first(meter, day, days)
    for members in groups.values():
        together(members, day, days)
        time_shift(members, day, days)
        exchanged(members, day, days)
    for meter in meters:
        meter.forget()
    for meter in meters:
        second(meter, day, days, off)
    for members in zones:
        sums(members)
    for meter in meters:
        meter.forget()
    for meter in meters:
        third(meter, day, days)
    for members in zones:
        some = [meter for meter in members if meter.told()]
        total = sum(sum(meter.told()) for meter in some)
        for meter in some if len(some) >= 5 else []:
            if sum(meter.told()) > 0.3 * total:
                meter.flag("dominant")
    return set().union(*(meter.found for meter in meters))


def first(meter, day, days):
    meter.flag("gap", [slot for slot, value in enumerate(meter.values) if value is None])
    for slot, (value, quality) in meter.before.items():
        if value != meter.values[slot]:
            meter.flag("replaced", [slot])
        if quality == "actual" and meter.values[slot] is not None and meter.qualities[slot] in ESTIMATES:
            meter.flag("actual_replaced", [slot])
    estimated = sum(v is not None and q in ESTIMATES for v, q in zip(meter.values, meter.qualities, strict=True))
    eve = meter.past.get(day - timedelta(days=1))
    if estimated and estimated * 2 >= len(meter.told()) and (eve["estimated_days"] if eve else 0) + 1 > 7:
        meter.flag("long_estimated")
    for slot, value in enumerate(meter.values):
        if value is not None and any(abs(value - full) <= 0.005 for full in FULL):
            meter.flag("sentinel", [slot])
        if value is not None and value < 0:
            meter.flag("negative", [slot])
    if not any(at < day for at in meter.past) and meter.values[0] is None and meter.told():
        meter.flag("partial_edge")
    like = meter.like(day, days)
    if len(like) < 3 or not meter.full():
        return
    usual = mean(row["energy"] for row in like)
    pairs = [
        (meter.energy(), usual),
        (max(meter.told()) * 60 / meter.minutes, mean(row["peak"] for row in like)),
        (min(meter.told()) * 60 / meter.minutes, mean(row["least"] for row in like)),
    ]
    factors = [now / then if now > 0 and then > 0 else None for now, then in pairs]
    if None in factors[:2]:
        return
    known = [factor for factor in factors if factor is not None]
    slip = usual >= 0.1 and (min(known) >= 100 or max(known) <= 1 / 100)
    beyond = (
        meter.energy() > 3 * max(row["energy"] for row in like)
        or meter.energy() < min(row["energy"] for row in like) / 3
    )
    if slip or (None not in factors and max(known) <= 1.5 * min(known) and beyond):
        meter.flag("meter_scale")


def together(members, day, days):
    some = [meter for meter in members if meter.told()]
    shares = [
        sum(v is not None and q in ESTIMATES for v, q in zip(m.values, m.qualities, strict=True)) / len(m.told())
        for m in some
    ]
    if len(some) >= 5 and mean(shares) >= 0.5:
        for meter in some:
            meter.flag(
                "group_estimated",
                [s for s, v in enumerate(meter.values) if v is not None and meter.qualities[s] in ESTIMATES],
            )
    for edge, other in ((0, -1), (-1, 0)):
        lacking = [
            m for m in some
            if m.values[edge] is None and m.values[other] is not None and None not in m.values[1:-1]
        ]  # fmt: skip
        if len(some) >= 5 and len(lacking) >= 0.9 * len(some):
            for meter in lacking:
                meter.flag("label_shift")
    factors = {}
    for meter in members:
        like = meter.like(day, days)
        usual = mean(row["energy"] for row in like) if like else 0
        if len(meter.told()) and meter.full() and usual > 0 and sum(meter.told()) > 0:
            factors[meter] = meter.energy() / usual
    if len(factors) >= 5:
        middle = median(factors.values())
        low, _, high = quantiles(factors.values(), n=4, method="inclusive")
        if (middle > 2.5 or middle < 1 / 2.5) and high / low <= 2:
            for meter, factor in factors.items():
                if (factor > 2.5 or factor < 1 / 2.5) and len(meter.like(day, days)) >= 3:
                    meter.flag("group_scale")


def second(meter, day, days, off):
    told = sorted(meter.told(), reverse=True)
    hour = 60 / meter.minutes
    for slot, value in enumerate(meter.values):
        if value is None:
            continue
        if value * hour > UPPER.get(meter.customer_class, 5000):
            meter.flag("upper_limit", [slot])
        own = sorted(row["peak"] or 0 for at, row in meter.past.items() if at < day)
        least = max(SPIKE.get(meter.customer_class, 50), 1.2 * own[-3] if len(own) > 2 else 0)
        if len(told) >= 3 and told[2] > 0 and value > told[2] * 2.8 and value * hour > least:
            meter.flag("spike", [slot])
    eve = meter.past.get(day - timedelta(days=1))
    used = any((row["energy"] or 0) > 0 for row in meter.past.values())
    limit = (168 if meter.customer_class == "residential" else 24) * 60
    had = [at for at, row in meter.past.items() if at < day and (row["energy"] or 0) > 0]
    calm = off or days
    rests = [at for at, row in meter.past.items() if at in calm and row["energy"] == 0 and at < max(had, default=at)]
    order = sorted(at for at in meter.past if at < day)
    returns = sum(after in had and meter.past[at]["zero_minutes"] >= 720 for at, after in pairwise(order))
    for start, end in runs(meter.values, lambda a, b: a == b == 0):
        rested = len(rests) >= 3 or any(off and at in days for at in rests)
        if meter.values[start] == 0 and not rested and (used or not any(at < day for at in meter.past)):
            carried = eve["zero_minutes"] if eve and start == 0 and not (returns >= 3 and max(told) > 0) else 0
            if (end - start) * meter.minutes + carried >= limit:
                meter.flag("zero_run", range(start, end))
    uneven = [at for at in had if not 0 < meter.past[at]["peak"] <= 1.5 * meter.past[at]["least"]]
    even = [at for at in had if at not in uneven and at in calm]
    stands = [at for at in even if at < max(uneven, default=at)]
    low = told and told[0] * hour <= 1.5 * max((meter.past[at]["peak"] for at in even), default=0)
    stood = len(stands) >= 3 or any(off and at in days for at in stands)
    if told and (uneven or len(had) < 3) and not (low and stood):
        most = max(set(told), key=told.count)
        if most > 0 and told.count(most) >= 0.95 * len(meter.values):
            meter.flag("frozen", [slot for slot, value in enumerate(meter.values) if value == most])


def sums(members):
    some = [meter for meter in members if meter.told()]
    if len(some) < 5:
        return
    main = max(some, key=lambda meter: sum(meter.told()))
    others = [sum(m.values[s] or 0 for m in some if m is not main) for s in range(len(main.values))]
    if None in main.values or min(others) <= 0 or len(set(others)) == 1:
        return
    ratio = [value / other for value, other in zip(main.values, others, strict=True)]
    spread = (sum((each - mean(ratio)) ** 2 for each in ratio) / len(ratio)) ** 0.5
    if spread <= 0.05 * mean(ratio) and mean(ratio) >= 0.2:
        main.flag("aggregate")


def third(meter, day, days):
    for start, end in runs(meter.values, lambda a, b: a is not None and a == b):
        if meter.values[start] and end - start >= 8:
            meter.flag("flat_run", range(start, end))
    like = meter.like(day, days)
    if len(like) < 3:
        return
    if meter.told() and meter.full():
        usual = mean(row["energy"] for row in like)
        if meter.energy() > 2.5 * usual or meter.energy() < 0.2 * usual:
            meter.flag("unusual_use")
    highest = max(row["peak"] for row in like)
    for slot, value in enumerate(meter.values):
        if value is not None and value * 60 / meter.minutes > 2 * highest:
            meter.flag("peak_change", [slot])
