/**
 * Explorers: the front end of the book's interactive figures.
 *
 * One module, two hosts. In a built page `start()` finds every `figure.explorer`; in Jupyter anywidget calls
 * `render({model, el})`. Both hand a payload made by Python to the same class. The module knows no law: it writes the
 * controls' values into the signals of a Vega view and reads the numbers back out of others.
 *
 * @typedef {{name: string, kind: "log"|"linear"|"integer"|"choice"|"toggle", label: string, unit: string,
 *   format: string, min: ?number, max: ?number, step: ?number, options: ?string[], labels: ?string[],
 *   value: Value, help?: string, color?: number}} Control
 * @typedef {number|string|boolean} Value  in natural units: 5.76e23, not 23.76
 * @typedef {Object<string, Value>} Values
 * @typedef {{name: string, label: string, unit: string, format: string, group: string, color?: number}} Readout
 * @typedef {{label: string, values: Values, note?: string}} Preset
 * @typedef {{control: string, answer: string, prompt: string, values?: Values}} Guess
 * @typedef {{name: string, title: string, question: string, observe: string, caption: string, alt: string,
 *   controls: Control[], defaults: Values, presets: Preset[], readouts: Readout[], alternative: string, guess: ?Guess,
 *   initial: ?Object<string, ?number>, drag: ?{control: string, axis: "x"|"y"}, python: string, sources: Object<string, string>[], spec: object}} Payload
 * @typedef {{runtime: () => Promise<Function>, policy: () => Promise<boolean>, links: boolean, picture?: string,
 *   changed?: (values: Values) => void}} Host  what differs between a page and Jupyter
 */

/** A figure is mounted this far before it scrolls into view. */
const NEAR = "600px";
/** Thumb positions of a continuous slider, per decade and in all for a linear one. */
const POSITIONS = { decade: 500, linear: 1000 };
/** What the keys do to a continuous slider, in decades or hundredths of the range. */
const STEPS = { arrow: { log: 0.02, linear: 0.01 }, page: { log: 0.25, linear: 0.1 } };
const LEAST_HEIGHT = 340;
/** A screen reader hears the new state once the reader has paused, not every frame. */
const PAUSE = 600;
/** How long a kernel may take to send Vega before the reader is told that none answers. */
const SILENCE = 8000;

/* ------------------------------------------------------------------------------------------------ numbers */

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const MAGNITUDES = ["", "K", "M", "B", "T"];
const POWERS = {
  k: 3, thousand: 3, m: 6, mn: 6, million: 6, b: 9, bn: 9, g: 9, billion: 9, t: 12, tn: 12, trillion: 12,
  quadrillion: 15,
};

const trimZeros = (digits) => (digits.includes(".") ? digits.replace(/\.?0*$/, "") : digits);
const superscript = (exponent) => [...String(exponent)].map((c) => (c === "-" ? "⁻" : SUPERSCRIPTS[c])).join("");
const grouped = (digits) => digits.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

/** x ≥ 0 as its first significant digits and its power of ten. toExponential rounds exact halves up, as Python does. */
function rounded(x, digits) {
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
  return { figures: mantissa.replace(".", ""), exponent: Number(exponent) };
}

/** Those digits with the point `exponent` places behind the first, and no idle zeros. */
function withPoint({ figures, exponent }) {
  const point = exponent + 1;
  if (point <= 0) return trimZeros(`0.${"0".repeat(-point)}${figures}`);
  return trimZeros(`${figures.slice(0, point).padEnd(point, "0")}.${figures.slice(point)}`);
}

const decimal = (x, digits) => withPoint(rounded(x, digits));

function scientific(x) {
  const { figures, exponent } = rounded(x, 3);
  return `${withPoint({ figures, exponent: 0 })} × 10${superscript(exponent)}`;
}

/** From here on a number is written as a power of ten. */
const LONGEST = 1e15;
const KINDS = {
  count(x) {
    const { figures, exponent } = rounded(x, 3);
    if (exponent >= 15) return scientific(x);
    const tier = Math.max(0, Math.floor(exponent / 3));
    return withPoint({ figures, exponent: exponent - 3 * tier }) + MAGNITUDES[tier];
  },
  flop: scientific,
  loss: (x) => (x >= LONGEST ? scientific(x) : x.toFixed(4)),
  ratio: (x) => grouped(decimal(x, 3)),
  percent(x) {
    const scaled = 100 * x;
    return `${scaled >= LONGEST ? scientific(scaled) : scaled >= 10 ? scaled.toFixed(0) : decimal(scaled, 2)}%`;
  },
  share: (x) => `${decimal(100 * x, 3)}%`,
  times: (x) => `${grouped(decimal(x, 3))}×`,
  plain: (x) => decimal(x, 6),
  exact: (x) => grouped(decimal(x, 6)),
  year: (x) => (x >= LONGEST ? scientific(x) : x.toFixed(1)),
};

/**
 * A number as the book writes it; `scaling_helpers/numbers.py` agrees with it to the character.
 * @param {?number} value
 * @param {string} kind  one of KINDS
 */
function format(value, kind) {
  if (value === null || value === undefined || !Number.isFinite(kind === "percent" || kind === "share" ? 100 * value : value)) return "—";
  if (!(kind in KINDS)) throw new Error(`no number format is called “${kind}”; there are ${Object.keys(KINDS).join(", ")}`);
  return (value < 0 ? "-" : "") + KINDS[kind](Math.abs(value));
}

/**
 * What a reader types into a field: 5.76e23, 5.76 × 10^23, 5.76 x 10²³, 70B, 1.4T tokens, 175 billion, 66%.
 * The digits and the power of ten go to one conversion, so that 5.76 × 10²³ is the double 5.76e23.
 * @returns {?number} null when it is not a number
 */
function parseNumber(text, unit = "", kind = "plain") {
  const plain = text
    .replace(/[⁻⁰¹²³⁴-⁹]+/g, (run) => `^${[...run].map((c) => (c === "⁻" ? "-" : SUPERSCRIPTS.indexOf(c))).join("")}`)
    .replace(/[−–]/g, "-")
    .replace(/\s+/g, " ")
    .trim()
    .toLowerCase()
    .replace(/^([+-]?)(?=10 ?(?:\^|\*\*))/, (sign) => `${sign}1x`);
  const match = plain.match(
    /^([+-]?(?:\d{1,3}(?:[, ]\d{3})+(?:\.\d*)?|\d+\.?\d*|\.\d+))(?:e([+-]?\d+))?(?: ?[x×*·]? ?10 ?(?:\^|\*\*) ?\(?([+-]?\d+)\)?)? ?(.*)$/,
  );
  if (!match) return null;
  const [, digits, exponent = 0, tens = 0, rest] = match;
  const singular = (words) => words.toLowerCase().replace(/s$/, "");
  const [first, ...others] = rest.split(" ");
  const power = Object.hasOwn(POWERS, first) ? POWERS[first] : 0;
  const words = singular((power ? others.join(" ") : rest).replace(/^[%×x]$/, ""));
  if (words !== "" && words !== singular(unit)) return null;
  const percent = kind === "percent" || kind === "share" ? -2 : 0; // such a field shows 66%, so a bare 66 means the same
  const number = Number(`${digits.replace(/[, ]/g, "")}e${Number(exponent) + Number(tens) + power + percent}`);
  return Number.isFinite(number) ? number : null;
}

