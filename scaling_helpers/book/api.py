"""The reference of the package, made from the package: every public name with its signature, its words and its example.

==============================  =======================================================================================
```` ```{api} laws ````          all that the page `laws` of `PAGES` holds
```` ```{api-contents} ````      which page has what, each name a link
```` ```{command-help} fit ````  what ``scaling fit --help`` prints
==============================  =======================================================================================

Sphinx's own autodoc loses what matters here: the comment over a constant that a package exports again, its value and
origin, annotations as they are written (it spells out ``NDArray``), defaults that are functions. So the text is made
here and given to Sphinx's Python domain, which brings anchors, cross-references and the search.

What is public is what ``__all__`` says. A module stands on one page; a name stands where the shortest listed module
has it, and its other paths lead there too. A module that no page lists is a fault, see `faults`.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
import os
import pkgutil
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import scaling_helpers

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

ROOT = scaling_helpers.__name__

#: Page -> the modules it holds, in the order of the page, without the package's name.
PAGES: Mapping[str, tuple[str, ...]] = {
    "laws": ("laws", "counting", "facts", "facts.tables"),
    "optimum": ("optimum", "costs", "levers"),
    "fitting": ("fitting", "sweep", "report", "allocation_report"),
    "inference": ("inference", "trends", "emergence"),
    "figures": ("figures", "palette", "numbers", "trace"),
    "explorers": ("explorers", "explorers.declaration", "explorers.controls", "explorers.charts", "explorers.runtime", "checks"),
    "runs": (
        *("own_runs", "runs", "runs.measured", "runs.corpus", "runs.model", "runs.train", "runs.records", "runs.plan"),
        "runs.sweep",
    ),
    "command-line": ("cli",),
}
#: Modules with an ``__all__`` that are no part of the library, and why.
TOOLS = {
    "exercises": "makes and checks the exercise notebooks: `make exercises`, not an import",
}


@dataclass(frozen=True)
class Name:
    """One public name: ``home`` is the module in whose section it stands, without the package's name."""

    home: str
    name: str
    value: Any

    @property
    def path(self) -> str:
        return f"{ROOT}.{self.home}.{self.name}"

    @property
    def kind(self) -> str:
        """The directive of the Python domain that describes it."""
        if inspect.isclass(self.value):
            return "exception" if issubclass(self.value, BaseException) else "class"
        return "function" if inspect.isroutine(self.value) else "data"


# ---- what there is --------------------------------------------------------------------------------------------------


@cache
def all_modules() -> Mapping[str, ModuleType]:
    """Every module of the package but its Sphinx side, by its name without the package's."""
    found = {}
    for info in pkgutil.walk_packages(scaling_helpers.__path__, f"{ROOT}."):
        short = info.name.removeprefix(f"{ROOT}.")
        if not (short + ".").startswith(("book.", "__main__.")):
            found[short] = importlib.import_module(info.name)
    return found


def exported(module: ModuleType) -> list[str]:
    return list(getattr(module, "__all__", ()))


def listed() -> list[str]:
    """The modules of all pages."""
    return [module for modules in PAGES.values() for module in modules]


def unlisted() -> list[str]:
    """Modules that export names and have no place: on no page, in no listed package, not among the tools."""
    packages = tuple(f"{name}." for name in listed() if hasattr(all_modules().get(name), "__path__"))
    return [
        name
        for name, module in all_modules().items()
        if exported(module) and name not in listed() and name not in TOOLS and not name.startswith(packages)
    ]


@cache
def names(module: str) -> list[Name]:
    """The names that stand in the section of ``module``: classes, then functions, then constants, each as exported."""
    members = all_modules()[module]
    found = [Name(module, name, getattr(members, name)) for name in exported(members)]
    own = [one for one in found if not isinstance(one.value, ModuleType) and home(one) == module]
    return sorted(own, key=lambda one: ("class", "exception", "function", "data").index(one.kind))


