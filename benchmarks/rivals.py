"""The same curve with what one would use instead: Plotly, Bokeh, and ipywidgets with html-manager.

Each makes one page with its library embedded and the curve of an explorer's start, 120 points. A move hands it new
points, ready made, and waits until they are drawn; our explorers work out the law as well. Nothing comes from another host
while a page is measured. html-manager, which ipywidgets' own pages load from a CDN, is in no wheel that fits ipywidgets 8
(shinywidgets carries the one for 7), so it and its loader come from npm. requirements.txt says how to install all of it;
a rival that is not there is named as missing.
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from .pages import NEXT_TASK

POINTS = 120
_MODULES = Path(__file__).resolve().parent.parent / "_build" / "rivals" / "node_modules"
HTML_MANAGER = (_MODULES / "requirejs/require.js", _MODULES / "@jupyter-widgets/html-manager/dist/libembed-amd.js")
#: In the page: f(i) are the points of move i.
_POINTS = "const moved = (start, i) => start.map((v) => v * (1 + 0.2 * Math.sin(i + 1)));"
#: One move after another, each started right after a frame began, as MOVES of pages.py does it.
_MOVES = """async ([count, paced]) => {
  BEGIN
  const times = [];
  for (let i = 0; i < count; i += 1) {
    if (paced) await new Promise(requestAnimationFrame);
    const begin = performance.now();
    MOVE
    await NEXT_TASK;
    times.push(performance.now() - begin);
  }
  return times;
}""".replace("NEXT_TASK", NEXT_TASK)


@dataclass(frozen=True)
class Rival:
    """One page, ``drawn`` (JavaScript: is the curve there?) and ``moves`` (JavaScript: times of as many moves)."""

    name: str
    packages: tuple[str, ...]
    page: Callable[[], str]
    drawn: str
    begin: str
    move: str
    files: tuple[Path, ...] = ()

    @property
    def installed(self) -> bool:
        return all(importlib.util.find_spec(package) for package in self.packages) and all(map(Path.exists, self.files))

    @property
    def label(self) -> str:
        return f"{self.name} {version(self.packages[0])}"

    @property
    def moves(self) -> str:
        return _MOVES.replace("BEGIN", _POINTS + self.begin).replace("MOVE", self.move)


def curve() -> tuple[list[float], list[float]]:
    """Model sizes in parameters and losses in nats per token, at Gopher's budget."""
    from scaling_helpers import facts
    from scaling_helpers.laws import BESIROGLU_2024, FLOP_PER_PARAMETER_TOKEN, ExtrapolationWarning

    warnings.simplefilter("ignore", ExtrapolationWarning)
    sizes = np.geomspace(1e8, 1e13, POINTS)
    tokens = facts.get("results/gopher-compute/nominal").value / (FLOP_PER_PARAMETER_TOKEN * sizes)
    return sizes.tolist(), BESIROGLU_2024.loss(sizes, tokens).tolist()


TITLES = ("Model size N (parameters)", "Loss (nats per token)")


def plotly_page() -> str:
    import plotly.graph_objects as go  # type: ignore[import-not-found,import-untyped,unused-ignore]

    sizes, losses = curve()
    figure = go.Figure(go.Scatter(x=sizes, y=losses))
    figure.update_xaxes(type="log", title=TITLES[0]).update_yaxes(title=TITLES[1])
    return str(figure.to_html(include_plotlyjs=True, full_html=True))


def bokeh_page() -> str:
    from bokeh.embed import file_html  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from bokeh.models import ColumnDataSource  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from bokeh.plotting import figure  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from bokeh.resources import INLINE  # type: ignore[import-not-found,import-untyped,unused-ignore]

    sizes, losses = curve()
    source = ColumnDataSource({"x": sizes, "y": losses}, name="points")
    plot = figure(x_axis_type="log", x_axis_label=TITLES[0], y_axis_label=TITLES[1], width=700, height=450)
    plot.line("x", "y", source=source)
    return str(file_html(plot, INLINE, title="Bokeh"))