/** The shortest text that reads back as the same number, without the plus sign that URLs turn into a space. */
const shortest = (x) => {
  const text = String(x);
  if (text.includes("e")) return text.replace("e+", "e");
  return Math.abs(x) >= 1e6 ? x.toExponential().replace("e+", "e") : text;
};

/** @param {Control} control */
function pythonLiteral(control, value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (control.kind === "integer") return String(value);
  const text = shortest(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/* ----------------------------------------------------------------------------------------------- controls */

const isNumeric = (control) => control.min !== null && control.min !== undefined;
const stepOf = (control) => control.step ?? (control.kind === "integer" ? 1 : null);
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

/** How a control's value reads in a sentence: “5.76 × 10²³ FLOP”, “Hoffmann et al. 2022”, “on”. */
function inWords(control, value, withUnit = true) {
  if (control.kind === "toggle") return value ? "on" : "off";
  if (control.kind === "choice") return control.labels?.[control.options.indexOf(value)] ?? String(value);
  const text = format(value, control.format);
  return withUnit && control.unit ? `${text} ${control.unit}` : text;
}

/**
 * The value a control takes when it is given `value`: snapped, clamped, or refused.
 * @param {Control} control
 */
function admit(control, value) {
  const shown = typeof value === "string" ? `“${value}”` : String(value);
  if (control.kind === "toggle") {
    if (typeof value !== "boolean") throw new TypeError(`${control.name} must be true or false, got ${shown}`);
    return value;
  }
  if (control.kind === "choice") {
    if (!control.options.includes(value)) {
      throw new RangeError(`${control.name} must be one of ${control.options.join(", ")}, got ${shown}`);
    }
    return value;
  }
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new TypeError(`${control.name} must be a finite number, got ${shown}`);
  }
  const step = stepOf(control);
  const snapped = step ? control.min + Math.round((value - control.min) / step) * step : value;
  return clamp(snapped, control.min, control.max);
}

/** A value set by hand: three significant digits, or a round step of a linear range. */
function byHand(control, value) {
  if (control.kind === "log") return clamp(Number(value.toPrecision(3)), control.min, control.max);
  if (stepOf(control)) return admit(control, value);
  const places = Math.ceil(-Math.log10((control.max - control.min) / POSITIONS.linear));
  return clamp(Number(value.toFixed(clamp(places, 0, 20))), control.min, control.max);
}

/** A slider runs over whole positions, so that its thumb glides; these turn positions into values and back. */
function sliderEnd(control) {
  if (control.kind === "log") return Math.round(POSITIONS.decade * Math.log10(control.max / control.min));
  const step = stepOf(control);
  return step ? Math.ceil((control.max - control.min) / step - 1e-9) : POSITIONS.linear;
}

function toPosition(control, value) {
  const { min, max } = control;
  const share = control.kind === "log" ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min);
  return Math.round(share * sliderEnd(control));
}

function fromPosition(control, position) {
  const { min, max } = control;
  const end = sliderEnd(control);
  if (position >= end) return max;
  if (position <= 0) return min;
  if (control.kind === "log") return byHand(control, min * (max / min) ** (position / end));
  return byHand(control, min + position * (stepOf(control) ?? (max - min) / end));
}

/** Where a key takes a slider, or null for a key that is not ours. */
function keyMove(control, value, key) {
  if (key === "Home") return control.min;
  if (key === "End") return control.max;
  const size = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 1, PageDown: -1 }[key];
  if (!size) return null;
  const by = STEPS[key.startsWith("Page") ? "page" : "arrow"];
  if (control.kind === "log") return byHand(control, value * 10 ** (size * by.log));
  const range = control.max - control.min;
  const step = stepOf(control);
  if (!step) return byHand(control, value + size * by.linear * range);
  const steps = key.startsWith("Page") ? Math.max(1, Math.round((by.linear * range) / step)) : 1;
  return byHand(control, value + size * steps * step);
}

/* -------------------------------------------------------------------------------------------- state links */

/** The query of a link that restores `values`. */
function toQuery(controls, values) {
  return controls
    .map(({ name }) => `${name}=${encodeURIComponent(typeof values[name] === "number" ? shortest(values[name]) : values[name])}`)
    .join("&");
}

/**
 * Reads such a query. What cannot be used is left out and named, so that the rest of a mangled link still works.
 * @returns {{values: Values, problems: string[]}}
 */
function fromQuery(controls, query) {
  const values = {};
  const problems = [];
  // URLSearchParams reads "+" as a space, but hand-written links say 5.76e+23.
  for (const [name, text] of new URLSearchParams(query.replace(/\+/g, "%2B"))) {
    const control = controls.find((c) => c.name === name);
    const value = control && readLinkValue(control, text);
    if (!control) problems.push(`it has no control called “${name}”`);
    else if (value === null) problems.push(`“${text}” is no setting of ${control.label.toLowerCase()}`);
    else values[name] = value;
    if (isNumeric(control ?? {}) && value !== null && (value < control.min || value > control.max)) {
      problems.push(`${control.label.toLowerCase()} stops at ${inWords(control, admit(control, value))}`);
    }
  }
  return { values, problems };
}

function readLinkValue(control, text) {
  if (control.kind === "toggle") return { true: true, false: false, 1: true, 0: false }[text] ?? null;
  if (control.kind === "choice") return control.options.includes(text) ? text : null;
  return parseNumber(text);
}

/* ---------------------------------------------------------------------------------------------------- DOM */

/** An element with attributes, `on…` listeners and children; null children are left out. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Writes only what changed: most text stays as it is from one frame to the next. The text's node stays too: a new one is a
 * change of structure, for which the browser judges every `:has()` around it again.
 */
function write(element, text) {
  const [only, ...others] = element.childNodes;
  if (only?.nodeType === Node.TEXT_NODE && !others.length) {
    if (only.data !== text) only.data = text;
  } else if (element.textContent !== text) element.textContent = text;
}

/**
 * Gives the parts of a drawing ids of their own. Two drawings on a page that both clip by `#clip0` clip by the first
 * one's, and not at all once that one is hidden.
 */
