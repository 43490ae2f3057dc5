"""Which sums over customers may be published, and which corrections of them: rule, placing, release, recheck."""

from quality.privacy.place import DAY_CELL as DAY_CELL, MEMORY as MEMORY
from quality.privacy.recheck import recheck as recheck, violations as violations
from quality.privacy.release import (
    WITHDRAWN as WITHDRAWN,
    cells as cells,
    customers_by_zone as customers_by_zone,
    lacking as lacking,
    release as release,
    withdraw as withdraw,
)
from quality.privacy.rule import KNOWN as KNOWN, OTHER as OTHER
