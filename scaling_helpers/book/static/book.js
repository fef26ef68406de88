// What the pages need beyond the theme: wide things scroll inside their own box and say so, a tooltip can be dismissed,
// print is light and unfolded, and copying an equation gives its LaTeX. Everything works without this script, only less well.
(function () {
  "use strict";

  // A box that scrolls must be reachable by keyboard and have a name; one that does not should be neither.
  const boxes = ".math-scroll, .math-inline, .cell_output > .output:not(:has(pre))";

  function nameScrollers() {
    for (const box of document.querySelectorAll(boxes)) {
      const inline = box.classList.contains("math-inline");
      if (inline) box.classList.remove("math-inline-wide");
      const room = inline ? box.parentElement.clientWidth : box.clientWidth;
      const wide = inline ? room > 0 && box.getBoundingClientRect().width > room + 1 : box.scrollWidth > room + 1;
      if (inline) box.classList.toggle("math-inline-wide", wide);
      if (wide) {
        box.tabIndex = 0;
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", (box.dataset.label || (inline ? "Formula" : "Output")) + ", scrolls sideways");
      } else if (box.tabIndex === 0) {
        for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
      }
    }
  }

  // Keep a tooltip inside the window and off the number that it explains.
  function place(fact) {
    const tip = fact.querySelector(".fact-tip");
    fact.removeAttribute("data-dismissed");
    fact.removeAttribute("data-low");
    tip.style.removeProperty("--shift");
    const number = fact.getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    const over = box.right - document.documentElement.clientWidth + 8;
    if (box.width && over > 0) tip.style.setProperty("--shift", -Math.ceil(over) + "px");
    fact.toggleAttribute("data-low", number.bottom + box.height + 16 > innerHeight);
  }

  function copyLatex(event) {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return;
    const part = selection.getRangeAt(0).cloneContents();
    const formulas = part.querySelectorAll("math");
    if (!formulas.length) return;
    for (const formula of formulas) {
      const source = formula.querySelector("annotation");
      const dollars = formula.getAttribute("display") === "block" ? "$$" : "$";
      if (source) formula.replaceWith(dollars + source.textContent.trim() + dollars);
    }
    for (const link of part.querySelectorAll(".headerlink")) link.remove();
    const holder = document.createElement("div");
    holder.append(part);
    event.clipboardData.setData("text/plain", holder.textContent);
    event.preventDefault();
  }

  // On paper: dark text on white whatever the theme, and nothing folded.
  const root = document.documentElement;

  function beforePrint() {
    root.dataset.themeOnScreen = root.dataset.theme;
    root.dataset.theme = "light";
    for (const fold of document.querySelectorAll("article details:not([open])")) {
      fold.open = true;
      fold.dataset.openedForPrint = "";
    }
  }

  function afterPrint() {
    root.dataset.theme = root.dataset.themeOnScreen;
    for (const fold of document.querySelectorAll("details[data-opened-for-print]")) {
      fold.open = false;
      delete fold.dataset.openedForPrint;
    }
  }

  let timer = 0;
  function later() {
    clearTimeout(timer);
    timer = setTimeout(nameScrollers, 150);
  }

  function start() {
    nameScrollers();
    document.fonts.ready.then(nameScrollers);
    addEventListener("resize", later);
    document.addEventListener("toggle", later, true);
    for (const fact of document.querySelectorAll(".fact")) {
      fact.addEventListener("pointerenter", () => place(fact));
      fact.addEventListener("focusin", () => place(fact));
    }
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      for (const fact of document.querySelectorAll(".fact:hover, .fact:focus-within")) fact.dataset.dismissed = "";
    });
    document.addEventListener("copy", copyLatex);
    addEventListener("beforeprint", beforePrint);
    addEventListener("afterprint", afterPrint);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