function ownIds(drawing, prefix) {
  for (const element of drawing.querySelectorAll("[id]")) element.id = `${prefix}-${element.id}`;
  for (const element of drawing.querySelectorAll("[clip-path], [fill], [stroke], [href]")) {
    for (const name of ["clip-path", "fill", "stroke", "href"]) {
      const old = element.getAttribute(name);
      if (old?.includes("#")) element.setAttribute(name, old.replace(/^#|(?<=^url\(["']?)#/, `#${prefix}-`));
    }
  }
}

/**
 * Lets `element` keep the room that its words once needed at this width: were it given back when they get shorter, all
 * that stands below would move, and the browser would place the rest of the page anew, at every step of a drag.
 */
function keepRoom(element) {
  const held = { width: 0, height: 0 };
  return new ResizeObserver(([{ contentRect: { width, height } }]) => {
    if (width !== held.width) {
      Object.assign(held, { width, height: 0 });
      if (element.style.minHeight) return void (element.style.minHeight = ""); // its own height comes with the next call
    }
    if (height > held.height) {
      held.height = height;
      element.style.minHeight = `${height}px`;
    }
  });
}

const button = (label, onclick, kind = "quiet") =>
  h("button", { type: "button", class: `explorer-button explorer-${kind}`, onclick }, label);

const accent = (part) => (part.color ? `explorer-accent-${part.color}` : "");

/** `text` with {name:kind} filled in by `fill`, [[name|text]] kept where `has(name)` and [[!name|text]] where not. */
function fillTemplate(template, fill, has) {
  return template
    .replace(/\[\[(!?)(\w+)\|(.*?)\]\]/gs, (_, not, name, text) => (has(name) === !not ? text : ""))
    .replace(/\{(\w+)(?::(\w+))?\}/g, (whole, name, kind) => fill(name, kind) ?? whole);
}

/**
 * Builds one control. `input(value)` is called when the reader moves it.
 * @param {Control} control
 * @returns {{element: HTMLElement, show: (value: Value) => void}}
 */
function buildControl(control, id, input) {
  if (control.kind === "toggle") return buildToggle(control, id, input);
  if (control.kind === "choice") return buildChoice(control, id, input);
  return buildSlider(control, id, input);
}

const helpText = (control, id) => (control.help ? h("p", { class: "explorer-help", id: `${id}-help` }, control.help) : null);
const describedBy = (control, id, ...more) => [control.help ? `${id}-help` : "", ...more].join(" ").trim() || null;

function buildToggle(control, id, input) {
  const box = h("input", {
    type: "checkbox", role: "switch", id, "aria-describedby": describedBy(control, id),
    onchange: () => input(box.checked),
  });
  const label = h("label", { class: "explorer-switch", for: id }, box, h("span", {}, control.label));
  return {
    element: h("div", { class: `explorer-control ${accent(control)}` }, label, helpText(control, id)),
    show: (value) => { box.checked = value; },
  };
}

function buildChoice(control, id, input) {
  const labels = control.labels ?? control.options;
  if (control.options.length > 4 || labels.join("").length > 84) return buildSelect(control, id, labels, input);
  const radios = control.options.map((option, i) =>
    h("input", { type: "radio", name: id, id: `${id}-${i}`, value: option, onchange: () => input(option) }));
  const pills = radios.map((radio, i) => h("label", { class: "explorer-pill", for: radio.id }, radio, h("span", {}, labels[i])));
  const element = h(
    "fieldset",
    { class: `explorer-control ${accent(control)}`, "aria-describedby": describedBy(control, id) },
    h("legend", { class: "explorer-label" }, control.label),
    h("div", { class: "explorer-pills" }, pills),
    helpText(control, id),
  );
  const show = (value) => radios.forEach((radio, i) => {
    radio.checked = control.options[i] === value;
    if (radio.checked) pills[i].dataset.chosen = value;
    else delete pills[i].dataset.chosen;
  });
  return { element, show };
}

function buildSelect(control, id, labels, input) {
  const select = h(
    "select",
    { id, class: "explorer-select", "aria-describedby": describedBy(control, id), onchange: () => input(control.options[select.selectedIndex]) },
    control.options.map((option, i) => h("option", { value: option }, labels[i])),
  );
  const element = h(
    "div",
    { class: `explorer-control ${accent(control)}` },
    h("label", { class: "explorer-label", for: id }, control.label),
    select,
    helpText(control, id),
  );
  return { element, show: (value) => { select.selectedIndex = control.options.indexOf(value); } };
}

function buildSlider(control, id, input) {
  let current = control.value;
  const move = (value) => {
    show(value);
    input(value);
  };
  const slider = h("input", {
    type: "range", id, min: 0, max: sliderEnd(control), step: 1, "aria-describedby": describedBy(control, id),
    oninput: () => move(fromPosition(control, Number(slider.value))),
    onkeydown: (event) => {
      const value = event.altKey || event.ctrlKey || event.metaKey ? null : keyMove(control, current, event.key);
      if (value === null) return;
      event.preventDefault();
      if (value !== current) move(value);
    },
  });
  const field = buildField(control, id, () => current, move);
  const decades = control.kind === "log" ? Math.log10(control.max / control.min) : 0;
  const scale = h("div", { class: "explorer-scale", "aria-hidden": "true" },
    [format(control.min, control.format), control.unit, format(control.max, control.format)].map((text) => h("span", {}, text)));
  const track = h("div", { class: "explorer-track" }, slider, decades ? h("i", { class: "explorer-ticks" }) : null);
  if (decades) track.style.setProperty("--decades", decades);

  function show(value) {
    current = value;
    const position = toPosition(control, value);
    // The browser has placed the thumb already while it is dragged; writing it again would make it jump.
    if (Number(slider.value) !== position && !(document.activeElement === slider && fromPosition(control, Number(slider.value)) === value)) {
      slider.value = position;
    }
    slider.style.setProperty("--fill", position / sliderEnd(control));
    slider.setAttribute("aria-valuetext", inWords(control, value));
    field.show(value);
  }
  const element = h(
    "div",
    { class: `explorer-control ${accent(control)}` },
    h("div", { class: "explorer-row" }, h("label", { class: "explorer-label", for: id }, control.label), field.element),
    track,
    scale,
    field.error,
    helpText(control, id),
  );
  return { element, show };
}

/** The text field beside a slider: it takes any way of writing a number and never loses the last good one. */
function buildField(control, id, current, move) {
  const text = (value) => format(value, control.format);
  let shown = "";
  const error = h("p", { class: "explorer-error", id: `${id}-error`, "aria-live": "polite" });
  const box = h("input", {
    type: "text", class: "explorer-field", autocomplete: "off", spellcheck: "false", size: 10, enterkeyhint: "done",
    "aria-label": control.unit ? `${control.label}, in ${control.unit}` : control.label,
    "aria-describedby": `${id}-error`,
    onfocus: () => box.select(),
    onchange: () => commit(),
    onkeydown: (event) => {
      if (event.key === "Enter") commit();
      if (event.key === "Escape") show(current(), true);
    },
  });

  function commit() {
    // The text is rounded, the value may not be: leaving a field untouched must not round it.
    if (box.value === shown) return show(current(), true);
    const value = parseNumber(box.value, control.unit, control.format);
    if (value === null || value < control.min || value > control.max) return complain(value);
    const admitted = admit(control, value);
    move(admitted);
    show(admitted, true);
  }
  function complain(value) {
    const range = `${text(control.min)} to ${inWords(control, control.max)}`;
    const why = value === null ? "is not a number that this field can read" : "is out of range";
    const typed = box.value.trim() ? `“${box.value.trim()}”` : "An empty field";
    box.setAttribute("aria-invalid", "true");
    write(error, `${typed} ${why}: give a value from ${range}, such as ${text(current())}.`);
  }
  function show(value, force = false) {
    shown = text(value);
    if (box.value !== shown && (force || document.activeElement !== box)) box.value = shown;
    if (box.value !== shown) return;
    box.removeAttribute("aria-invalid");
    write(error, "");
  }
  return { element: box, error, show };
}

/** @param {Readout[]} readouts */
function buildReadouts(readouts) {
  const cells = new Map();
  const groups = new Map();
  const titles = [...new Set(readouts.map((readout) => readout.group ?? ""))];
  const tables = titles.map((group) => {
    const members = readouts.filter((readout) => (readout.group ?? "") === group);
    const rows = members.map((readout) => {
      const cell = h("td", { class: "explorer-value", "data-readout": readout.name }, "…");
      cells.set(readout.name, cell);
      return h("tr", { class: accent(readout) }, h("th", { scope: "row" }, readout.label), cell, h("td", { class: "explorer-unit" }, readout.unit));
    });
    const table = h("table", { class: accent(members[0]) }, group ? h("caption", {}, group) : null, h("tbody", {}, rows));
    groups.set(table, members);
    return table;
  });
  return { element: h("div", { class: "explorer-readouts", "data-groups": tables.length }, tables), cells, groups };
}

function buildSources(sources) {
  const columns = ["label", "value", "source", "confidence"].filter((key) => sources.some((row) => row[key]));
  const titles = { label: "Quantity", value: "Value", source: "Source", confidence: "Confidence" };
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, columns.map((key) => h("th", { scope: "col" }, titles[key])))),
    h("tbody", {}, sources.map((row) => h("tr", {}, columns.map((key, i) =>
      h(i ? "td" : "th", i ? { class: `explorer-source-${key}` } : { scope: "row" }, row[key] ?? ""))))),
  );
}

