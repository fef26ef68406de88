"""Which JavaScript draws the explorers: Vega, from the installed vl-convert.

The book writes it to a file of the site, the Jupyter widget sends it to the front end, so there is one copy and no
network. It comes from an installed package at build time: nothing is vendored.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

__all__ = ["vega_runtime", "vega_version"]

#: Vega and its interpreter alone, without Vega-Lite (specs are compiled in Python) and vega-embed (menus, themes): a
#: third less to load. The paths are vl-convert's own names for the modules it carries.
_LEAN = """import {{ parse, View, Warn }} from "/npm/vega@{vega}/+esm";
import {{ expressionInterpreter }} from "/npm/vega-interpreter@{interpreter}/+esm";
globalThis.scalingVegaEmbed = async (element, spec, {{ ast }}) => {{
  const expr = ast ? expressionInterpreter : undefined;
  const view = new View(parse(spec, {{}}, {{ ast }}), {{ renderer: "svg", logLevel: Warn, expr }});
  await view.initialize(element).runAsync();
  return {{ view, finalize: () => view.finalize() }};
}};
"""
#: The interpreter that vl-convert carries beside each Vega; asking for one that it lacks makes it panic.
_INTERPRETERS = {"6.2.0": "2.0.0"}
#: Everything, for a vl-convert that carries another Vega; heavier, and the same to the front end.
_FULL = """globalThis.scalingVegaEmbed = (element, spec, { ast }) => vegaEmbed(element, spec, {
  mode: "vega", ast, renderer: "svg", actions: false, tooltip: false, defaultStyle: false,
});
"""


def vega_version() -> str:
    """Names the bundle's content, for use as a cache key.

    >>> vega_version().startswith("vl-convert-")
    True
    """
    import vl_convert

    return f"vl-convert-{version('vl-convert-python')}-vega-{vl_convert.get_vega_version()}"


@lru_cache(maxsize=1)
def vega_runtime() -> str:
    """Vega as one self-contained script that sets ``globalThis.scalingVegaEmbed(element, spec, {ast})``.

    It is wrapped in a function because, as a bare classic script, its hundreds of top-level names clash with the
    page's. Classic script rather than module, since browsers refuse modules on ``file://``. Takes about two seconds.

    >>> "scalingVegaEmbed" in vega_runtime()
    True
    """
    import vl_convert

    return bundled(vl_convert.get_vega_version())


def bundled(vega: str) -> str:
    """The runtime for a vl-convert that carries Vega ``vega``."""
    import vl_convert

    interpreter = _INTERPRETERS.get(vega)
    snippet = _LEAN.format(vega=vega, interpreter=interpreter) if interpreter else _FULL
    return f'(function () {{"use strict";\n{vl_convert.javascript_bundle(snippet)}\n}})();\n'