def html_manager_page() -> str:
    """A slider and the curve as a drawing in an HTML widget: what ipywidgets shows where no kernel answers."""
    import ipywidgets  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from ipywidgets.embed import embed_data  # type: ignore[import-not-found,import-untyped,unused-ignore]

    _, losses = curve()
    slider = ipywidgets.FloatLogSlider(value=5.76e23, min=18, max=27, description="compute")
    box = ipywidgets.VBox([slider, ipywidgets.HTML(value=drawing(losses))])
    data = embed_data(views=[box])
    state, views = (json.dumps(data[key]).replace("</", "<\\/") for key in ("manager_state", "view_specs"))
    loader, embed = (
        # They stand inside script elements.
        file.read_text(encoding="utf-8").replace("</script", "<\\/script").replace("<!--", "<\\!--")
        for file in HTML_MANAGER
    )
    return f"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>ipywidgets</title>
<script>{loader}</script><script>{embed}</script></head><body><div id="here"></div><script>
window.losses = {json.dumps(losses)};
const show = async (library) => {{
  const manager = window.manager = new library.HTMLManager();
  const models = await manager.set_state({state});
  window.picture = models.find((model) => model.get("_model_name") === "HTMLModel");
  for (const view of {views}) {{
    const model = await manager.get_model(view.model_id);
    await manager.display_view(await manager.create_view(model), document.getElementById("here"));
  }}
}};
require(["@jupyter-widgets/html-manager"], (library) => {{ show(library); }});  // it calls no async function
</script></body></html>"""


def drawing(losses: list[float]) -> str:
    low, high = min(losses), max(losses)
    steps = [f"{10 + 6 * i},{430 - 400 * (y - low) / (high - low):.2f}" for i, y in enumerate(losses)]
    return f'<svg width="740" height="450"><polyline fill="none" stroke="black" points="{" ".join(steps)}"></polyline></svg>'


RIVALS = (
    Rival(
        "Plotly",
        ("plotly",),
        plotly_page,
        "document.querySelector('.js-plotly-plot .scatterlayer path')",
        "const plot = document.querySelector('.js-plotly-plot'); const [line] = plot.data; const start = [...line.y];",
        """await Plotly.react(plot, [{ ...line, y: moved(start, i) }], plot.layout);
    plot.getBoundingClientRect();""",
    ),
    # Bokeh paints in a frame of its own choosing; the clock stops after that.
    Rival(
        "Bokeh",
        ("bokeh",),
        bokeh_page,
        "window.Bokeh?.documents?.[0]?.is_idle && document.querySelector('.bk-Figure')?.shadowRoot",
        """const source = Bokeh.documents[0].get_model_by_name("points");
  const start = [...source.data.y]; const x = [...source.data.x];
  const plot = [...Bokeh.index.roots].find((view) => view.model.type === "Figure");
  const paint = plot._actual_paint.bind(plot); let painted = () => {};
  plot._actual_paint = () => { paint(); painted(); };""",
        """const done = new Promise((resolve) => { painted = resolve; });
    source.data = { x, y: moved(start, i) };
    await done;""",
    ),
    Rival(
        "ipywidgets with html-manager",
        ("ipywidgets",),
        html_manager_page,
        "document.querySelector('.widget-html polyline') && document.querySelector('.widget-slider')",
        """const start = window.losses; const low = Math.min(...start); const high = Math.max(...start);
  const draw = (ys) => `<svg width="740" height="450"><polyline fill="none" stroke="black" points="${
    ys.map((y, i) => `${10 + 6 * i},${(430 - 400 * (y - low) / (high - low)).toFixed(2)}`).join(" ")}"></polyline></svg>`;""",
        """window.picture.set("value", draw(moved(start, i)));
    document.querySelector(".widget-html").getBoundingClientRect();""",
        files=HTML_MANAGER,
    ),
)
