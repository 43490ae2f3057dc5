"""Settings that cannot be right are refused with a sentence, whatever is wrong: value, name or file."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.settings import Settings


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(**chosen: object) -> str:
    with pytest.raises(ValidationError) as error:
        Settings(**chosen)
    (wrong,) = error.value.errors()
    assert error.value.title == "Settings"
    return f"{wrong['loc'][0]}: {wrong['msg']}"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (b'home = "/x', "muang.toml: is not TOML in UTF-8: Unterminated string"),
        (b'home = "\xff"', "muang.toml: is not TOML in UTF-8: "),
        (b'inbx = "/x"', "inbx: is no setting; did you mean inbox?"),
        (b"first_day = 1", "first_day: "),
        (b"dagster_nights = 0", "dagster_nights: Input should be greater than or equal to 1"),
    ],
)
def test_a_file_that_cannot_be_read(written: bytes, says: str) -> None:
    Path("muang.toml").write_bytes(written)
    assert says in refused()


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("s3:/bucket/prefix", "s3: is no store"),
        ("gs://bucket/prefix", "gs: is no store; it is s3://bucket/prefix or the path of a folder"),
        ("file:///srv/muang", "file: is no store"),
        ("S3://bucket", "S3: is no store"),
    ],
)
def test_a_store_that_is_none(store: str, says: str) -> None:
    assert says in refused(store=store)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"home": ""}, "is empty: leave it out"),
        ({"inbox": " "}, "is empty"),
        ({"cities": ""}, "is empty"),
        ({"store": ""}, "is empty"),
        ({"snapshot_days": True}, "is a switch"),
        ({"reader_hours": False}, "is a switch"),
        ({"home": "s3://bucket/x"}, "is an address, and must be a path"),
        ({"portals": '{"traffy": "traffy.in.th"}'}, "the base URL of ['traffy'] is not an address"),
        ({"portals": '{"traffy": "ftp://traffy.in.th"}'}, "is not an address"),
        ({"meter_key": " " * 20}, "at least 16 characters"),
        ({"first_day": "2569-11-01"}, "less than or equal to 2100-01-01"),
        ({"first_day": "0001-01-01"}, "greater than or equal to 2000-01-01"),
        ({"snapshot_days": 10**10}, "less than or equal to 36500"),
        ({"reader_hours": 10**10}, "reader_hours: "),
        ({"dagster_nights": 10**10}, "dagster_nights: "),
    ],
)
def test_a_value_that_cannot_be_meant(told: dict[str, Any], says: str) -> None:
    assert says in refused(**told)


def test_a_tilde_is_the_users_home_as_in_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/muang")
    settings = Settings(home="~/data", inbox="~/inbox", store="~/store")  # as muang.toml gives them
    assert (settings.home, settings.inbox) == (Path("/srv/muang/data"), Path("/srv/muang/inbox"))
    assert settings.store == "/srv/muang/store"


@pytest.mark.parametrize("store", ["s3://bucket", "s3://bucket/prefix/more", "/srv/muang", "here", "a:b"])
def test_a_store_that_is_one(store: str) -> None:
    assert Settings(store=store).store == store


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("MUANG_PROFIL", "MUANG_PROFIL: is no setting; did you mean MUANG_PROFILE?"),
        ("muang_hom", "MUANG_HOM: is no setting; did you mean MUANG_HOME?"),
        ("MUANG_Q", "MUANG_Q: is no setting; known are MUANG_HOME, MUANG_STORE, "),
    ],
)
def test_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch, name: str, says: str) -> None:
    monkeypatch.setenv(name, "secret-value")
    assert says in refused()
    assert "secret-value" not in refused()


def test_variables_of_the_tests_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUANG_REAL_DATA", "/srv/real")
    assert Settings().profile == "live"


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "file is a file, not a folder" in refused(home=tmp_path / "file" / "below")