/* ----------------------------------------------------------------------------------------------- Vega view */

/**
 * The spec as this page needs it. Marks and axes give up their aria attributes: the picture has one name, and a screen
 * reader that met every tick and point as an element of its own would have to walk through all of them.
 */
function prepareSpec(spec, size, values) {
  const copy = structuredClone(spec);
  delete copy.$schema; // embed only warns about it
  delete copy.background; // the page's own shows through, light or dark
  const silence = (group) => {
    for (const part of [...(group.marks ?? []), ...(group.axes ?? []), ...(group.legends ?? [])]) {
      part.aria = false;
      silence(part);
    }
    if (group.title && typeof group.title === "object") group.title.aria = false;
  };
  silence(copy);
  // The first run already draws the right state at the right size; each run that follows would cost a frame.
  for (const side of ["width", "height"]) if (typeof copy[side] === "number") copy[side] = size[side];
  for (const signal of copy.signals ?? []) {
    if (signal.name in values) signal.value = values[signal.name];
    if (["width", "height"].includes(signal.name)) delete signal.on; // the figure's box decides, not the window
  }
  return copy;
}

/** Does a content policy keep `Function()` from compiling? Asking it is the only way that logs nothing. */
function forbidsEval(policy) {
  const directives = policy.split(";").map((part) => part.trim().toLowerCase().split(/\s+/));
  const named = (name) => directives.find(([first]) => first === name);
  const scripts = named("script-src") ?? named("default-src");
  return Boolean((scripts && !scripts.includes("'unsafe-eval'")) || named("require-trusted-types-for"));
}

const metaForbids = () =>
  [...document.querySelectorAll('meta[http-equiv="content-security-policy" i]')].some((meta) => forbidsEval(meta.content));

/** Whether Vega must interpret its expressions. When the page's headers cannot be read, it does. */
async function pagePolicy() {
  if (metaForbids()) return true;
  if (location.protocol === "file:") return false; // no headers, so no policy but a meta element's
  try {
    const response = await fetch(location.href, { method: "HEAD", cache: "force-cache" });
    await response.text(); // an answer left unread is reported as a failed request
    return !response.ok || (response.headers.get("content-security-policy") ?? "").split(",").some(forbidsEval);
  } catch {
    return true; // offline from a cache, say: the interpreter is slower but always allowed
  }
}

/* ------------------------------------------------------------------------------------------------ explorer */

class Explorer {
  /**
   * @param {HTMLElement} figure
   * @param {Payload} payload
   * @param {Host} host
   */
  constructor(figure, payload, host) {
    this.figure = figure;
    this.payload = payload;
    this.host = host;
    this.id = figure.id;
    /** @type {Values} */
    this.values = Object.fromEntries(payload.controls.map((c) => [c.name, c.value]));
    /** @type {?Object<string, ?number>} */
    this.results = null;
    this.view = null;
    this.mode = "open"; // "open", "guessing" or "revealed"
    this.queued = false;
    this.extra = { width: 0, height: 0 };
    this.mounting = null;
    this.frameMounts();
    this.build();
    this.paintControls();
    this.sizes = new ResizeObserver(() => this.queueResize());
    this.room = keepRoom(this.alternative);
  }

  control(name) {
    const found = this.payload.controls.find((c) => c.name === name);
    if (!found) throw new Error(`this explorer has no control “${name}”; it has ${this.payload.controls.map((c) => c.name).join(", ")}`);
    return found;
  }

  /* -- building ---------------------------------------------------------------------------------------- */

  /** The parts that Python's HTML has already; in Jupyter they are made here. */
  frameMounts() {
    const { figure, payload } = this;
    const part = (selector, make) => {
      const found = figure.querySelector(`:scope > ${selector}`);
      if (found) return found;
      const made = make();
      figure.append(made);
      return made;
    };
    this.question = part(".explorer-question", () => h("p", { class: "explorer-question" }, payload.question));
    this.stage = part(".explorer-stage", () => h("div", { class: "explorer-stage" }));
    this.alternative = part(".explorer-alternative", () => h("p", { class: "explorer-alternative" }, ""));
    this.caption = part("figcaption", () => h("figcaption", {}, payload.caption));
    this.picture = this.stage.querySelector(".explorer-static");
    if (!this.picture) {
      this.picture = h("div", { class: "explorer-static", role: "img", "aria-label": payload.alt });
      this.picture.innerHTML = this.host.picture ?? ""; // an SVG that Python drew
      this.stage.append(this.picture);
    }
    const box = this.picture.querySelector("svg")?.viewBox.baseVal;
    this.aspect = box?.width ? box.height / box.width : 0.6;
    ownIds(this.picture, `${this.id}-picture`);
  }

