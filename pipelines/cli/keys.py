"""``muang keys``: the secret that meter ids are hashed with."""

import json

import typer

from pipelines.cli.base import Json, app, fail, guarded, out
from pipelines.settings import Settings

keys_app = typer.Typer(help="The secret that meter ids are hashed with.")
app.add_typer(keys_app, name="keys", no_args_is_help=True)


@keys_app.command("rotate")
@guarded
def keys_rotate(as_json: Json = False) -> None:
    """Change the meter key: every meter id of the lake becomes that of the new key. No published number changes.

    MUANG_METER_KEY is the key of now, MUANG_METER_KEY_NEW the next one, both in the environment. If it is stopped, run
    it again with the same two keys; nights refuse to run until it is done.
    """
    from assets.lake.rotation import CannotRotate, rotate
    from assets.landing import identity
    from assets.landing.store import open_store
    from pipelines.build import cities_of, holding

    settings = Settings()
    if settings.profile == "demo":
        raise fail("the demo has a key of its own, which is no secret and does not change", 2)
    if settings.meter_key is None or settings.meter_key_new is None:
        raise fail("set MUANG_METER_KEY to the key of now and MUANG_METER_KEY_NEW to the next one", 2)
    old, new = (key.get_secret_value().encode() for key in (settings.meter_key, settings.meter_key_new))
    if old == new:
        raise fail("MUANG_METER_KEY_NEW is the key of now: make another, for example with `openssl rand -hex 32`", 2)
    store = open_store(settings.store_uri)
    told, begun = identity.identity(store), identity.rotation(store)
    if told is None or told.meter_key is None:
        raise fail("no meter was hashed yet: set MUANG_METER_KEY to the new key", 2)
    done: dict[str, int] = {}
    if begun or told.meter_key != identity.fingerprint(new):
        cities = cities_of(settings)
        with holding(settings, cities, cities) as deployment:
            try:
                done = rotate(deployment, old, new)
            except CannotRotate as error:
                raise fail(str(error), 1) from None
    if as_json:
        print(json.dumps({"files": done, "meter_key": identity.fingerprint(new)}))
        return
    out.print(f"the store has the new key; {sum(done.values())} lake files were rewritten", highlight=False)
    out.print(
        "Set MUANG_METER_KEY to the new key, remove MUANG_METER_KEY_NEW, and destroy the old one", highlight=False
    )