def home(one: Name) -> str:
    """The listed module with the shortest path that exports the same object under the same name."""
    shared = [
        module
        for module in listed()
        if module in all_modules()
        and one.name in exported(all_modules()[module])
        and getattr(all_modules()[module], one.name) is one.value
    ]
    return min(shared, key=lambda module: (module.count("."), listed().index(module)))


def aliases(one: Name) -> list[str]:
    """The other paths that lead to the same object: the package itself, the module that defines it, other exports."""
    paths = [f"{name}.{one.name}" for name, module in {"": scaling_helpers, **all_modules()}.items()
             if one.name in vars(module) and vars(module)[one.name] is one.value]  # fmt: skip
    full = [f"{ROOT}.{path}".replace("..", ".") for path in paths]
    return [path for path in full if path != one.path]


# ---- what is said of a name -----------------------------------------------------------------------------------------


@cache
def comments(module: ModuleType) -> Mapping[str, str]:
    """The ``#:`` comment, or the string below, of each name that a module binds at its top level."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    body = ast.parse(source).body
    found = {}
    for node, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        start = node.lineno - 1
        while start and lines[start - 1].startswith("#:"):
            start -= 1
        text = "\n".join(line[2:].removeprefix(" ") for line in lines[start : node.lineno - 1])
        below = following.value if isinstance(following, ast.Expr) else None
        if isinstance(below, ast.Constant) and isinstance(below.value, str):
            text = text or inspect.cleandoc(below.value)
        found.update({target.id: text for target in targets if isinstance(target, ast.Name)})
    return found


def words(one: Name) -> str:
    """The docstring; of a constant, the comment over the line that makes it."""
    if one.kind != "data":
        own = one.value.__doc__ or ""
        # A dataclass without a docstring gets its signature for one, and an enumeration its base's words.
        if dataclasses.is_dataclass(one.value) and own.startswith(f"{one.name}("):
            return ""
        return inspect.cleandoc(own)
    candidates = [all_modules()[one.home], *all_modules().values()]
    said = [comments(module)[one.name] for module in candidates
            if one.name in comments(module) and getattr(module, one.name, None) is one.value]  # fmt: skip
    return next(filter(None, said), "")


def members(one: Name) -> list[tuple[str, str, Any]]:
    """Public methods and properties that a class says something about: (directive, name, object)."""
    found = []
    for name, value in vars(one.value).items():
        if name.startswith("_"):
            continue
        kind = "property" if isinstance(value, property) or hasattr(value, "func") else "method"
        inner = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        inner = inner.fget if isinstance(inner, property) else getattr(inner, "func", inner)
        if inspect.isfunction(inner) and inspect.getdoc(inner) and not getattr(inner, "__qualname__", "").startswith("<"):
            found.append((kind, name, value))
    return found


def parameters(value: Any, *, bound: bool = False) -> str:
    """``(N: Any, D: Any = 1.0) -> Any``, with annotations and defaults as they are written."""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return ""
    written = written_defaults(value)
    parts: list[str] = []
    starred = False
    slots = list(signature.parameters.values())[1 if bound else 0 :]
    for i, slot in enumerate(slots):
        if slot.kind is slot.VAR_POSITIONAL:
            starred = True
        if slot.kind is slot.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        mark = "*" if slot.kind is slot.VAR_POSITIONAL else "**" if slot.kind is slot.VAR_KEYWORD else ""
        text = f"{mark}{slot.name}"
        if slot.annotation is not slot.empty:
            text += f": {annotation(slot.annotation)}"
        if slot.default is not slot.empty:
            shown = written.get(slot.name, repr(slot.default))
            text += f" = {shown if not shown.startswith('<') else '...'}" if ":" in text else f"={shown}"
        parts.append(text)
        if slot.kind is slot.POSITIONAL_ONLY and (i + 1 == len(slots) or slots[i + 1].kind is not slot.POSITIONAL_ONLY):
            parts.append("/")
    returns = signature.return_annotation
    arrow = "" if returns is signature.empty or inspect.isclass(value) else f" -> {annotation(returns)}"
    return f"({', '.join(parts)}){arrow}"


def annotation(written: Any) -> str:
    return written if isinstance(written, str) else inspect.formatannotation(written)


def written_defaults(value: Any) -> Mapping[str, str]:
    """The defaults of a function as its source has them: a function's repr would be an address."""
    if not inspect.isfunction(value):
        return {}
    made = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
    assert isinstance(made, (ast.FunctionDef, ast.AsyncFunctionDef))
    slots = [*made.args.posonlyargs, *made.args.args]
    pairs = [*zip(slots[len(slots) - len(made.args.defaults) :], made.args.defaults, strict=True),
             *zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True)]  # fmt: skip
    return {slot.arg: ast.unparse(default) for slot, default in pairs if default is not None}