  build() {
    const { payload, figure, id } = this;
    figure.setAttribute("aria-labelledby", (this.question.id ||= `${id}-question`));
    this.inputs = new Map();
    const controls = h("div", { class: "explorer-controls", role: "group", "aria-label": "Controls" });
    for (const control of payload.controls) {
      const made = buildControl(control, `${id}-${control.name}`, (value) => this.move({ [control.name]: value }));
      this.inputs.set(control.name, made);
      controls.append(made.element);
    }
    const { element: readouts, cells, groups } = buildReadouts(payload.readouts);
    this.cells = cells;
    this.groups = groups;
    this.readouts = readouts;
    this.state = h("p", { class: "explorer-state" });
    this.status = h("p", { class: "explorer-status", role: "status" });
    // The words under the chart change at once and can be read at any time, so they are ordinary text. Making them a
    // live region would speak every frame of a drag; hiding them from screen readers would leave nothing to go back
    // to. So a second, unseen region speaks the sentence once the reader pauses, and is emptied again.
    this.voice = h("p", { class: "explorer-unseen", "aria-live": "polite" });
    const observe = payload.observe ? h("p", { class: "explorer-observe" }, payload.observe) : null;
    const { bar, panels } = this.buildToolbar();
    this.stage.before(...[this.buildPresets(), this.buildGuess()].filter(Boolean));
    const board = h("div", { class: "explorer-board" });
    this.stage.before(board);
    board.append(this.stage, controls);
    board.after(readouts);
    if (payload.initial) for (const { name, format: kind } of payload.readouts) write(cells.get(name), format(payload.initial[name], kind));
    this.alternative.after(...[this.state, observe, bar, this.status, ...panels, this.voice].filter(Boolean));
    figure.dataset.state = "waiting";
  }

  buildPresets() {
    const { presets } = this.payload;
    if (!presets?.length) return null;
    this.presets = presets.map((preset) => {
      const press = () => this.set(preset.values).then(() => this.speakSoon(), (error) => this.say(error.message));
      return { preset, button: h("button", { type: "button", class: "explorer-pill", "aria-pressed": "false", onclick: press }, preset.label) };
    });
    this.note = presets.some((preset) => preset.note) ? h("p", { class: "explorer-note" }) : null;
    return h(
      "div",
      { class: "explorer-presets", role: "group", "aria-label": "Presets" },
      h("div", { class: "explorer-pills" }, this.presets.map((entry) => entry.button)),
      this.note,
    );
  }

  buildToolbar() {
    const { payload, id } = this;
    this.panels = [];
    const bar = h("div", { class: "explorer-toolbar" }, button("Reset", () => this.reset()));
    if (this.host.links) bar.append(button("Copy link", () => this.copyLink()));
    if (payload.guess) {
      this.guessButton = button("Guess first", () => (this.mode === "guessing" ? this.endGuess("open") : this.startGuess()), "invite");
      bar.append(this.guessButton);
    }
    const disclose = (name, title, ...content) => {
      // It scrolls sideways where it must, so the keyboard has to reach it.
      const attributes = { role: "region", "aria-label": title, tabindex: 0, hidden: true };
      const panel = h("div", { class: `explorer-panel explorer-${name}`, id: `${id}-${name}`, ...attributes }, content);
      const toggle = button(title, () => this.open(entry, panel.hidden));
      toggle.setAttribute("aria-expanded", "false");
      toggle.setAttribute("aria-controls", panel.id);
      const entry = { panel, toggle };
      this.panels.push(entry);
      bar.append(toggle);
    };
    if (payload.python) {
      this.code = h("code");
      const copy = button("Copy", () => this.copy(this.pythonText(), "The code is on the clipboard.", this.code));
      disclose("python", "Show the Python", h("pre", {}, this.code), copy);
    }
    if (payload.sources?.length) disclose("sources", "Sources", buildSources(payload.sources));
    return { bar, panels: this.panels.map((entry) => entry.panel) };
  }

  buildGuess() {
    const { guess } = this.payload;
    if (!guess) return null;
    this.verdict = h("p", { class: "explorer-verdict", tabindex: -1 });
    this.reveal = button("Reveal", () => this.endGuess("revealed"), "primary");
    this.again = button("Guess again", () => this.startGuess());
    const close = button("Close", () => this.endGuess("open"));
    // Whoever guesses by keyboard is on a slider, many stops away from the button.
    this.figure.addEventListener("keydown", ({ key, target }) => {
      if (key === "Enter" && this.mode === "guessing" && target.type === "range") this.endGuess("revealed");
    });
    this.guessPanel = h("div", { class: "explorer-guess", role: "group", "aria-label": "Guess first", hidden: true },
      this.verdict, h("div", { class: "explorer-guess-buttons" }, this.reveal, this.again, close));
    return this.guessPanel;
  }

  /* -- the view ---------------------------------------------------------------------------------------- */

  /** Starts the view once; every later call gets the same promise. */
  mount() {
    this.mounting ??= this.startView().catch((error) => {
      this.fail(error);
      throw error;
    });
    return this.mounting;
  }

  async startView() {
    const [embed, ast] = await Promise.all([this.host.runtime(), this.host.policy()]);
    const chart = h("div", { class: "explorer-chart", hidden: true });
    this.stage.append(chart);
    const spec = prepareSpec(this.payload.spec, this.size(), this.values);
    const options = { mode: "vega", renderer: "svg", actions: false, tooltip: false, hover: false, defaultStyle: false };
    const { view, finalize } = await embed(chart, spec, { ...options, ast });
    this.view = view;
    this.finalize = finalize;
    // Vega keeps 10,000 dead rows for each transform before it clears them: a thousand moves would hold 20 MB.
    view.cleanThreshold = 500;
    // Vega writes an expression's failure to the console and goes on with old numbers; here it is a failure.
    view.logger({ level: () => view, error: (...args) => { this.trouble = args; }, warn: console.warn, info: () => {}, debug: () => {} });
    this.svg = chart.querySelector("svg");
    chart.firstElementChild?.removeAttribute("aria-roledescription");
    this.nameChart(chart);
    const padding = view.padding();
    if (view.signal("autosize")?.contains !== "padding") {
      this.extra = { width: padding.left + padding.right, height: padding.top + padding.bottom };
    }
    await this.resize();
    await this.run();
    this.picture.hidden = true;
    chart.hidden = false;
    this.chart = chart;
    this.watchDrag();
    this.sizes.observe(this.stage);
    this.room.observe(this.alternative);
    this.figure.dataset.state = "live";
    this.paint();
  }

  /** One image with one name, whatever Vega says about its parts. */
  nameChart(chart) {
    for (const element of [chart, ...chart.querySelectorAll("[role], [aria-label], [aria-roledescription]")]) {
      for (const name of ["role", "aria-label", "aria-roledescription", "tabindex"]) element.removeAttribute(name);
    }
    this.svg.setAttribute("aria-hidden", "true");
    this.svg.setAttribute("focusable", "false");
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", this.payload.alt);
  }

