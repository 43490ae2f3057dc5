"""The rules about how a day lies, in plain Python: of a group that is hours off, and of two meters for each other."""

from cmath import exp, pi
from math import dist, log
from statistics import mean

HOURS = [quarters / 4 for quarters in range(-47, 49)]


def shares(parts):
    return [part / sum(parts) for part in parts]


def shape(meter):
    """Eight parts of the day of 255 in all; None where they cannot be told."""
    told, size = meter.told(), len(meter.values) // 8
    if len(meter.values) % 8 or not told or min(told) < 0 or sum(told) <= 0:
        return None
    parts = [sum(value or 0 for value in meter.values[at : at + size]) for at in range(0, len(meter.values), size)]
    return [round(part / sum(told) * 255) for part in parts]


def usual_shape(like):
    sums = [sum(parts) for parts in zip(*(row["shape"] for row in like if row["shape"]), strict=True)]
    return sums if sum(sums) else None


def waves(parts):
    return [sum(part * exp(-2j * pi * wave * at / 8) for at, part in enumerate(parts)) for wave in (1, 2, 3)]


def apart(one, other, hours=0.0):
    """How far ``one`` is from ``other`` moved by some hours."""
    moved = [each * exp(-2j * pi * wave * hours / 24) for wave, each in zip((1, 2, 3), other, strict=True)]
    return sum(abs(a - b) ** 2 for a, b in zip(one, moved, strict=True))


def time_shift(members, day, days):
    own = {}
    for meter in members:
        today, usual = shape(meter), usual_shape(meter.like(day, days))
        if today and usual and meter.full():
            own[meter] = shares(today), shares(usual)
    if len(own) < 5:
        return
    now, before = (
        waves([mean(parts) for parts in zip(*told, strict=True)]) for told in zip(*own.values(), strict=True)
    )
    stays = apart(now, before)
    best = min(HOURS, key=lambda hours: apart(now, before, hours))
    if abs(best) < 1 or apart(now, before, best) > 0.1 * stays or stays < 0.03**2:
        return
    nearer = [
        meter
        for meter, (today, usual) in own.items()
        if apart(waves(today), waves(usual), best) < apart(waves(today), waves(usual))
    ]
    if len(nearer) >= 0.75 * len(own):
        for meter in nearer:
            if len(meter.like(day, days)) >= 3:
                meter.flag("time_shift")


def exchanged(members, day, days):
    has, asks = {}, {}
    for meter in members:
        like = meter.like(day, days)
        today, usual = shape(meter), usual_shape(like)
        if len(like) < 3 or not (today and usual and meter.full()) or not mean(row["energy"] for row in like):
            continue
        power = max(meter.told()) * 60 / meter.minutes
        has[meter] = [log(meter.energy()), log(power), *(3 * share for share in shares(today))]
        levels = (log(mean(row[name] for row in like)) for name in ("energy", "peak"))
        asks[meter] = [*levels, *(3 * share for share in shares(usual))]
    off = [meter for meter in has if dist(has[meter], asks[meter]) >= 1.5]
    fits = {(a, b) for a in off for b in off if dist(has[a], asks[b]) <= 0.3 * dist(has[a], asks[a])}
    both = [pair for pair in fits if pair[::-1] in fits]
    if off and ((len(fits) - len(both)) / len(off)) ** 2 / 2 > 0.25:
        return
    for one, other in both:
        if all(pair in ((one, other), (other, one)) for pair in both if one in pair or other in pair):
            one.flag("exchanged")
