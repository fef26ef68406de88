"""How does a declared explorer live in Jupyter, and what does it leave in a built page?

:class:`Explorer` is an ``anywidget`` (an ``ipywidgets.DOMWidget``): one synced trait a control, in natural units, so
it composes with ``link``, ``observe`` and ``HBox``. Its output also carries ``text/html`` with a static picture and
the compiled chart, which the same front-end module brings to life in the built book.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from .. import palette
from .controls import Control
from .declaration import Declaration
from .runtime import vega_runtime

__all__ = ["Explorer"]

STATIC = Path(__file__).parent / "static"


class _ControlTrait(traitlets.TraitType[Any, Any]):
    """A trait that accepts exactly what its control accepts."""

    def __init__(self, control: Control) -> None:
        super().__init__(control.value, help=control.help or control.label)
        self.control = control

    def validate(self, obj: Any, value: Any) -> Any:
        try:
            return self.control.check(value)
        except (TypeError, ValueError) as error:
            raise traitlets.TraitError(f"{type(obj).__name__.lower()}: {error}") from None


class Explorer(anywidget.AnyWidget):
    """An interactive figure. Traits: one a control. Methods: :attr:`values`, :meth:`readouts`, :meth:`to_html`.

    >>> from scaling_helpers.explorers import isoflop
    >>> w = isoflop(compute=5.76e23)
    >>> w.values["compute"], round(w.readouts()["optimal_N"] / 1e9, 1)
    (5.76e+23, 72.2)
    """

    declaration: Declaration

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _payload = traitlets.Dict().tag(sync=True)
    _picture = traitlets.Unicode().tag(sync=True)

    def __init__(self, **values: Any) -> None:
        state = self.declaration.state(values)
        super().__init__(
            _esm=(STATIC / "explorer.js").read_text(encoding="utf-8"),
            _css=palette.css() + (STATIC / "explorer.css").read_text(encoding="utf-8"),
            _payload=self.declaration.payload(state),
            _picture=_static_html(self.declaration),
            **state,
        )
        self.on_msg(self._answer)

    @property
    def values(self) -> Mapping[str, Any]:
        """The state, control by control, as a copy. Assign a mapping of some or all controls to set them together."""
        return {control.name: getattr(self, control.name) for control in self.declaration.controls}

    @values.setter
    def values(self, values: Mapping[str, Any]) -> None:
        state = self.declaration.state(values, self.values)
        with self.hold_sync(), self.hold_trait_notifications():
            for name, value in state.items():
                setattr(self, name, value)

    def readouts(self, **values: Any) -> dict[str, float | None]:
        """The readouts by the Python laws, for the current state with ``values`` laid over it.

        None where the state has no answer. ValueError or TypeError for an unknown control or a value out of range.
        """
        return self.declaration.read(self.declaration.state(values, self.values))

    def to_html(self) -> str:
        """The figure as static HTML: picture, words and everything the front end needs to bring it to life."""
        declaration, state = self.declaration, dict(self.values)
        payload = json.dumps(declaration.payload(state), separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
        return (
            f'<figure class="explorer" data-explorer="{declaration.name}">\n'
            f'<p class="explorer-question">{html.escape(declaration.question)}</p>\n'
            f'<div class="explorer-stage">{self._picture}</div>\n'
            f'<p class="explorer-alternative">{html.escape(declaration.words(state))}</p>\n'
            f"<figcaption>{html.escape(declaration.caption)}</figcaption>\n"
            f'<script type="application/json" class="explorer-payload">{payload}</script>\n'
            "</figure>"
        )

    def __repr__(self) -> str:
        """The state without an address, so that a stored notebook compares equal."""
        return f"{self.declaration.name}({', '.join(f'{name}={value!r}' for name, value in self.values.items())})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": repr(self), "text/html": self.to_html()}, metadata

    def _answer(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Send the Vega runtime to a front end that asks for it, so that no saved notebook has to carry it."""
        if content.get("type") == "runtime":
            self.send({"type": "runtime"}, buffers=[vega_runtime().encode()])


def _static_html(declaration: Declaration) -> str:
    return f'<div class="explorer-static" role="img" aria-label="{html.escape(declaration.alt)}">{declaration.picture()}</div>'


@cache
def widget_class(declaration: Declaration) -> type[Explorer]:
    """The widget class of one declared explorer: :class:`Explorer` with one synced trait a control."""
    traits = {control.name: _ControlTrait(control).tag(sync=True) for control in declaration.controls}
    clash = sorted(name for name in traits if hasattr(Explorer, name))
    if clash:
        raise ValueError(f"{declaration.name}: control names {clash} are taken by the widget itself")
    return type(declaration.name.capitalize(), (Explorer,), {"declaration": declaration, **traits})