  /** Writes the state into the view, runs it, reads the numbers back. */
  async run() {
    const { view } = this;
    for (const { name } of this.payload.controls) view.signal(name, this.values[name]);
    if (this.payload.guess) view.signal("reveal", this.mode !== "guessing");
    await view.runAsync();
    if (this.trouble) {
      const [first, ...rest] = this.trouble;
      this.trouble = null;
      throw first instanceof Error ? first : new Error([first, ...rest].join(" "));
    }
    this.results = Object.fromEntries(this.payload.readouts.map(({ name }) => [name, view.signal(`readout_${name}`) ?? null]));
  }

  size() {
    const width = Math.floor(this.stage.clientWidth);
    return { width, height: Math.round(Math.max(LEAST_HEIGHT, width * this.aspect)) };
  }

  queueResize() {
    if (this.resizing) return;
    this.resizing = true;
    requestAnimationFrame(() => {
      this.resizing = false;
      if (this.view) this.resize().catch((error) => this.fail(error));
    });
  }

  /** Fits the drawing to its box. How much the axes add to the plot is measured, since it depends on autosize. */
  async resize() {
    const { width, height } = this.size();
    if (!width || (width === this.fitted?.width && height === this.fitted.height)) return;
    this.fitted = { width, height };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      this.view.width(width - this.extra.width).height(height - this.extra.height);
      await this.view.runAsync();
      const over = { width: this.svg.width.baseVal.value - width, height: this.svg.height.baseVal.value - height };
      if (Math.abs(over.width) <= 1 && Math.abs(over.height) <= 1) return;
      this.extra = { width: this.extra.width + over.width, height: this.extra.height + over.height };
    }
  }

  fail(error) {
    console.error(error);
    this.picture.hidden = false;
    this.chart?.setAttribute("hidden", "");
    const reason = String(error?.message ?? error).replace(/[.\s]+$/, "");
    showFailure(this.figure, `This explorer could not start: ${reason}; the picture shows its starting state.`);
  }

  /* -- moving ------------------------------------------------------------------------------------------ */

  /** By hand: however many events arrive, the view runs once a frame. */
  move(changes) {
    Object.assign(this.values, changes);
    this.speakSoon();
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.apply().catch((error) => this.fail(error));
    });
  }

  async apply() {
    this.host.changed?.(this.values);
    this.paintControls();
    if (!this.view) return;
    await this.run();
    this.paint();
  }

  /** By program: all or nothing, in natural units; resolves when the view has run. */
  async set(changes) {
    const admitted = Object.entries(changes).map(([name, value]) => [name, admit(this.control(name), value)]);
    Object.assign(this.values, Object.fromEntries(admitted));
    this.host.changed?.(this.values);
    this.paintControls();
    await this.mount();
    await this.run();
    this.paint();
  }

  reset() {
    if (this.mode !== "open") this.endGuess("open");
    this.set(this.payload.defaults).then(() => this.say("Back at the start."), (error) => this.say(error.message));
  }

  /** Dragging in the plot area moves one control; its slider is the way for everyone else. */
  watchDrag() {
    const { drag } = this.payload;
    if (!drag) return;
    const control = this.control(drag.control);
    const surface = this.chart;
    surface.classList.add(`explorer-drag-${drag.axis}`);
    let start = null;
    const inside = ({ x, y }) => x >= 0 && y >= 0 && x <= this.view.width() && y <= this.view.height();
    const take = (place) => {
      const value = this.view.scale(drag.axis).invert(place[drag.axis]);
      this.move({ [control.name]: byHand(control, admit(control, Number(value))) });
    };
    surface.addEventListener("pointerdown", (event) => {
      const place = this.place(event);
      if (!event.isPrimary || event.button !== 0 || !inside(place)) return;
      start = { ...place, moving: event.pointerType !== "touch" };
      surface.setPointerCapture(event.pointerId);
      if (start.moving) take(place);
    });
    surface.addEventListener("pointermove", (event) => {
      const place = this.place(event);
      surface.classList.toggle("explorer-draggable", inside(place) || start !== null);
      // A finger may be about to scroll the page: it drags once it has moved along the axis.
      if (start && Math.abs(place[drag.axis] - start[drag.axis]) > 5) start.moving = true;
      if (start?.moving) take(place);
    });
    surface.addEventListener("pointerup", (event) => {
      if (start && !start.moving) take(this.place(event));
      start = null;
    });
    surface.addEventListener("pointercancel", () => { start = null; });
  }

  /** A pointer's place in the plot area, in the view's own pixels. */
  place(event) {
    const box = this.svg.getBoundingClientRect();
    const zoom = this.svg.width.baseVal.value / box.width;
    const [left, top] = this.view.origin();
    const padding = this.view.padding();
    return { x: (event.clientX - box.left) * zoom - left - padding.left, y: (event.clientY - box.top) * zoom - top - padding.top };
  }

  /* -- showing ----------------------------------------------------------------------------------------- */

  paintControls() {
    for (const { name } of this.payload.controls) this.inputs.get(name).show(this.values[name]);
    const active = this.presets?.find(({ preset }) => Object.entries(preset.values).every(([name, value]) => this.values[name] === value));
    for (const entry of this.presets ?? []) entry.button.setAttribute("aria-pressed", String(entry === active));
    if (this.note) write(this.note, active?.preset.note ?? "Pick a starting point, or move the controls.");
    write(this.state, `State shown: ${this.stateInWords()}.`);
    if (this.code && !this.code.closest(".explorer-panel").hidden) write(this.code, this.pythonText());
  }

  paint() {
    if (this.figure.dataset.state !== "live") return;
    const masked = this.mode === "guessing";
    for (const { name, format: kind } of this.payload.readouts) {
      write(this.cells.get(name), masked ? "?" : format(this.results[name], kind));
    }
    // A group without any answer (no second law, say) only takes room.
    for (const [table, members] of this.groups) table.hidden = !masked && members.every(({ name }) => this.results[name] === null);
    this.readouts.toggleAttribute("data-short", [...this.groups.keys()].at(-1)?.hidden ?? false);
    write(this.alternative, this.words());
    paintLive(this, masked);
  }

  stateInWords() {
    return this.payload.controls.map((c) => `${c.label}: ${inWords(c, this.values[c.name])}`).join("; ");
  }

  /** The sentence under the chart; while guessing, only what the reader has set. */
  words() {
    if (this.mode === "guessing") {
      return `You are guessing. ${this.stateInWords()}. The answer is hidden until you press Reveal, or Enter on a slider.`;
    }
    const has = (name) => name in this.results ? this.results[name] !== null : name in this.values;
    return fillTemplate(this.payload.alternative, (name, kind) => this.named(name, kind), has);
  }

  /** A control or readout as text, or null when there is none of that name. */
  named(name, kind) {
    const control = this.payload.controls.find((c) => c.name === name);
    if (control) return isNumeric(control) ? format(this.values[name], kind ?? control.format) : inWords(control, this.values[name]);
    const readout = this.payload.readouts.find((r) => r.name === name);
    return readout ? format(this.results?.[name], kind ?? readout.format) : null;
  }

  pythonText() {
    const literal = (name) => {
      const control = this.payload.controls.find((c) => c.name === name);
      return control ? pythonLiteral(control, this.values[name]) : null;
    };
    return this.payload.python.replace(/\{(\w+)\}/g, (whole, name) => literal(name) ?? whole);
  }

  say(text) {
    write(this.status, text);
  }

  hush() {
    clearTimeout(this.speaking);
    write(this.voice, "");
    write(this.status, "");
  }

  speakSoon() {
    this.hush();
    this.speaking = setTimeout(() => {
      write(this.voice, this.alternative.textContent);
      this.speaking = setTimeout(() => write(this.voice, ""), 10 * PAUSE);
    }, PAUSE);
  }

  open(entry, wanted) {
    entry.panel.hidden = !wanted;
    entry.toggle.setAttribute("aria-expanded", String(wanted));
    if (wanted && this.code) write(this.code, this.pythonText());
  }

  /* -- guess first ------------------------------------------------------------------------------------- */

  startGuess() {
    this.setMode("guessing");
    write(this.verdict, this.payload.guess.prompt);
    this.set(this.payload.guess.values ?? {}).then(() => this.verdict.focus(), (error) => this.say(error.message));
  }

  endGuess(mode) {
    const leaving = this.guessPanel.contains(document.activeElement);
    this.setMode(mode);
    this.set({}).then(
      () => {
        if (mode === "revealed") {
          write(this.verdict, this.judge());
          this.verdict.focus();
        } else if (leaving) this.guessButton.focus();
      },
      (error) => this.say(error.message),
    );
  }

  setMode(mode) {
    this.mode = mode;
    this.hush();
    const guessing = mode === "guessing";
    this.figure.dataset.mode = mode;
    this.guessPanel.hidden = mode === "open";
    this.reveal.hidden = !guessing;
    this.again.hidden = guessing;
    write(this.guessButton, guessing ? "Stop guessing" : "Guess first");
    // The code and the sources would give the answer away.
    for (const entry of this.panels) {
      if (guessing) this.open(entry, false);
      entry.toggle.disabled = guessing;
    }
  }

  /** How far the guess was off, by factor and by powers of ten. */
  judge() {
    const { guess } = this.payload;
    const control = this.control(guess.control);
    const mine = this.values[guess.control];
    const answer = this.results[guess.answer];
    const guessed = inWords(control, mine);
    if (answer === null || !Number.isFinite(answer)) return `You said ${guessed}. There is no answer at this setting.`;
    const truth = inWords(control, answer);
    if (control.kind !== "log") {
      const away = mine - answer;
      if (format(mine, control.format) === format(answer, control.format)) return `You said ${guessed}, and that is the answer.`;
      return `You said ${guessed}; the answer is ${truth}, so you were ${format(Math.abs(away), control.format)} too ${away > 0 ? "high" : "low"}.`;
    }
    const factor = mine / answer;
    const decades = Math.abs(Math.log10(factor));
    if (decades < 0.02) return `You said ${guessed}; the answer is ${truth}. As good as exact.`;
    const size = format(factor > 1 ? factor : 1 / factor, "times");
    const distance = decades < 0.995 ? `${decades.toFixed(2)} of a power of ten` : `${decades.toFixed(1)} powers of ten`;
    return `You said ${guessed}, ${size} too ${factor > 1 ? "large" : "small"}: the answer is ${truth}, ${distance} away.`;
  }

  /* -- links ------------------------------------------------------------------------------------------- */

  /** Sets what a link asks for and says what it could not use. */
  async restore(query, intro) {
    const { values, problems } = fromQuery(this.payload.controls, query);
    await this.set(values);
    const set = Object.keys(values).map((name) => `${this.control(name).label} ${inWords(this.control(name), this.values[name])}`);
    const trouble = problems.length ? `Not all of the link could be used: ${problems.join("; ")}.` : "";
    this.say(`${set.length ? `${intro} ${set.join(", ")}.` : ""} ${trouble}`.trim());
  }

  copyLink() {
    const link = `${location.href.split("#")[0]}#${this.id}?${toQuery(this.payload.controls, this.values)}`;
    return this.copy(link, "A link to this state is on the clipboard.", null);
  }

  /** Puts `text` on the clipboard; where that is refused, selects it so that the reader can. */
  async copy(text, done, shown) {
    try {
      await navigator.clipboard.writeText(text);
      this.say(done);
    } catch {
      this.say("This page may not write to the clipboard; the text is selected, press Ctrl or ⌘ and C.");
      if (shown) return getSelection().selectAllChildren(shown);
      const field = h("input", { type: "text", readonly: true, class: "explorer-field explorer-link-field", "aria-label": "Link to this state", value: text });
      this.status.append(field);
      field.select();
    }
  }

  inView() {
    const box = this.stage.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight;
  }

  scrollTo() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.figure.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
  }

  /** What programs see; the contract is in the documentation of scaling_helpers.explorers. */
  handle() {
    return Object.freeze({
      controls: () => this.payload.controls.map(({ name, kind, min, max, step, options }) =>
        ({ name, kind, min, max, step, options, value: this.values[name] })),
      set: (changes) => this.set(changes),
      readouts: () => {
        if (!this.results) throw new Error(`the explorer “${this.id}” is not drawn yet: await handle.set({}) first`);
        return { ...this.results };
      },
    });
  }

  destroy() {
    clearTimeout(this.speaking);
    this.sizes.disconnect();
    this.room.disconnect();
    this.finalize?.();
    this.view = null;
  }
}

