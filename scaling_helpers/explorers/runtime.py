"""Which JavaScript draws the explorers: Vega and vega-embed, from the installed vl-convert.

The book writes it to a file of the site, the Jupyter widget sends it to the front end, so there is one copy and no
network. It comes from an installed package at build time: nothing is vendored.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

# vl-convert's default snippet leaves window.vega null; naming vegaEmbed ourselves works.
_SNIPPET = "globalThis.scalingVegaEmbed = vegaEmbed;"


def vega_version() -> str:
    """Names the bundle's content, for use as a cache key."""
    import vl_convert

    return "-".join(
        [
            f"vl-convert-{version('vl-convert-python')}",
            f"vega-{vl_convert.get_vega_version()}",
            f"embed-{vl_convert.get_vega_embed_version()}",
        ]
    )


@lru_cache(maxsize=1)
def vega_runtime() -> str:
    """The bundle as one self-contained script that sets ``globalThis.scalingVegaEmbed``.

    It is wrapped in a function because, as a bare classic script, its hundreds of top-level names clash with the
    page's. Classic script rather than module, since browsers refuse modules on ``file://``. Takes about two seconds.
    """
    import vl_convert

    bundle = vl_convert.javascript_bundle(_SNIPPET)
    return f'(function () {{"use strict";\n{bundle}\n}})();\n'
