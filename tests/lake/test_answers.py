"""Whoever sends files finds an answer beside them, where a folder for it was made."""

import json
from pathlib import Path

from assets.lake import answers
from assets.landing.deployment import Step
from assets.landing.inbox import land_inbox
from tests.kit import ingest_meters
from tests.lake.small_city import D1, deployment_at, nem12, small_city


def test_each_file_is_answered_with_rows_codes_and_reasons(tmp_path: Path) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city, today=D1)
    step = Step(deployment, city, D1, "test")
    inbox = deployment.inbox / city.slug / "exports"
    inbox.mkdir(parents=True)
    whole = nem12(D1, "P1", "P2")
    (inbox / "whole.csv").write_bytes(whole)
    (inbox / "part.csv").write_bytes(nem12(D1, "P3", "P4").replace(b",0.75,1.25,", b",x,1.25,", 1))
    (inbox / "page.csv").write_bytes(b"<html>login</html>")
    (inbox / "sub").mkdir()
    (inbox / "sub" / "link.csv").symlink_to(inbox.parent / "whole.csv")

    def night() -> int:
        land_inbox(deployment.archive, deployment.inbox, step.delivery("exports"), sleep=lambda _: None)
        ingest_meters(deployment, city, D1)
        return answers.give(step)

    assert night() == 0, "nobody asked for answers"
    assert sorted(path.name for path in inbox.iterdir()) == ["page.csv", "part.csv", "sub", "whole.csv"]
    (inbox / "_answers").mkdir()
    assert night() == 4
    told = {
        path.relative_to(inbox / "_answers").as_posix(): json.loads(path.read_bytes())
        for path in (inbox / "_answers").rglob("*.json")
    }
    assert {name: found["status"] for name, found in told.items()} == {
        "whole.csv.json": "accepted",
        "part.csv.json": "partly",
        "page.csv.json": "refused",
        "sub/link.csv.json": "refused",
    }
    assert (told["whole.csv.json"]["file"], told["whole.csv.json"]["rows"]) == ("whole.csv", 192)
    [problem] = told["page.csv.json"]["problems"]
    assert problem["code"] == "file-html" and problem["reason"]
    assert [each["code"] for each in told["sub/link.csv.json"]["problems"]] == ["file-not-regular"]
    before = {path: path.read_bytes() for path in (inbox / "_answers").rglob("*") if path.is_file()}
    assert night() == 4
    assert {path: path.read_bytes() for path in (inbox / "_answers").rglob("*") if path.is_file()} == before
