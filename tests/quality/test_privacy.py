"""The 15/15 gate: planted violations, and an attacker who has every snapshot and subtracts at will."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import combinations, pairwise, product

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from quality import privacy
from quality.tables import LOAD_PROFILE, LOAD_PROFILE_BASIS

START = datetime(2026, 1, 1, 5, tzinfo=UTC)
SCHEMA = {
    name: LOAD_PROFILE_BASIS.schema[name] for name in ("start", "meter_id", "local_date", "zone", "customer_class")
}
SCHEMA["kwh"] = pl.Decimal(18, 6)
NOTHING = LOAD_PROFILE_BASIS.empty()

Meters = dict[str, tuple[str, str, float | None]]


def group(zone: str, klass: str, *amounts: float | None) -> Meters:
    return {f"{zone}-{klass}-{at}": (zone, klass, amount) for at, amount in enumerate(amounts)}


def frame(*groups: Meters) -> pl.DataFrame:
    rows = [
        (START, meter, date(2026, 1, 1), zone, klass, None if kwh is None else Decimal(str(kwh)))
        for meters in groups
        for meter, (zone, klass, kwh) in meters.items()
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def publish(*groups: Meters, before: pl.DataFrame = NOTHING) -> tuple[dict[tuple[str, str], int], pl.DataFrame, int]:
    """Values by (zone, class), the basis, and how many corrections were withheld; re-checked on the way."""
    basis, withheld = privacy.release(frame(*groups), before)
    cells = privacy.cells(basis)
    assert LOAD_PROFILE.conform(cells).found.is_empty()
    assert LOAD_PROFILE_BASIS.conform(basis).found.is_empty()
    verdict = privacy.recheck(cells, basis, before)
    assert verdict.verdict == "pass", verdict
    return (
        {(z, c): int(k) for z, c, k in cells.select("zone", "customer_class", "kwh").iter_rows()},
        basis,
        withheld.height,
    )


def test_fifteen_equal_customers_are_published_and_fourteen_are_not():
    assert publish(group("a", "public", *[2] * 15))[0] == {("a", "public"): 30}
    assert publish(group("a", "public", *[2] * 14))[0] == {}


def test_exactly_fifteen_per_cent_is_published_and_a_millionth_more_is_not():
    assert publish(group("a", "public", 15, *[5] * 17))[0] == {("a", "public"): 100}
    assert publish(group("a", "public", 15.000001, *[5] * 17))[0] == {}


def test_missing_amounts_are_no_customers():
    assert publish(group("a", "public", *[2] * 14, None, None))[0] == {}


def test_a_sum_of_zero_would_tell_every_members_value():
    assert publish(group("a", "public", *[0] * 40))[0] == {}


@pytest.mark.parametrize(("amount", "shown"), [(0.1, 2), (0.125, 2), (0.175, 4), (0.17, 3)])
def test_values_are_rounded_to_one_kwh_half_to_even(amount, shown):
    assert publish(group("a", "public", *[amount] * 20))[0] == {("a", "public"): shown}


@pytest.mark.parametrize(
    ("n", "band"), [(15, "15-29"), (29, "15-29"), (30, "30-99"), (100, "100-299"), (999, "300-999"), (1000, "1000+")]
)
def test_customers_are_told_as_a_band(n, band):
    assert privacy.cells(publish(group("a", "public", *[1] * n))[1])["n_band"].to_list() == [band]


def test_share_of_delivered_is_in_steps_and_only_one_when_whole():
    shares = [
        privacy.cells(publish(group("a", "public", *[1] * 100, *[None] * gone))[1])["actual_share"].item()
        for gone in (0, 1, 5, 100)
    ]
    assert shares == [1.0, 0.95, 0.95, 0.5]


def test_small_classes_of_a_zone_are_merged():
    values, _, _ = publish(
        group("a", "residential", *[1] * 50), group("a", "public", *[2] * 8), group("a", "other", *[3] * 9)
    )
    assert values == {("a", "residential"): 50, ("a", "other"): 43}


def test_a_passing_class_other_shares_its_name_with_the_merged():
    values, _, _ = publish(group("a", "other", *[1] * 50), group("a", "public", *[2] * 3))
    assert values == {("a", "other"): 56}


def test_small_zones_are_merged():
    values, _, _ = publish(
        group("a", "public", *[1] * 9), group("b", "public", *[1] * 9), group("c", "residential", *[1] * 20)
    )
    assert values == {("c", "residential"): 20, ("other", "other"): 18}


def test_a_remainder_takes_the_smallest_cell_along():
    values, _, _ = publish(
        group("a", "public", *[1] * 5), group("b", "residential", *[1] * 90), group("c", "residential", *[1] * 20)
    )
    assert values == {("b", "residential"): 90, ("other", "other"): 25}


def test_a_large_customer_takes_cells_along_until_it_is_hidden():
    values, _, _ = publish(
        group("a", "large_business", 20),
        group("b", "public", *[1] * 30),
        group("c", "public", *[1] * 100),
        group("d", "public", *[1] * 200),
    )
    assert values == {("d", "public"): 200, ("other", "other"): 150}


def test_a_customer_no_crowd_can_hide_is_left_out_and_the_rest_is_published():
    values, _, _ = publish(group("a", "large_business", 1000), group("b", "public", *[1] * 30))
    assert values == {("b", "public"): 30}


def test_a_late_reading_of_a_few_is_withheld_and_one_of_many_is_taken_on():
    first = group("a", "residential", *[1] * 50, *[None] * 20)
    values, basis, _ = publish(first)
    few = first | group("a", "residential", *[1] * 50, *[1] * 3)
    assert publish(few, before=basis)[::2] == (values, 1)
    many = group("a", "residential", *[1] * 70)
    assert publish(many, before=basis)[::2] == ({("a", "residential"): 70}, 0)


def test_a_new_or_vanished_meter_does_not_change_a_published_cell():
    values, basis, _ = publish(group("a", "residential", *[1] * 50))
    assert publish(group("a", "residential", *[1] * 51), before=basis)[::2] == (values, 1)
    assert publish(group("a", "residential", *[1] * 49), before=basis)[::2] == (values, 1)


def test_a_correction_that_one_customer_dominates_is_withheld():
    values, basis, _ = publish(group("a", "residential", *[10] * 50))
    assert publish(group("a", "residential", 20, *[10.1] * 49), before=basis)[::2] == (values, 1)


def test_removing_many_and_adding_back_all_but_one_is_withheld():
    everyone = group("a", "residential", *[1] * 60)
    _, basis, _ = publish(everyone)
    values, basis, withheld = publish({m: v for m, v in everyone.items() if int(m.split("-")[2]) < 40}, before=basis)
    assert (values, withheld) == ({("a", "residential"): 40}, 0)
    values, _, withheld = publish({m: v for m, v in everyone.items() if int(m.split("-")[2]) != 50}, before=basis)
    assert (values, withheld) == ({("a", "residential"): 40}, 1)


def test_published_cells_are_not_regrouped_when_a_class_shrinks_or_a_customer_moves():
    both = group("a", "residential", *[1] * 40), group("a", "public", *[1] * 20)
    values, basis, _ = publish(*both)
    assert publish(both[0], group("a", "public", *[1] * 5), before=basis)[::2] == (values, 1)
    moved = {meter: ("b", "other", kwh) for meter, (_, _, kwh) in both[1].items()}
    assert publish(both[0], moved, before=basis)[::2] == (values, 0)


def test_a_zone_that_comes_a_day_late_is_published_beside_the_others():
    first = group("a", "residential", *[1] * 40), group("a", "public", *[1] * 20)
    values, basis, _ = publish(*first)
    late = group("b", "residential", *[2] * 30), group("b", "public", *[2] * 4)
    values, _, withheld = publish(*first, *late, before=basis)
    assert withheld == 0
    assert values == {("a", "residential"): 40, ("a", "public"): 20, ("other", "other"): 68}


def test_late_customers_do_not_join_a_taken_name():
    first = group("a", "residential", *[1] * 40), group("b", "public", *[1] * 9), group("c", "public", *[1] * 9)
    values, basis, _ = publish(*first)
    assert values == {("a", "residential"): 40, ("other", "other"): 18}
    late = [group(zone, "public", *[1] * 5) for zone in ("d", "e", "f", "g")]
    assert publish(*first, *late[:1], before=basis)[0] == values
    assert publish(*first, *late, before=basis)[0] == values
    assert publish(*first, *late)[0] == values | {("other", "other"): 38}


def test_publishing_again_changes_nothing():
    groups = group("a", "residential", *[1.5] * 40), group("b", "public", *[1] * 4), group("c", "public", *[2] * 30)
    values, basis, _ = publish(*groups)
    again, second, withheld = publish(*groups, before=basis)
    assert (again, withheld) == (values, 0)
    assert second.sort("meter_id").equals(basis.sort("meter_id"))


def of_one(kwh: float) -> pl.Expr:
    return pl.when(meter_id="a-public-0").then(kwh).otherwise("kwh").cast(pl.Decimal(18, 6)).alias("kwh")


@pytest.mark.parametrize(
    ("spoil_cells", "spoil_basis", "reason"),
    [
        (lambda c: c, lambda b: b.filter(pl.col("meter_id") < "a-public-2"), "fewer than 15 customers"),
        (lambda c: c, lambda b: b.filter(pl.col("cell_class") != "public"), "no customers are known for it"),
        (lambda c: c, lambda b: b.with_columns(kwh=pl.col("kwh") * 0), "the sum is zero"),
        (lambda c: c, lambda b: pl.concat([b, b.head(1)]), "a customer is in it twice, or in another cell too"),
        (lambda c: c.with_columns(kwh=pl.col("kwh") + 1), lambda b: b, "the value is not the rounded sum"),
        (lambda c: c.with_columns(n_band=pl.lit("1000+")), lambda b: b, "the band is not that of its customers"),
        (
            lambda c: c,
            lambda b: b.with_columns(of_one(90)),
            "a customer has more than 15 %",
        ),
        (
            lambda c: c,
            lambda b: b.with_columns(of_one(-1)),
            "a customer's amount is negative",
        ),
    ],
)  # fmt: skip
def test_the_recheck_finds_a_planted_violation(spoil_cells, spoil_basis, reason):
    _, basis, _ = publish(group("a", "public", *[1] * 20), group("a", "residential", *[1] * 40))
    cells = privacy.cells(basis)
    assert privacy.violations(cells, basis).is_empty()
    found = privacy.violations(spoil_cells(cells), spoil_basis(basis))
    assert reason in found["reason"].to_list()
    verdict = privacy.recheck(spoil_cells(cells), spoil_basis(basis))
    assert verdict.verdict == "block"
    assert "a-public" not in str(verdict)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (
            lambda b: b.with_columns(kwh=pl.col("kwh") + pl.when(meter_id="a-public-0").then(1).otherwise(0)),
            "fails 15/15",
        ),
        (lambda b: b.with_columns(kwh=pl.col("kwh") + 1), "corrected again"),
        (lambda b: b.with_columns(cell_class=pl.lit("other")), "left the cell"),
        (lambda b: b.filter(pl.col("meter_id") != "a-public-0"), "left the cell"),
    ],
)
def test_the_recheck_finds_a_planted_difference_between_snapshots(now, reason):
    _, basis, _ = publish(group("a", "public", *[1] * 30))
    before = basis.with_columns(revised=pl.lit(True))
    after = now(before).cast({"kwh": pl.Decimal(18, 6)})
    found = privacy.violations(privacy.cells(after), after, before)
    assert any(reason in text for text in found["reason"])


# The attacker. Every customer's part in a value is (present, kwh); a value is the sum of the parts of its customers.

Vector = dict[str, tuple[int, Decimal]]
ZERO = (0, Decimal(0))


def difference(left: list[Vector], right: list[Vector]) -> dict[str, Decimal]:
    """What is left of each customer when the values of ``right`` are taken from those of ``left``."""
    parts: Vector = {}
    for sign, vectors in ((1, left), (-1, right)):
        for vector in vectors:
            for meter, (present, kwh) in vector.items():
                was = parts.get(meter, ZERO)
                parts[meter] = was[0] + sign * present, was[1] + sign * kwh
    return {meter: part[1] for meter, part in parts.items() if part != ZERO}


def passes(parts: dict[str, Decimal]) -> bool:
    """15 customers; and where all parts have one sign, so that they are a sum, none above 15 % of it."""
    amounts = list(parts.values())
    if len(amounts) < 15:
        return False
    if all(a >= 0 for a in amounts) or all(a <= 0 for a in amounts):
        total = abs(sum(amounts))
        return total > 0 and all(abs(a) * 100 <= total * 15 for a in amounts)
    return True


def vectors(basis: pl.DataFrame) -> dict[tuple[str, str], Vector]:
    found: dict[tuple[str, str], Vector] = {}
    for zone, klass, meter, kwh in basis.select("cell_zone", "cell_class", "meter_id", "kwh").iter_rows():
        if kwh is not None:
            found.setdefault((zone, klass), {})[meter] = (1, kwh)
    return found


groups = [(zone, klass) for zone in ("a", "b", "c") for klass in ("residential", "public")]
amount = st.sampled_from([1, 1, 1, 2, 3])
edit = st.tuples(
    st.sampled_from(["remove", "add", "new", "change", "move"]),
    st.sampled_from([0, 1, 2, 20, 45, 60]),
    st.sampled_from([1, 2, 15, 18, 20, 40]),
    st.integers(1, 4),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from([0, 3, 9, 14, 15, 25, 45]), min_size=6, max_size=6),
    st.lists(amount, min_size=120, max_size=120),
    st.lists(st.lists(edit, max_size=3), min_size=1, max_size=4),
    st.integers(0, 60),
)
def test_no_difference_of_published_values_is_a_set_that_fails(sizes, amounts, nights, giant):
    meters: Meters = {}
    for (zone, klass), size in zip(groups, sizes, strict=True):
        meters |= group(zone, klass, *amounts[:size])
    meters["a-giant"] = ("a", "public", giant)
    everyone = dict(meters)
    order = sorted(everyone)
    basis, snapshots = NOTHING, []
    for edits in [[], *nights]:
        for kind, at, count, step in edits:
            chosen = [order[(at + k) % len(order)] for k in range(min(count, len(order)))]
            for k, meter in enumerate(chosen):
                zone, klass, kwh = everyone[meter]
                if kind == "remove":
                    meters.pop(meter, None)
                elif kind == "add":
                    meters[meter] = everyone[meter]
                elif kind == "new":
                    meters[f"{meter}-new{at}-{k}"] = (zone, klass, kwh)
                elif kind == "change" and meter in meters:
                    meters[meter] = (zone, klass, kwh + step)
                elif meter in meters:
                    meters[meter] = (*groups[step], kwh)
        _, basis, _ = publish(meters, before=basis)
        snapshots.append(vectors(basis))
    for cells in snapshots:
        assert all(passes(difference([vector], [])) for vector in cells.values())
    distinct = [snapshots[0], *(b for a, b in pairwise(snapshots) if a != b)]
    for earlier, later in combinations(distinct, 2):
        names = sorted({*earlier, *later})[:4]
        for signs in product((0, 1), repeat=2 * len(names)):
            left = [later[n] for n, s in zip(names, signs, strict=False) if s and n in later]
            right = [earlier[n] for n, s in zip(names, signs[len(names) :], strict=False) if s and n in earlier]
            remains = difference(left, right)
            assert not remains or passes(remains)
    for name in {name for cells in distinct for name in cells}:
        versions = [cells[name] for cells in distinct if name in cells]
        for signs in product((-1, 0, 1), repeat=len(versions)):
            plus = [v for v, s in zip(versions, signs, strict=True) if s > 0]
            minus = [v for v, s in zip(versions, signs, strict=True) if s < 0]
            remains = difference(plus, minus)
            assert not remains or len(remains) >= 15