def has_example(one: Name) -> bool:
    """Whether the class, one of its methods, or the function shows itself at work."""
    texts = [words(one)]
    if inspect.isclass(one.value):
        texts += [inspect.getdoc(value) or "" for _, _, value in members(one)]
    return any(">>> " in text for text in texts)


#: What needs no example of its own, and why.
EXEMPT = {
    "data": "a constant is shown with its value",
    "exception": "it is raised by the functions whose examples stand beside it",
}


def faults() -> list[str]:
    """What is missing from the package for its reference to be whole; nothing when all is well."""
    found = [f"{name}: on no page; add it to PAGES in scaling_helpers/book/api.py" for name in unlisted()]
    for module in [name for name in listed() if name in all_modules()]:
        for speaker, text in section(module).items():
            roles = [match for match in ROLE.finditer(text) if "<" not in match[0]]
            found += [f"{speaker}: {match[0]} leads nowhere" for match in roles]
        if not inspect.getdoc(all_modules()[module]):
            found.append(f"{module}: the module does not say what question it answers")
        for one in names(module):
            if not words(one) and not getattr(one.value, "origin", None):  # a law says itself where it comes from
                found.append(f"{one.path}: no docstring (of a constant: no #: comment above it)")
            elif one.kind not in EXEMPT and not is_protocol(one.value) and not has_example(one):
                found.append(f"{one.path}: no example (>>>) in the docstring")
    return found


def is_protocol(value: Any) -> bool:
    """Whether it cannot be made: an example would have to be of what implements it."""
    return inspect.isclass(value) and (inspect.isabstract(value) or getattr(value, "_is_protocol", False))


# ---- links between names --------------------------------------------------------------------------------------------

ROLE = re.compile(r":(?:py:)?(?P<role>func|class|meth|attr|data|mod|exc|obj):`(?P<short>~?)(?P<target>[\w.]+)(?:\(\))?`")


def link(match: re.Match[str], spaces: Sequence[Any]) -> str:
    """A role of a docstring with the public path of what it names; an inner name is code and no link.

    What cannot be found stays as it is, for Sphinx to warn of and for `faults` to list.
    """
    role, target = match["role"], match["target"]
    path = place(target, spaces)
    if path is None:
        return match[0]
    title = (target.rpartition(".")[2] if match["short"] else target) + ("()" if role in ("func", "meth") else "")
    return f":py:obj:`{title} <{path}>`" if path else f"``{title}``"


def place(target: str, spaces: Sequence[Any]) -> str | None:
    """The path under which the reference has ``target``: "" for an inner name, None for none at all."""
    parts = target.removeprefix(f"{ROOT}.").removeprefix(".").split(".")
    for space in [scaling_helpers] if target.startswith(f"{ROOT}.") else [*spaces, scaling_helpers]:
        chain = [space]
        for part in parts:
            found = step(chain[-1], part, last=len(chain) == len(parts))
            if found is None and part not in fields_of(chain[-1]):
                break
            chain.append(found)
        else:
            return public_path(chain, parts)
    return None


def step(space: Any, part: str, *, last: bool) -> Any:
    """What ``space`` knows as ``part``; on the way to something else a module goes before a function of the same name."""
    inner = None
    if isinstance(space, ModuleType):
        inner = all_modules().get(f"{space.__name__}.{part}".removeprefix(f"{ROOT}."))
    found = getattr(space, part, None)
    return (inner if inner is not None and not last else found) if found is not None else inner


