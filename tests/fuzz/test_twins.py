"""A fixed small sample of the twins of ``make fuzz``: no accepted file differs from its twin in another shape."""

import pytest

from tests.fuzz import standards
from tests.fuzz.twins import Twin, broken


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_a_file_in_another_shape_is_the_same_or_refused(start: int) -> None:
    for number in range(start, start + 10):
        twin = Twin.of(number)
        assert broken(twin) is None, (number, twin.shape, twin.declared)


@pytest.mark.parametrize("name", standards.STANDARDS)
def test_a_standards_file_in_another_spelling_is_the_same(name: str) -> None:
    for number in range(4):
        assert standards.broken(name, number) is None, number


def test_a_reading_that_is_changed_is_found() -> None:
    twin = Twin.of(0)
    first = next(iter(twin.truth))
    assert broken(Twin(twin.shape, twin.declared, twin.data, {**twin.truth, first: twin.truth[first] + 1})) is not None
