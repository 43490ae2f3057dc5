"""The 15/15 gate: what is published of a day, once and once more, and planted violations."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from quality import privacy
from quality.tables import LOAD_PROFILE, LOAD_PROFILE_BASIS, QUARTERS

DAY = date(2026, 1, 1)
START = datetime(2025, 12, 31, 17, tzinfo=UTC)
"""Local midnight."""
SCHEMA = {
    name: LOAD_PROFILE_BASIS.schema[name]
    for name in ("meter_id", "customer_id", "local_date", "zone", "customer_class", *QUARTERS)
}
NOTHING = LOAD_PROFILE_BASIS.empty()

Kwh = float | None
Meters = dict[str, tuple[str, str, Kwh | tuple[Kwh, ...]]]


def group(zone: str, klass: str, *amounts: Kwh | tuple[Kwh, ...]) -> Meters:
    """Meters of a zone and class with their kWh, in the first slot of the day or the first few."""
    return {f"{zone}-{klass}-{at}": (zone, klass, amount) for at, amount in enumerate(amounts)}


def frame(*groups: Meters, customers: dict[str, str] | None = None) -> pl.DataFrame:
    rows = []
    for meters in groups:
        for meter, (zone, klass, told) in meters.items():
            amounts = told if isinstance(told, tuple) else (told,)
            energy = [None if kwh is None else round(kwh * 1_000_000) for kwh in amounts]
            unknown = [None] * (len(QUARTERS) - len(energy))
            rows.append((meter, (customers or {}).get(meter, meter), DAY, zone, klass, *energy, *unknown))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def publish(
    *groups: Meters, before: pl.DataFrame = NOTHING, restate: bool = False, customers: dict[str, str] | None = None
) -> tuple[dict[tuple[str, str], int | list[int]], pl.DataFrame, int]:
    """Values by (zone, class), the basis, and how many corrections were withheld; re-checked on the way."""
    members = frame(*groups, customers=customers)
    registered = members.select("meter_id", "zone", "customer_class").unique("meter_id", keep="first")
    basis, withheld = privacy.release(members, before, registered, restate)
    cells = privacy.cells(basis)
    assert LOAD_PROFILE.conform(cells).found.is_empty()
    assert LOAD_PROFILE_BASIS.conform(basis).found.is_empty()
    verdict = privacy.recheck(cells, basis, before)
    assert verdict.verdict == "pass", verdict
    values: dict[tuple[str, str], int | list[int]] = {}
    for (zone, klass), rows in cells.sort("start").group_by("zone", "customer_class", maintain_order=True):
        told = [int(kwh) for kwh in rows["kwh"].drop_nulls()]
        values[str(zone), str(klass)] = told if len(told) > 1 else told[0]
    return values, basis, withheld.height


def test_fifteen_equal_customers_are_published_and_fourteen_are_not():
    assert publish(group("a", "public", *[2] * 15))[0] == {("a", "public"): 30}
    assert publish(group("a", "public", *[2] * 14))[0] == {}


def test_exactly_fifteen_per_cent_is_published_and_a_millionth_more_is_not():
    assert publish(group("a", "public", 15, *[5] * 17))[0] == {("a", "public"): 100}
    assert publish(group("a", "public", 15.000001, *[5] * 17))[0] == {("a", "public"): 85}, "without it"


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
    assert privacy.cells(publish(group("a", "public", *[1] * n))[1])["n_band"].unique().to_list() == [band]


def test_share_of_delivered_is_in_steps_and_only_one_when_whole():
    shares = [
        privacy.cells(publish(group("a", "public", *[1] * 100, *[None] * gone))[1])["actual_share"][0]
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


def test_a_zone_stays_whole_if_it_can_and_takes_the_smallest_class_along_for_it():
    values, basis, _ = publish(
        group("a", "residential", *[1] * 90), group("a", "small_business", *[1] * 20), group("a", "public", *[1] * 5)
    )
    assert values == {("a", "residential"): 90, ("a", "other"): 25}
    assert set(basis.select("zone_share", "zone_lacks").iter_rows()) == {(1.0, None)}


def test_small_zones_are_merged():
    values, _, _ = publish(
        group("a", "public", *[1] * 9), group("b", "public", *[1] * 9), group("c", "residential", *[1] * 20)
    )
    assert values == {("c", "residential"): 20, ("other", "other"): 18}


def test_a_zone_that_a_customer_dominates_is_published_without_it_and_says_so():
    values, basis, _ = publish(
        group("a", "residential", *[1] * 50), group("a", "large_business", 60, 5, 5), group("c", "public", *[13] * 40)
    )
    assert values == {("a", "other"): 60, ("c", "public"): 520}, "two of three large ones are hidden among the homes"
    told = dict(basis.select("cell_zone", pl.struct("zone_share", "zone_lacks")).unique().iter_rows())
    assert told == {
        "a": {"zone_share": 0.95, "zone_lacks": "large_business"},
        "c": {"zone_share": 1.0, "zone_lacks": None},
    }


def test_a_customer_that_moved_since_is_lacked_by_the_zone_it_was_published_of():
    homes = group("a", "residential", *[1] * 50), group("b", "residential", *[1] * 50)
    members = frame(*homes, group("a", "large_business", 60), group("c", "public", *[40] * 14))
    registered = members.select("meter_id", "zone", "customer_class")
    basis = privacy.release(members, NOTHING, registered).basis
    moved = registered.with_columns(zone=pl.when(meter_id="a-large_business-0").then(pl.lit("b")).otherwise("zone"))
    basis = privacy.release(members, basis, moved).basis
    told = dict(basis.select("cell_zone", "zone_lacks").unique().iter_rows())
    assert told == {"a": "large_business", "b": None, "other": None}


def test_what_zones_lack_is_together_without_who_dominates_it_and_takes_no_cell_of_a_zone():
    zone = group("a", "residential", *[1] * 40), group("a", "small_business", *[1] * 30)
    crowd = group("b", "public", *[1] * 9), group("c", "public", *[1] * 9)
    of_zone = {("a", "residential"): 40, ("a", "small_business"): 30}
    values, basis, _ = publish(*zone, group("a", "large_business", 15), *crowd)
    assert values == of_zone | {("other", "other"): 18}
    assert basis.filter(cell_zone="a")["zone_lacks"].unique().to_list() == ["large_business"]
    assert publish(*zone, group("a", "large_business", 15))[0] == of_zone, "it is hidden nowhere"


def test_a_customer_no_crowd_can_hide_is_left_out_and_the_rest_is_published():
    values, _, _ = publish(group("a", "large_business", 1000), group("b", "public", *[1] * 30))
    assert values == {("b", "public"): 30}


def test_who_has_many_meters_is_one_customer():
    hotel = group("beach", "large_business", *[50] * 16)
    assert publish(hotel)[0] == {("beach", "large_business"): 800}
    one = dict.fromkeys(hotel, "the account of a hotel")
    assert publish(hotel, customers=one)[0] == {}
    homes = group("beach", "residential", *[10] * 30)
    assert publish(hotel, homes, customers=one)[0] == {("beach", "residential"): 300}
    shared = {meter: f"account {at // 2}" for at, meter in enumerate(hotel)}
    assert publish(hotel, customers=shared)[0] == {}, "eight customers"


def test_a_cell_exists_in_all_slots_of_its_day_or_in_none():
    steady = [(1.0, 1.0, 1.0)] * 20
    assert publish(group("a", "public", *steady))[0] == {("a", "public"): [20, 20, 20]}
    peak = [(1.0, 9.0, 1.0), *steady]
    assert publish(group("a", "public", *peak))[0] == {("a", "public"): [20, 20, 20]}, "without the one that stands out"
    few = [(1.0, None, 1.0)] * 6
    assert publish(group("a", "public", *few, *steady[:14]))[0] == {}, "fourteen in the middle"


def test_sums_are_exact_beyond_64_bits():
    """What a broken meter may tell: 2^63 millionths are 9.2 * 10^12 kWh."""
    most = 999_999_999_999
    values, _, _ = publish(group("a", "public", *[most] * 30), group("a", "residential", *[1] * 20))
    assert values["a", "public"] == 30 * most
    assert publish(group("a", "public", *[most] * 6, *[1] * 30))[0] == {("a", "public"): 30}


def test_a_slot_of_which_nobody_told_is_null_and_the_day_is_published():
    _, basis, _ = publish(group("a", "public", *[(1.0, 1.0)] * 20))
    gap = basis.with_columns(q0000=pl.lit(None, pl.Int64))
    assert privacy.cells(gap).sort("start")["kwh"].to_list()[:3] == [None, 20, None]
    assert privacy.violations(privacy.cells(gap), gap).is_empty()


CHANGES = {
    "a few are late": ([1] * 50 + [None] * 20, [1] * 53 + [None] * 17, 50),
    "many are late": ([1] * 50 + [None] * 20, [1] * 70, 70),
    "one is new": ([1] * 50, [1] * 51, 50),
    "many are new": ([1] * 50, [1] * 65, 65),
    "one is gone": ([1] * 50, [1] * 49, 50),
    "one changes most": ([10] * 50, [20] + [10.1] * 49, 500),
    "all double": ([1] * 50, [2] * 50, 100),
    "all but one double: 2 v1 - v2": ([4] * 15 + [7.2] + [4] * 9, [8] * 15 + [7.2] + [8] * 9, 103),
    "all but fourteen double": ([4] * 40, [8] * 26 + [4] * 14, 160),
    "half of them double": ([4] * 40, [8] * 20 + [4] * 20, 240),
    "all double but one by another factor": ([4] * 30, [8] * 29 + [6], 120),
    "all by nearly the same factor, one by another": ([4] * 30, [8 + k / 1000 for k in range(29)] + [40], 120),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_published_cell_is_corrected_in_the_restatement_only_and_only_if_both_versions_pass_together(name):
    was, now, value = CHANGES[name]
    values, basis, _ = publish(group("a", "residential", *was))
    later = group("a", "residential", *now)
    joined = len(now) > len(was)
    early, same, withheld = publish(later, before=basis)
    assert early["a", "residential"] == values["a", "residential"]
    assert withheld == (0 if joined else 1)
    assert same.filter(cell_class="residential")["meter_id"].equals(basis["meter_id"])
    restated, second, _ = publish(later, before=basis, restate=True)
    assert restated == {("a", "residential"): value}
    if restated != values:
        third = group("a", "residential", *[3] * len(now))
        assert publish(third, before=second, restate=True)[0] == restated, "once"


def test_published_cells_are_not_regrouped_when_a_class_shrinks_or_a_customer_moves():
    both = group("a", "residential", *[1] * 40), group("a", "public", *[1] * 20)
    values, basis, _ = publish(*both)
    assert publish(both[0], group("a", "public", *[1] * 5), before=basis, restate=True)[::2] == (values, 1)
    moved = {meter: ("b", "other", kwh) for meter, (_, _, kwh) in both[1].items()}
    assert publish(both[0], moved, before=basis, restate=True)[::2] == (values, 0)
    other = dict.fromkeys(both[1], "all of one account by now")
    assert publish(*both, before=basis, restate=True, customers=other)[::2] == (values, 0)


def test_a_zone_that_comes_a_day_late_is_published_beside_the_others():
    first = group("a", "residential", *[1] * 40), group("a", "public", *[1] * 20)
    values, basis, _ = publish(*first)
    late = group("b", "residential", *[2] * 30), group("b", "public", *[2] * 4)
    values, _, withheld = publish(*first, *late, before=basis)
    assert withheld == 0
    assert values == {("a", "residential"): 40, ("a", "public"): 20, ("b", "other"): 68}


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


def of_one(kwh: int) -> list[pl.Expr]:
    energy = kwh * 1_000_000
    return [pl.when(meter_id="a-public-0").then(energy).otherwise(name).alias(name) for name in QUARTERS[:2]]


@pytest.mark.parametrize(
    ("spoil_cells", "spoil_basis", "reason"),
    [
        (lambda c: c, lambda b: b.filter(pl.col("meter_id") < "a-public-2"), "fewer than 15 customers"),
        (lambda c: c, lambda b: b.with_columns(customer_id=pl.lit("one")), "fewer than 15 customers"),
        (lambda c: c, lambda b: b.filter(pl.col("cell_class") != "public"), "no customers are known for it"),
        (lambda c: c, lambda b: b.with_columns(pl.col(QUARTERS) * 0), "the sum is zero"),
        (lambda c: c, lambda b: pl.concat([b, b.head(1)]), "a customer is in it twice, or in another cell too"),
        (lambda c: c.with_columns(kwh=pl.col("kwh") + 1), lambda b: b, "the value is not the rounded sum"),
        (lambda c: c.with_columns(kwh=None), lambda b: b, "the value is not the rounded sum"),
        (lambda c: c.with_columns(n_band=pl.lit("1000+")), lambda b: b, "the band is not that of its customers"),
        (lambda c: c, lambda b: b.with_columns(of_one(90)), "a customer has more than 15 %"),
        (lambda c: c, lambda b: b.with_columns(of_one(-1)), "a customer's amount is negative"),
        (lambda c: c.filter(pl.col("start") > START), lambda b: b, "the cell has not all slots of its day"),
        (
            lambda c: c,
            lambda b: pl.concat(
                [b, b.filter(cell_class="residential").head(1).with_columns(cell_class=pl.lit("public"))]
            ),
            "a customer is in it twice, or in another cell too",
        ),
    ],
)
def test_the_recheck_finds_a_planted_violation(spoil_cells, spoil_basis, reason):
    _, basis, _ = publish(group("a", "public", *[(1, 2)] * 20), group("a", "residential", *[(1, 2)] * 40))
    cells = privacy.cells(basis)
    assert privacy.violations(cells, basis).is_empty()
    found = privacy.violations(spoil_cells(cells), spoil_basis(basis))
    assert reason in found["reason"].to_list()
    verdict = privacy.recheck(spoil_cells(cells), spoil_basis(basis))
    assert verdict.verdict == "block"
    assert "a-public" not in str(verdict)


def scaled(factor: float, upto: int) -> pl.Expr:
    mine = pl.col("meter_id").str.split("-").list.last().cast(pl.Int64) < upto
    return (pl.col(QUARTERS) * pl.when(mine).then(factor).otherwise(1)).round().cast(pl.Int64)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (lambda b: b.with_columns(scaled(2, 1)), "the correction fails 15/15"),
        (lambda b: b.with_columns(scaled(2, 29)), "not corrected fail 15/15"),
        (lambda b: b.with_columns(scaled(2, 29)).with_columns(scaled(3, 20)), "not corrected fail 15/15"),
        (lambda b: b.with_columns(scaled(2, 30)).with_columns(scaled(1.5, 1)), "a known factor"),
        (lambda b: b.with_columns(scaled(2, 30), restated=pl.lit(False)), "corrected that may not be"),
        (lambda b: b.with_columns(cell_class=pl.lit("other")), "left the cell"),
        (lambda b: b.filter(pl.col("meter_id") != "a-public-0"), "left the cell"),
        (lambda b: b.with_columns(customer_id=pl.lit("x") + pl.col("meter_id")), "another customer's"),
    ],
)
def test_the_recheck_finds_a_planted_difference_between_snapshots(now, reason):
    _, before, _ = publish(group("a", "public", *[1] * 30))
    after = now(before.with_columns(restated=pl.lit(True)))
    found = privacy.violations(privacy.cells(after), after, before)
    assert any(reason in text for text in found["reason"]), found
    assert privacy.violations(privacy.cells(before), before, before).is_empty()


def test_a_cell_is_not_corrected_twice_unnoticed():
    _, basis, _ = publish(group("a", "public", *[1] * 30))
    before = basis.with_columns(restated=pl.lit(True))
    found = privacy.violations(privacy.cells(before), before.with_columns(scaled(2, 30)), before)
    assert "a cell is corrected that may not be" in found["reason"].to_list()
