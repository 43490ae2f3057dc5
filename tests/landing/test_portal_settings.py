"""Keys, proxies and base URLs of portals, from the settings to the request."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from assets.landing.request import Request
from pipelines.build import deployment_of
from pipelines.settings import Settings
from tests.http_server import reply, serving

SECRET = "s3cret-key"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, without the settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("KEYS", "PROXIES", "PORTALS", "HOME"):
        monkeypatch.delenv(f"MUANG_{name}", raising=False)


def test_keys_proxies_and_base_urls_reach_the_client(tmp_path, monkeypatch):
    with serving() as proxy:
        proxy.answer("/api/s3cret-key", reply())
        monkeypatch.setenv("MUANG_KEYS", json.dumps({"firms": SECRET}))
        monkeypatch.setenv("MUANG_PROXIES", json.dumps({"nan_gdcatalog": proxy.base}))
        monkeypatch.setenv("MUANG_PORTALS", json.dumps({"nan_gdcatalog": "http://nan.example"}))
        settings = Settings(home=tmp_path)
        deployment = deployment_of(settings, {})
        with deployment.client as client:
            assert client.fetch(Request("n", "http://nan.example/api/{key:firms}")).outcome == "new"
        assert proxy.seen[0][0] == f"http://nan.example/api/{SECRET}"
    assert deployment.portals["nan_gdcatalog"] == "http://nan.example"
    assert SECRET not in repr(settings) + repr(deployment) + settings.model_dump_json()
    assert proxy.base not in repr(settings) + repr(deployment)


@pytest.mark.parametrize("name", ["keys", "proxies"])
def test_secrets_of_portals_do_not_belong_in_a_file(name, monkeypatch):
    Path("muang.toml").write_text(f'[{name}]\nfirms = "{SECRET}"\n')
    monkeypatch.setenv(f"MUANG_{name.upper()}", "{}")
    with pytest.raises(ValidationError) as refused:
        Settings()
    (wrong,) = refused.value.errors()
    assert wrong["loc"] == (name,)
    assert wrong["msg"] == f"holds secrets: take it out of muang.toml and set MUANG_{name.upper()} in the environment"
    assert SECRET not in str(refused.value) + repr(refused.value.errors())


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("KEYS", {"nokey": SECRET}, "unknown keys ['nokey']; known are ['citydata', 'firms'"),
        ("KEYS", {"firms": [SECRET]}, "valid string"),
        ("KEYS", SECRET, "is not a JSON object"),
        ("KEYS", [SECRET], "is not a JSON object"),
        ("PROXIES", {"nowhere": f"http://u:{SECRET}@h"}, "unknown portals ['nowhere']"),
        ("PROXIES", {"data_go_th": f"socks5://u:{SECRET}@h:1"}, "the proxy of ['data_go_th'] is not an address"),
        ("PROXIES", {"data_go_th": f"http://u:{SECRET}@h:port"}, "is not an address"),
        ("PROXIES", {"data_go_th": "http://"}, "is not an address"),
        ("PORTALS", {"Nan_gdcatalog": "http://h"}, "unknown portals ['Nan_gdcatalog']"),
        ("PORTALS", {"air4thai": 1}, "valid string"),
    ],
)
def test_wrong_settings_are_refused_in_plain_words_without_the_secret(variable, value, says, monkeypatch):
    monkeypatch.setenv(f"MUANG_{variable}", value if isinstance(value, str) else json.dumps(value))
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


def test_the_file_may_hold_all_else():
    Path("muang.toml").write_text('demo_meters = 77\n[portals]\nnan_gdcatalog = "http://127.0.0.1:1"\n')
    settings = Settings()
    assert (settings.demo_meters, settings.portals) == (77, {"nan_gdcatalog": "http://127.0.0.1:1"})