def public_path(chain: Sequence[Any], parts: Sequence[str]) -> str:
    """``chain`` leads from a module or class to an object by ``parts``; the path of the nearest thing that is public."""
    *_, owner, found = chain
    if isinstance(found, ModuleType):
        short = found.__name__.removeprefix(f"{ROOT}.")
        return found.__name__ if any(f"{short}.".startswith(f"{name}.") for name in listed()) else ""
    for one in everything():
        if one.name == parts[-1] and one.value is found:
            return one.path
        if inspect.isclass(owner) and one.value is owner:
            said = [name for _, name, _ in members(one)]
            return f"{one.path}.{parts[-1]}" if parts[-1] in said else one.path
    return ""


def everything() -> list[Name]:
    return [one for module in listed() if module in all_modules() for one in names(module)]


def fields_of(value: Any) -> Sequence[str]:
    if not (inspect.isclass(value) and dataclasses.is_dataclass(value)):
        return []
    return [field.name for field in dataclasses.fields(value)]


def spaces_of(one: Name) -> list[Any]:
    """Where the words of a name were written: its class, the module that defines it and its package, who exports it."""
    home = all_modules()[one.home]
    defining = (getattr(one.value, "__module__", "") or "").removeprefix(f"{ROOT}.") if one.kind != "data" else one.home
    around = [all_modules()[name] for name in (defining, defining.rpartition(".")[0]) if name in all_modules()]
    return [*([one.value] if inspect.isclass(one.value) else []), *around, home]


# ---- as reStructuredText --------------------------------------------------------------------------------------------

#: ``name: words`` or ``name, other: words`` at the beginning of a line.
_TERM = re.compile(r"(?P<terms>\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: \([^()]*\))?: ")


def tidy(text: str, known: Sequence[str], spaces: Sequence[Any]) -> str:
    """A docstring with its roles made into links and its runs of ``name: words`` lines into lists.

    ``known`` are the parameters and fields, ``spaces`` the class and the modules in which the words were written.
    """
    text = ROLE.sub(lambda match: link(match, spaces), text)
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(paragraph if ">>> " in paragraph else as_list(as_code(paragraph), known) for paragraph in paragraphs)


def as_code(paragraph: str) -> str:
    """Arguments in running text, ``kind="pairs"``, as code: the typesetter would bend their quotation marks."""
    pieces = re.split(r"(:[\w:]+:`[^`]*`|``.*?``|`[^`]*`)", paragraph, flags=re.DOTALL)

    def written(piece: str) -> str:
        if piece.startswith(("``", ":")) and piece.endswith("`"):
            return piece
        if piece.startswith("`"):
            return f"`{piece}`"  # one backtick means code too, as in Markdown
        return re.sub(r'(?<![\w`])\w+=(?:"[^"\n]*"|\w+)(?![\w`])', r"``\g<0>``", piece)

    return "".join(written(piece) for piece in pieces)


def as_list(paragraph: str, known: Sequence[str]) -> str:
    lines = paragraph.splitlines()
    starts = [i for i, line in enumerate(lines) if (term := _TERM.match(line)) and first_term(term) in known]
    if not starts:
        return paragraph
    kept = lines[: starts[0]]
    items = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        match = _TERM.match(lines[start])
        assert match is not None
        head, rest = match[0][:-2], lines[start][match.end() :]
        terms = ", ".join(f"``{term}``" for term in match["terms"].split(", ")) + head[len(match["terms"]) :]
        items.append("\n".join([f"* {terms}: {rest}", *(f"  {line.strip()}" for line in lines[start + 1 : end])]))
    return "\n".join([*kept, *([""] if kept else []), *items])


def first_term(match: re.Match[str]) -> str:
    return match["terms"].split(", ")[0].lstrip("*")


