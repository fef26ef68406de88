"""Importing the package is cheap: nothing heavy loads before it is used."""

import doctest
import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import scaling_helpers

HEAVY = ("scipy", "matplotlib", "altair", "vl_convert", "anywidget", "ipywidgets", "IPython", "sphinx", "pandas")


def test_importing_the_package_loads_only_numpy():
    code = f"import sys, json, scaling_helpers; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == []


def test_importing_the_package_adds_little_to_numpy():
    # Counted in modules, not in seconds: a timed assertion fails on a busy machine and proves nothing on a quiet one.
    code = "import sys, numpy; before = set(sys.modules); import scaling_helpers; print(len(set(sys.modules) - before))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(printed) < 60


@pytest.mark.parametrize("name", ["explorers", "figures", "palette", "trace", "checks"])
def test_the_rest_loads_on_use(name):
    assert getattr(scaling_helpers, name).__name__ == f"scaling_helpers.{name}"
    assert name in dir(scaling_helpers)


def test_an_unknown_attribute_is_named():
    with pytest.raises(AttributeError, match="'nonesuch'"):
        scaling_helpers.nonesuch  # noqa: B018


MODULES = [found.name for found in pkgutil.walk_packages(scaling_helpers.__path__, "scaling_helpers.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_run(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
    assert (module.__doc__ or "").strip(), f"{name} does not say what question it answers"
