"""JupyterLab as a reader sits at it: open, run, read, save. Every wait is for an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..browser.watch import Watch, watched
from .conftest import TOKEN, Lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

SLOW = 60_000  # milliseconds: a cold kernel on busy cores, importing SciPy and compiling a chart

#: The notebook in front, its kernel connected and idle.
_IDLE = "() => jupyterapp.shell.currentWidget?.context?.sessionContext.session?.kernel?.status === 'idle'"
_OPEN = """async (path) => {
  const widget = await jupyterapp.commands.execute('docmanager:open', {path});
  jupyterapp.shell.activateById(widget.id);
  await widget.revealed;
  await widget.context.ready;
}"""
#: Adds a cell and runs it, as with Shift-Enter at the end of a notebook; gives the outputs.
_RUN = """async (source) => {
  const notebook = jupyterapp.shell.currentWidget.content;
  const index = notebook.model.sharedModel.cells.length;
  notebook.model.sharedModel.insertCell(index, {cell_type: 'code', source});
  notebook.activeCellIndex = index;
  notebook.deselectAll();
  await jupyterapp.commands.execute('notebook:run-cell');
  return notebook.model.sharedModel.cells[index].outputs;
}"""
#: Runs code in the kernel of the notebook in front without adding a cell, which would scroll; gives what it printed.
_EXECUTE = """async (code) => {
  const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const future = kernel.requestExecute({code, store_history: false});
  let printed = '';
  future.onIOPub = ({header, content}) => {
    if (header.msg_type === 'stream') printed += content.text;
    if (header.msg_type === 'error') printed = content.traceback.join('\\n');
  };
  const reply = await future.done;
  if (reply.content.status !== 'ok') throw new Error(printed);
  return printed;
}"""
_SHOW = """async (index) => {
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = index;
  await notebook.scrollToItem(index, 'start');
}"""
_OUTPUTS = "() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map((cell) => cell.outputs ?? [])"


@contextmanager
def at(browser: Browser, lab: Lab, folder: str = "") -> Iterator[Desk]:
    """A page with JupyterLab open at ``folder`` (as "/tree/chapters"), in a browser of its own."""
    with watched(browser, lab.address, viewport={"width": 1300, "height": 1000}) as (page, watch):
        page.set_default_timeout(SLOW)
        page.goto(f"{lab.address}/lab{folder}?reset&token={TOKEN}")
        page.wait_for_function("() => window.jupyterapp")
        page.evaluate("() => jupyterapp.restored.then(() => null)")
        yield Desk(page, watch)


class Desk:
    """One open JupyterLab. ``watch`` keeps what left the server and what reached the console."""

    def __init__(self, page: Page, watch: Watch) -> None:
        self.page = page
        self.watch = watch

    def open(self, path: str) -> None:
        """Open ``path`` with what a double click would open it with."""
        self.page.evaluate(_OPEN, path)

    def await_kernel(self) -> None:
        self.page.wait_for_function(_IDLE)

    def run(self, source: str) -> str:
        """Run ``source`` in a new cell; the text that it printed. Fails if it raised."""
        outputs = self.page.evaluate(_RUN, source)
        self.await_kernel()
        errors = [output for output in outputs if output["output_type"] == "error"]
        assert not errors, errors
        return "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")

    def ask(self, expression: str) -> Any:
        """The value of a Python expression, through JSON."""
        return json.loads(self.run(f"import json; print(json.dumps({expression}))"))

    def execute(self, source: str) -> str:
        """Run ``source`` in the kernel, out of sight; what it printed."""
        printed: str = self.page.evaluate(_EXECUTE, source)
        return printed

    def value(self, expression: str) -> Any:
        """The value of a Python expression, through JSON, out of sight."""
        return json.loads(self.execute(f"import json; print(json.dumps({expression}))"))

    def show(self, index: int) -> None:
        """Scroll to a cell; far cells are not in the page until then."""
        self.page.evaluate(_SHOW, index)

    def run_all(self) -> list[list[dict[str, Any]]]:
        """Run every cell; the outputs, cell by cell."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")
        self.await_kernel()
        outputs: list[list[dict[str, Any]]] = self.page.evaluate(_OUTPUTS)
        return outputs

    def save(self) -> None:
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")

    def shut_down(self) -> None:
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")

    def explorer(self, state: str = "live") -> Locator:
        """The explorers in that state."""
        return self.page.locator(f"figure.explorer[data-state={state}]")

    def controls(self, identifier: str) -> dict[str, Any]:
        """The values of the controls in the browser."""
        read: dict[str, Any] = self.page.evaluate(
            "(id) => Object.fromEntries(window.explorers.get(id).controls().map(({name, value}) => [name, value]))", identifier
        )
        return read

    def readouts(self, identifier: str = "isoflop") -> dict[str, float | None]:
        """What the browser computes."""
        read: dict[str, float | None] = self.page.evaluate("(id) => window.explorers.get(id).readouts()", identifier)
        return read