def slots_of(value: Any) -> list[str]:
    try:
        return list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return []


def described(one: Name) -> str:
    """One name as a directive of the Python domain, everything that is said of it inside."""
    spaces = spaces_of(one)
    if one.kind == "data":
        inside = "\n\n".join(filter(None, [tidy(words(one), [], spaces), shown(one.value)]))
        return directive("data", one.name, inside, type=type(one.value).__name__)
    if one.kind == "function":
        return directive("function", one.name + parameters(one.value), tidy(words(one), slots_of(one.value), spaces))
    parts = [tidy(words(one), [*fields_of(one.value), *slots_of(one.value)], spaces)]
    if issubclass(one.value, enum.Enum):
        parts += [directive("attribute", member.name, "", value=repr(member.value)) for member in one.value]
    for kind, name, value in members(one):
        head = name + (method_parameters(value) if kind == "method" else "")
        parts.append(directive(kind, head, tidy(inspect.getdoc(value) or "", slots_of(value), spaces), flags(value)))
    made = "" if one.kind == "exception" or is_protocol(one.value) or issubclass(one.value, enum.Enum) else parameters(one.value)
    return directive(one.kind, one.name + made, "\n\n".join(filter(None, parts)))


def method_parameters(value: Any) -> str:
    if isinstance(value, staticmethod):
        return parameters(value.__func__)
    return parameters(value.__func__ if isinstance(value, classmethod) else value, bound=True)


def flags(value: Any) -> list[str]:
    kinds = {"classmethod": isinstance(value, classmethod), "staticmethod": isinstance(value, staticmethod),
             "abstractmethod": bool(getattr(value, "__isabstractmethod__", False))}  # fmt: skip
    return [name for name, holds in kinds.items() if holds]


def directive(kind: str, head: str, inside: str, flags: Sequence[str] = (), **options: str) -> str:
    lines = [f".. py:{kind}:: {head}", *(f"   :{flag}:" for flag in flags), *(f"   :{k}: {v}" for k, v in options.items())]
    return "\n".join([*lines, "", textwrap.indent(inside, "   "), ""])


LONGEST = 200


def shown(value: Any) -> str:
    """The value of a constant as text: numbers as they are, a law with its constants and where they come from."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        plain = [f"``{name} = {inner!r}``" for name, inner in fields.items() if isinstance(inner, (int, float))]
        rest = {name: inner for name, inner in fields.items() if not isinstance(inner, (int, float)) and inner is not None}
        items = [", ".join(plain)] if plain else []
        for name, inner in rest.items():
            if dataclasses.is_dataclass(inner) and not isinstance(inner, type):
                items += [f"{name}:", textwrap.indent("\n" + shown(inner) + "\n", "  ").strip("\n")]
            elif isinstance(inner, tuple) and inner and all(isinstance(end, (int, float)) for end in inner):
                items.append(f"{name}: " + " to ".join(f"``{end:g}``" for end in inner))
            elif isinstance(inner, str):
                items.append(f"{name}: {escaped(inner)}")
        return "\n".join(f"* {item}" if not item.startswith("  ") else f"\n{item}\n" for item in items)
    if isinstance(value, Mapping):
        return "Keys: " + ", ".join(f"``{key}``" for key in value) + "."
    text = repr(value)
    if " at 0x" in text or len(text) > LONGEST:
        return ""
    return f"Value: ``{text}``."


def escaped(text: str) -> str:
    return re.sub(r"([*`|_\\])", r"\\\1", text)


def section(module: str) -> Mapping[str, str]:
    """All that is said of one module, without its heading: what speaks (the module, each of its names) -> its text."""
    package = all_modules()[module]
    # So that {py:mod} finds them; not those that are hidden behind a function of the same name.
    inner = [name for name in all_modules() if name.startswith(f"{module}.") and name not in listed()
             and isinstance(getattr(package, name.rpartition(".")[2]), ModuleType)]  # fmt: skip
    own = [f".. py:module:: {ROOT}.{name}" for name in [*inner, module]]
    said = {f"{ROOT}.{module}": "\n".join([*own, "", tidy(inspect.getdoc(package) or "", [], [package])])}
    return {**said, **{one.path: described(one) for one in names(module)}}


# ---- in Sphinx ------------------------------------------------------------------------------------------------------


class Api(SphinxDirective):
    """The sections of one page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        modules = [module for module in PAGES[self.arguments[0]] if module in all_modules()]
        return [self.section(module) for module in modules]

    def section(self, module: str) -> nodes.Node:
        title = f"{ROOT}.{module}"
        made = nodes.section(ids=[f"module-{title.replace('.', '-').replace('_', '-')}"], names=[title])
        made += nodes.title(title, "", nodes.literal(title, title))
        self.state.document.note_explicit_target(made, made)
        box = nodes.container(classes=["api"])
        for speaker, text in section(module).items():
            box += parsed(self, text, f"docstring of {speaker}")
        made += box
        self.register_aliases(box, module)
        return made

    def register_aliases(self, box: nodes.Element, module: str) -> None:
        """Let every path to an object lead to its one place."""
        domain: Any = self.env.get_domain("py")
        places = {head["fullname"]: head for head in box.findall(addnodes.desc_signature) if head.get("ids")}
        for one in names(module):
            for path in aliases(one):
                head = places[one.name]
                domain.note_object(path, one.kind, head["ids"][0], aliased=True, location=head)


