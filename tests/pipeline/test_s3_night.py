"""The same night with landing, lake and snapshots on a real S3 server."""

from collections.abc import Callable
from pathlib import Path

from tests.conftest import BUCKET
from tests.home import Home, few_sources


def test_a_night_on_s3_is_published_verified_and_queried(
    fresh_home: Callable[[], Home], s3_endpoint: str, tmp_path: Path
) -> None:
    deployment = fresh_home()
    store = {
        "MUANG_CITIES": str(few_sources(tmp_path, ["khon_kaen"])),
        "MUANG_STORE": f"s3://{BUCKET}/night",
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    summary = deployment.json("nightly", "--profile", "demo", "--city", "khon_kaen", **store)
    assert summary["cities"]["khon_kaen"]["published"], summary
    assert summary["exit_code"] == 0
    assert not (deployment.home / "lake").exists()
    assert deployment.json("snapshots", "verify", **store) == {"khon_kaen": []}
    query = "select count(*) as n, count(value_delivered) as filled from lake.meter_intervals"
    assert deployment.json("sql", query, **store) == [{"n": 120 * 96, "filled": 120 * 96}]
    assert deployment.json("sql", "select count(*) as n from cdp.weather", **store) == [{"n": 24}]
    found = {entry["what"].split()[0]: entry["state"] for entry in deployment.json("doctor", **store)}
    assert found["conditional"] == "ok"
