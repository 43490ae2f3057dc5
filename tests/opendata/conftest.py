"""Cities that the readers read for."""

import pytest

from assets.cities.registry import City


def make_city(slug: str, province_th: str, lat: float, lon: float, code: str) -> City:
    return City.model_construct(slug=slug, province_th=province_th, lat=lat, lon=lon, dopa_province=code)


@pytest.fixture
def phuket() -> City:
    return make_city("phuket", "ภูเก็ต", 7.884, 98.392, "83")


@pytest.fixture
def samyan() -> City:
    return make_city("samyan", "กรุงเทพมหานคร", 13.733, 100.529, "10")
