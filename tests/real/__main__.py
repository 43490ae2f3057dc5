"""``make real``: a night over the real inputs, and what arrived, was refused and was published."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.real.assemble import CITIES, inbox, portals

ROOT = Path(__file__).parents[2]


def main() -> int:
    real = Path(os.environ.get("MUANG_REAL_DATA", ROOT.parent / "shared" / "real"))
    if not real.is_dir():
        print(f"no real inputs at {real}; set MUANG_REAL_DATA", file=sys.stderr)
        return 2
    work = ROOT / ".real"
    shutil.rmtree(work, ignore_errors=True)
    muang = str(Path(sys.executable).with_name("muang"))
    with portals(real) as bases:
        environment = os.environ | {
            "MUANG_HOME": str(work / "home"),
            "MUANG_METER_KEY": "a key for files everybody may read",
            "MUANG_PORTALS": json.dumps(bases),
            "MUANG_KEYS": json.dumps({"openchargemap": "any"}),
        }
        cities = [word for city in CITIES for word in ("--city", city)]
        command = [muang, "nightly", "--inbox", str(inbox(real, work / "inbox")), *cities]
        code = subprocess.run(command, env=environment, check=False).returncode
        for title, query in QUERIES.items():
            print(f"\n{title}", flush=True)
            subprocess.run([muang, "sql", query], env=environment, check=True)
    return 0 if code in (0, 1) else code


QUERIES = {
    "What arrived": (
        'select city, source, "table", count(*) as receipts, sum(rows) as rows, sum(refused) as refused, '
        "count(*) filter (status = 'rejected') as rejected from lake.deliveries group by all order by all"
    ),
    "What was refused or noted": (
        'select city, source, "table", code, severity, count(*) as n, min(message) as example '
        "from lake.quarantine group by all order by all"
    ),
    "Meter intervals, delivered values": (
        "select city, channel, quantity, minutes, count(distinct meter_id) as meters, count(value_delivered) as n, "
        "sum(value_delivered) as total, unit, min(start) as first from lake.meter_intervals group by all order by all"
    ),
    "What is published": (
        "select city, smart, title, value, unit, verdict, left(reason, 70) as reason from cdp.indicators order by all"
    ),
}

if __name__ == "__main__":
    sys.exit(main())