function showFailure(figure, text) {
  figure.dataset.state = "failed";
  if (figure.querySelector(":scope > .explorer-failure")) return;
  const message = h("p", { class: "explorer-failure", role: "alert" }, text);
  const stage = figure.querySelector(".explorer-board, .explorer-stage");
  if (stage) stage.before(message);
  else figure.prepend(message);
}

/* ----------------------------------------------------------------------------------------------- the page */

/** Explorers drawn on this page, by figure; the observer and the page's listeners find them here. */
const drawn = new Map();

/** Sentences of the page whose numbers follow an explorer, by its id. */
const liveText = new Map();

function paintLive(explorer, masked) {
  for (const { element, name } of liveText.get(explorer.id) ?? []) {
    const text = masked ? "?" : explorer.named(name, element.dataset.format);
    if (text !== null) write(element, text);
  }
}

function collectLiveText() {
  for (const element of document.querySelectorAll(".explorer-live[data-live]")) {
    const [id, name] = element.dataset.live.split(".");
    if (!liveText.has(id)) liveText.set(id, []);
    liveText.get(id).push({ element, name });
  }
}

const registry = () => (window.explorers ??= new Map());

/** A free id: the name, then name-2, name-3 … */
function freeId(name) {
  let id = name;
  for (let i = 2; document.getElementById(id) || registry().has(id); i += 1) id = `${name}-${i}`;
  return id;
}