class ApiContents(SphinxDirective):
    """Which page has what."""

    def run(self) -> list[nodes.Node]:
        box = nodes.container(classes=["api"])
        box += parsed(self, contents(), "the contents of the reference")
        return [box]


def contents() -> str:
    lines = []
    for page, modules in PAGES.items():
        for module in [name for name in modules if name in all_modules()]:
            question = (inspect.getdoc(all_modules()[module]) or "").split("\n\n")[0].replace("\n", " ")
            links = ", ".join(f":py:obj:`{one.name} <{one.path}>`" for one in names(module))
            lines += [f":py:mod:`{ROOT}.{module}`, in :doc:`/appendix/api/{page}`", f"   {question}", "", f"   {links}", ""]
    return "\n".join(lines)


class CommandHelp(SphinxDirective):
    """What a command prints when asked for help."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = command_help(*self.arguments)
        block = nodes.literal_block(text, text, language="text")
        return [block]


def command_help(*command: str) -> str:
    """The help of one command, in a width that does not depend on who builds."""
    import contextlib
    import io

    from scaling_helpers.cli import main

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "88"
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            main([*command, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return printed.getvalue().rstrip()


def parsed(directive: SphinxDirective, text: str, speaker: str) -> list[nodes.Node]:
    """reStructuredText inside a MyST page, as MyST's own ``eval-rst`` does it; ``speaker`` is named in warnings."""
    from docutils.utils import new_document
    from myst_parser.mocking import MockRSTParser

    document = new_document(directive.state.document["source"], directive.state.document.settings)
    document.reporter = directive.state.document.reporter
    document.current_source = speaker
    MockRSTParser().parse(text, document)
    return document.children


def lead_home(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.TextElement) -> Any:
    """The names of annotations: a class of the package wherever it stands, and the foreign ones, which lead nowhere."""
    if node.get("refdomain") != "py" or "refexplicit" in node:
        return None  # written by hand: it must lead somewhere
    end = "." + node["reftarget"].rpartition(".")[2]
    objects: Mapping[str, Any] = env.get_domain("py").objects
    fits = {found[:2]: path for path, found in objects.items() if path.endswith(end) and found.objtype == "class"}
    if len(fits) != 1:
        return content
    (docname, anchor), path = next(iter(fits.items()))
    return make_refnode(app.builder, node.get("refdoc", docname), docname, anchor, [content], path)


def setup(app: Sphinx) -> None:
    app.add_directive("api", Api)
    app.add_directive("api-contents", ApiContents)
    app.add_directive("command-help", CommandHelp)
    app.connect("missing-reference", lead_home)
