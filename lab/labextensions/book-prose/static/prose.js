/**
 * What the built book makes of its own roles, in JupyterLab. jupyterlab-myst shows a role it does not know as the bare
 * text between the backticks, and marks every citation as not found. Here
 *
 *   {fact}`models/gpt-3/params`            becomes the number, with its source on hover;
 *   {glue:text}`name`                      becomes the number that a cell has glued, or … until it has run;
 *   {live}`isoflop.optimal_N`              becomes the explorer's readout, or … until there is one;
 *   {explore}`phrase <isoflop?model=7e10>` becomes a link that sets the explorer;
 *   {cite:t}`hoffmann2022`                 becomes “Hoffmann et al. (2022)”;
 *   {doc}`text <page>`                     opens that page as a notebook.
 *
 * And an explorer saved in a notebook shows its stored picture where its widget cannot come back: the widget manager
 * gives up, at “Loading widget...”, when there is no kernel at all.
 *
 * Only what is shown changes, never the notebook. The numbers of facts and the names of authors come from the server
 * (jupyter_server_config.py). Plain JavaScript in the shape JupyterLab loads, so there is nothing to build.
 */
(() => {
  const NAME = "book-prose";
  const ROLE = /\{(fact|glue:text|live|explore)\}\s*`([^`]+)`/g;
  const EXPLORE = /^(.+?) ?<([\w-]+)\?([^<>]+)>$/;
  const PENDING = "…";
  const WIDGET = "application/vnd.jupyter.widget-view+json";
  const STYLE = `
    .book-prose[data-prose="fact"] { text-decoration: underline dotted; text-underline-offset: 0.2em; cursor: help; }
    .book-prose[data-prose="explore"] { color: var(--jp-content-link-color); text-decoration: underline; cursor: pointer; }
    .book-prose[data-prose="cite"] { color: inherit !important; }
    .book-prose[data-prose="cite"] svg { display: none; }
  `;
  const flat = (text) => text.replace(/\s+/g, " ").trim();

  /** What the server knows: facts by path, references by key. */
  function fromServer() {
    const config = JSON.parse(document.getElementById("jupyter-config-data").textContent);
    return JSON.parse(config.bookProse);
  }

  /** The roles written in a cell, by the text between their backticks. */
  function rolesOf(source) {
    return new Map([...source.matchAll(ROLE)].map(([, role, text]) => [flat(text.replaceAll("\\|", "|")), role]));
  }

  /** The numbers that the notebook's cells have glued, by name. */
  function gluedIn(notebook) {
    const glued = new Map();
    for (const { model } of notebook.widgets) {
      for (let i = 0; i < (model.outputs?.length ?? 0); i += 1) {
        const { metadata, data } = model.outputs.get(i);
        const record = metadata.scrapbook;
        if (record) glued.set(record.name, String(data[`${record.mime_prefix}text/plain`]).replace(/^(['"])(.*)\1$/s, "$2"));
      }
    }
    return glued;
  }

  /** Puts the stored picture where a widget is stuck. */
  function showPictures(cell, kernel) {
    if (!cell.model.trusted) return;
    for (let i = 0; i < cell.model.outputs.length; i += 1) {
      const { data } = cell.model.outputs.get(i);
      const node = cell.outputArea.widgets[i]?.node.querySelector(".jp-OutputArea-output");
      const text = node?.textContent ?? "";
      const stuck = text.startsWith("Error displaying widget") || (text.startsWith("Loading widget") && !kernel);
      if (stuck && data[WIDGET] && data["text/html"]) node.innerHTML = [data["text/html"]].flat().join("");
    }
  }

  /** Opens the page that a {doc} role names; its link leads to a file without an ending, which is not there. */
  async function openPage(app, event) {
    const link = event.target.closest?.(".jp-Notebook .myst a[href*='/files/']");
    const path = link && decodeURIComponent(new URL(link.href).pathname.split("/files/")[1]);
    if (!path || /\.\w+$/.test(path)) return;
    event.preventDefault();
    event.stopPropagation();
    const folder = path.split("/").slice(0, -1).join("/");
    const { content } = await app.serviceManager.contents.get(folder);
    const page = content.find((entry) => [`${path}.md`, `${path}.ipynb`].includes(entry.path));
    if (page) return app.commands.execute("docmanager:open", { path: page.path });
    return app.commands.execute("apputils:notify", { message: `There is no page ${path}.`, type: "warning" });
  }

  /** Sets an explorer of this notebook to what the prose says, and brings it into view. */
  async function explore(app, panel, id, query) {
    const [, name, number = "1"] = id.match(/^(.*?)(?:-(\d+))?$/);
    const figure = panel.node.querySelectorAll(`figure.explorer[data-explorer="${name}"]`)[number - 1];
    const handle = figure && window.explorers?.get(figure.id);
    if (!handle) {
      const message = "Run the cell of the explorer first: this link then sets it.";
      return app.commands.execute("apputils:notify", { message, type: "info", options: { autoClose: 4000 } });
    }
    const numeric = new Map(handle.controls().map((control) => [control.name, typeof control.value]));
    const values = [...new URLSearchParams(query.replace(/\+/g, "%2B"))].map(([key, text]) => {
      const kind = numeric.get(key);
      return [key, kind === "number" ? Number(text) : kind === "boolean" ? text === "true" : text];
    });
    await handle.set(Object.fromEntries(values));
    figure.scrollIntoView({ block: "nearest" });
  }

  function activate(app) {
    const { facts, references } = fromServer();
    const shown = new WeakMap(); // a span's text as we left it: JupyterLab may write a new one
    const known = new WeakSet();
    const texts = new WeakMap();
    let waiting = null;

    function put(span, kind, text, title) {
      span.classList.add("book-prose");
      span.dataset.prose = kind;
      if (title) span.title = title;
      const words = [...span.childNodes].find((node) => node.nodeType === Node.TEXT_NODE);
      if (words.data !== text) words.data = text;
      shown.set(span, text);
    }

    function showRole(span, role, text, panel, glued) {
      if (role === "fact") {
        const fact = facts[text];
        if (fact) put(span, "fact", fact[0], fact[1]);
      } else if (role === "glue:text") {
        put(span, "glue", glued.get(text) ?? PENDING, `Computed in this notebook: ${text}`);
      } else if (role === "live") {
        const [id, name] = text.split("|")[0].trim().split(".");
        const cell = panel.node.querySelector(`figure.explorer#${CSS.escape(id)} [data-readout="${CSS.escape(name)}"]`);
        put(span, "live", cell?.textContent ?? PENDING, "Follows the explorer");
      } else {
        const [, phrase, id, query] = text.match(EXPLORE) ?? [];
        if (!phrase) return;
        put(span, "explore", phrase, "Sets the explorer");
        span.role = "link";
        span.tabIndex = 0;
        span.onclick = () => explore(app, panel, id, query);
        span.onkeydown = (event) => { if (event.key === "Enter") span.click(); };
      }
    }

    function showPanel(panel) {
      const notebook = panel.content;
      if (!known.has(panel)) {
        known.add(panel);
        notebook.model.contentChanged.connect(schedule);
      }
      const glued = gluedIn(notebook);
      const kernel = !panel.context.sessionContext.hasNoKernel; // also while one is starting
      for (const cell of notebook.widgets) {
        if (!cell.node.isConnected) continue;
        if (cell.model.type === "code") showPictures(cell, kernel);
        if (cell.model.type !== "markdown") continue;
        const roles = rolesOf(cell.model.sharedModel.getSource());
        for (const span of cell.node.querySelectorAll(".myst span")) {
          if (span.childElementCount > 0) continue;
          if (shown.get(span) !== span.textContent) texts.set(span, flat(span.textContent));
          const text = texts.get(span);
          if (roles.has(text)) showRole(span, roles.get(text), text, panel, glued);
        }
        for (const span of cell.node.querySelectorAll('.cite-group span[title="Citation Not Found"]')) {
          const reference = references[flat(span.textContent)];
          if (!reference) continue;
          const narrative = span.closest(".cite-group").classList.contains("narrative");
          put(span, "cite", narrative ? `${reference.authors} (${reference.year})` : `${reference.authors}, ${reference.year}`, reference.title);
        }
      }
    }

    function pass() {
      waiting = null;
      for (const panel of app.shell.widgets("main")) {
        if (panel.content?.model?.cells && panel.content.widgets && panel.isVisible) showPanel(panel);
      }
    }
    function schedule() {
      waiting ??= setTimeout(pass, 100);
    }

    const style = document.createElement("style");
    style.textContent = STYLE;
    document.head.append(style);
    new MutationObserver(schedule).observe(document.body, { childList: true, subtree: true, characterData: true });
    document.addEventListener("click", (event) => openPage(app, event), { capture: true });
    schedule();
  }

  // JupyterLab's loader expects a module-federation container.
  (window._JUPYTERLAB ??= {})[NAME] = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: { id: `${NAME}:plugin`, autoStart: true, activate } }),
  };
})();