/** Mounts a figure when it comes near the screen. */
const nearby = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      nearby.unobserve(target);
      drawn.get(target)?.mount().catch(() => {}); // fail() has shown the reason in the figure
    }
  },
  { rootMargin: `${NEAR} 0px` },
);

function adopt(figure, payload, host) {
  figure.id ||= freeId(payload.name);
  const explorer = new Explorer(figure, payload, host);
  drawn.set(figure, explorer);
  registry().set(explorer.id, explorer.handle());
  nearby.observe(figure);
  return explorer;
}

/** This script's own address, from which Vega's is taken; only known while the script first runs. */
const ownAddress = document.currentScript?.src;

let loading = null;

/** Vega, asked for once a page. A script element, because a page opened from a folder may not import modules. */
function loadRuntime(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = h("script", {
      src: address,
      onload: () => resolve(globalThis.scalingVegaEmbed),
      onerror: () => reject(new Error(`the drawing library ${address.split("/").pop()} could not be loaded`)),
    });
    document.head.append(script);
  });
  return loading;
}

/** Runs the explorers of a built page. */
function start() {
  const policy = once(pagePolicy);
  const runtime = () => loadRuntime(new URL("vega.js", ownAddress).href);
  const figures = [...document.querySelectorAll("figure.explorer[data-explorer]")];
  // The observer answers a frame later; Vega for a figure in sight can be on its way by then.
  if (figures.some((figure) => figure.getBoundingClientRect().top < 1.5 * innerHeight)) {
    policy();
    runtime().catch(() => {}); // the figure's own mount shows the reason
  }
  collectLiveText();
  for (const figure of figures) {
    try {
      const payload = JSON.parse(figure.querySelector(":scope > .explorer-payload").textContent);
      adopt(figure, payload, { runtime, policy, links: true });
    } catch (error) {
      console.error(error);
      showFailure(figure, `This explorer could not start: ${error.message}; the picture shows its starting state.`);
    }
  }
  document.addEventListener("click", followLink);
  addEventListener("hashchange", followHash);
  followHash();
}

function once(make) {
  let made;
  return () => (made ??= make());
}

function byId(id) {
  return drawn.get(document.getElementById(id));
}

/** A state in the page's address: #isoflop?compute=5.76e23 */
function followHash() {
  const [id, query] = location.hash.slice(1).split(/\?(.*)/s);
  const explorer = query !== undefined && byId(id);
  if (!explorer) return;
  explorer.restore(query, "From the link:").catch((error) => explorer.say(error.message));
  explorer.figure.scrollIntoView({ block: "start" });
}

/** A phrase of the text that sets an explorer. The address stays as it is, so Back still leaves the page. */
function followLink(event) {
  const link = event.target.closest?.("a.explorer-link[data-explorer-set]");
  const explorer = link && byId(link.hash.slice(1));
  if (!explorer || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  explorer.restore(link.dataset.explorerSet, "From the text:").catch((error) => explorer.say(error.message));
  if (!explorer.inView()) explorer.scrollTo();
}

/* ------------------------------------------------------------------------------------------------- Jupyter */

/**
 * Vega from the kernel. Each widget runs its own copy of this module, so what they share hangs on the page: the first
 * asks, the others wait for its answer, and ask for themselves if that kernel stays silent.
 */
async function kernelRuntime(model, signal) {
  const key = "scalingVegaAsked";
  if (globalThis[key]) await Promise.race([globalThis[key], new Promise((wake) => setTimeout(wake, 5000))]);
  if (globalThis.scalingVegaEmbed) return globalThis.scalingVegaEmbed;
  const asked = new Promise((resolve, reject) => {
    const receive = (message, buffers) => {
      if (message?.type !== "runtime") return;
      model.off("msg:custom", receive);
      const address = URL.createObjectURL(new Blob([buffers[0]], { type: "text/javascript" }));
      loadRuntime(address).then(resolve, reject).finally(() => URL.revokeObjectURL(address));
    };
    model.on("msg:custom", receive);
    signal.addEventListener("abort", () => model.off("msg:custom", receive));
    model.send({ type: "runtime" });
  });
  globalThis[key] ??= asked.catch(() => null); // a failure is the asker's to show
  return asked;
}

/** Keeps a widget's traits and an explorer's controls equal, each move one message. */
function linkTraits(model, explorer, names) {
  let pulling = false;
  const pull = () => {
    if (pulling) return;
    pulling = true;
    // `w.values = {…}` in Python changes several traits: wait until all have arrived, then run once.
    queueMicrotask(() => {
      pulling = false;
      const changes = {};
      for (const name of names) if (model.get(name) !== explorer.values[name]) changes[name] = model.get(name);
      if (Object.keys(changes).length) explorer.set(changes).catch((error) => explorer.say(error.message));
    });
  };
  for (const name of names) model.on(`change:${name}`, pull);
  return () => names.forEach((name) => model.off(`change:${name}`, pull));
}

/** anywidget's entry point; returns what undoes it. */
function render({ model, el }) {
  /** @type {Payload} */
  const payload = model.get("_payload");
  const names = payload.controls.map((control) => control.name);
  const ending = new AbortController();
  const changed = (values) => {
    const moved = names.filter((name) => model.get(name) !== values[name]);
    for (const name of moved) model.set(name, values[name]);
    if (moved.length) model.save_changes();
  };
  const figure = h("figure", { class: "explorer", "data-explorer": payload.name });
  el.append(figure);
  el.classList.add("explorer-host");
  const explorer = adopt(figure, payload, {
    runtime: () => kernelRuntime(model, ending.signal),
    policy: async () => metaForbids(), // JupyterLab itself needs Function(), and answers a HEAD with an error
    links: false,
    picture: model.get("_picture"),
    changed,
  });
  for (const name of names) explorer.values[name] = model.get(name);
  explorer.paintControls();
  const unlink = linkTraits(model, explorer, names);
  // A notebook reopened with no kernel, or with a fresh one, restores the figure, and nothing answers it.
  const silent = setTimeout(() => {
    if (figure.dataset.state === "waiting") explorer.say("No kernel answers. Run this cell to bring the explorer to life.");
  }, SILENCE);
  return () => {
    clearTimeout(silent);
    ending.abort();
    unlink();
    nearby.unobserve(figure);
    drawn.delete(figure);
    registry().delete(explorer.id);
    explorer.destroy();
    figure.remove();
  };
}

// The build swaps the last line, the only export, for a call of start(); so what tests need hangs on render.
Object.assign(render, { format, parseNumber });

export default { render };
