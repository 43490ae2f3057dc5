"""Faults in delivered bytes: each is told by a rule about it, and none leaves an indicator wrong as if nothing were."""

from pathlib import Path

import pytest

from tests.planted.trial import FAULTS, summary, trial

CAUGHT = 0.95
"""Least part that is caught by a rule about the fault."""


def test_names_are_told_apart() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.trial
@pytest.mark.timeout(7200)
def test_faults_in_delivered_bytes_are_caught(tmp_path: Path) -> None:
    """An hour on a busy machine: a night has one fault a table."""
    found = trial(tmp_path, FAULTS)
    assert sum(each.caught for each in found) >= CAUGHT * len(found), summary(found)
    assert not [str(each) for each in found if each.wrong or each.failed]
