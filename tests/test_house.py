"""Rules of the house that no single module can keep alone."""

import importlib
import inspect
import pkgutil
import tomllib

from app import errors
from app.errors import STATUS
from app.factory import create_app
from app.guards import guard_of
from app.settings import CHECKOUT

PACKAGES = {"app", "equipment", "simulations", "layers", "foundation", "gis"}
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def test_all_six_packages_stand_in_the_import_contract():
    contracts = PROJECT["tool"]["importlinter"]
    assert set(contracts["root_packages"]) == PACKAGES
    floors = next(contract for contract in contracts["contracts"] if contract["type"] == "layers")["layers"]
    assert {name for floor in floors for name in floor.split(" | ")} == PACKAGES


def test_every_package_below_app_is_checked_strictly():
    strict = next(section for section in PROJECT["tool"]["mypy"]["overrides"] if section.get("strict"))
    assert set(strict["module"]) == {f"{package}.*" for package in PACKAGES - {"app"}}


def our_errors():
    for package in sorted(PACKAGES):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, prefix=f"{package}."):
            if module.name.endswith("errors"):
                for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                    if issubclass(kind, Exception) and kind.__module__ == module.name:
                        yield kind


def test_every_error_is_mapped_to_a_status():
    kinds = list(our_errors())
    assert errors.WrongSetting in kinds
    for kind in kinds:
        assert any(base in STATUS for base in kind.__mro__), kind


def test_every_error_is_a_sentence():
    for kind in our_errors():
        assert not kind.text or kind.text.endswith((".", "{reason}", ")")), kind


def test_every_route_has_a_guard(database):
    app = create_app(database)
    unguarded = {rule.endpoint for rule in app.url_map.iter_rules() if guard_of(app, rule.endpoint) is None}
    assert unguarded == set()
