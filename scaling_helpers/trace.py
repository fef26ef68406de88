"""How can one Python formula also run in a reader's browser, without being typed twice?

A *tracer* stands in for a number. Call a law with tracers instead of floats and the arithmetic that it
does is recorded; :func:`vega_signals` and :func:`vega_calculations` write that record down as Vega
expressions, :func:`evaluate` runs it in Python, and :func:`derivative` differentiates it exactly.

What cannot be recorded faithfully is refused with an error that names the function: branches on a traced
value (they would be decided once, at build time), arrays, infinities, and functions that Vega lacks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

__all__ = [
    "Expr",
    "TraceError",
    "choose",
    "derivative",
    "evaluate",
    "field",
    "program",
    "substitute",
    "variable",
    "variables",
    "vega_calculations",
    "vega_signals",
    "when",
]

Scalar = float | str | bool | None

_ARITHMETIC = {"+": "+", "-": "-", "*": "*", "/": "/"}
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_LOGIC = {"and": "&&", "or": "||"}


def _normal(z: Any) -> Any:
    """SciPy's, imported on use; Vega's agrees with it to 1e-15, and far down the tail to 1e-8 of what is left."""
    from scipy.special import ndtr

    return ndtr(z)


#: Functions both sides have, by Vega name.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "pow": lambda a, b: np.float64(a) ** np.float64(b),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "min": np.minimum,
    "max": np.maximum,
    "cumulativeNormal": _normal,
}


class TraceError(TypeError):
    """Raised when something cannot be traced; the message names it and the remedy.

    >>> 1.0 if variable("x") > 3 else 2.0  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    scaling_helpers.trace.TraceError: bool() of a traced value: ...
    """


class Expr:
    """One node of a traced formula: a constant, a variable, or an operation on other nodes.

    Nodes are made by :func:`variable`, :func:`field`, :func:`choose` and by arithmetic on them.
    Comparisons give traced booleans; combine those with ``&``, ``|``, ``~``.

    >>> x = variable("x")
    >>> evaluate(np.exp(-x) + 1, {"x": 0.0})
    np.float64(2.0)
    """

    __slots__ = ("args", "op", "payload")

    def __init__(self, op: str, args: tuple[Expr, ...] = (), payload: Any = None) -> None:
        self.op = op
        self.args = args
        self.payload = payload

    # -- refusing what a record cannot hold -------------------------------------------------------
    def __bool__(self) -> bool:
        raise TraceError(
            "bool() of a traced value: `if`, `and`, `or`, `not`, min() and max() would decide once, when the "
            "page is built. Use np.where, np.minimum, np.maximum, or & | ~ on traced comparisons."
        )

    def __float__(self) -> float:
        raise TraceError("float() or a math.* function of a traced value: use the NumPy function (np.exp, np.log ...).")

    __int__ = __index__ = __complex__ = __float__

    def __iter__(self) -> Any:
        raise TraceError("iter() of a traced value: a tracer is a scalar, not an array.")

    def __len__(self) -> int:
        raise TraceError("len() of a traced value: a tracer is a scalar, not an array.")

    __hash__ = object.__hash__

    # -- arithmetic -------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Expr:
        return _binary("+", self, other)

    def __radd__(self, other: Any) -> Expr:
        return _binary("+", other, self)

    def __sub__(self, other: Any) -> Expr:
        return _binary("-", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return _binary("-", other, self)

    def __mul__(self, other: Any) -> Expr:
        return _binary("*", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return _binary("*", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return _binary("/", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return _binary("/", other, self)

    def __pow__(self, other: Any) -> Expr:
        return _binary("pow", self, other)

    def __rpow__(self, other: Any) -> Expr:
        return _binary("pow", other, self)

    def __neg__(self) -> Expr:
        return Expr("neg", (self,))

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return Expr("abs", (self,))

    # -- comparisons and logic --------------------------------------------------------------------
    def __lt__(self, other: Any) -> Expr:
        return _binary("<", self, other)

    def __le__(self, other: Any) -> Expr:
        return _binary("<=", self, other)

    def __gt__(self, other: Any) -> Expr:
        return _binary(">", self, other)

    def __ge__(self, other: Any) -> Expr:
        return _binary(">=", self, other)

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        return _binary("==", self, other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        return _binary("!=", self, other)

    def __and__(self, other: Any) -> Expr:
        return _binary("and", self, other)

    def __rand__(self, other: Any) -> Expr:
        return _binary("and", other, self)

    def __or__(self, other: Any) -> Expr:
        return _binary("or", self, other)

    def __ror__(self, other: Any) -> Expr:
        return _binary("or", other, self)

    def __invert__(self) -> Expr:
        return Expr("not", (self,))

    def __floordiv__(self, other: Any) -> Expr:
        raise TraceError("// of a traced value is not traced: use np.floor(a / b).")

    def __mod__(self, other: Any) -> Expr:
        raise TraceError("% of a traced value is not traced.")

    __rfloordiv__, __rmod__ = __floordiv__, __mod__

    def __repr__(self) -> str:
        return f"Expr({_render(self, {})})"

    # -- NumPy's functions ------------------------------------------------------------------------
    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TraceError("np.array or np.asarray of a traced value: a tracer is a scalar, not an array.")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Expr:
        name = f"numpy.{ufunc.__name__}"
        if method != "__call__" or kwargs:
            raise TraceError(f"{name}.{method} with {sorted(kwargs) or 'no'} options is not traced: call plain {name}(x).")
        rule = _UFUNCS.get(ufunc.__name__)
        if rule is None:
            raise TraceError(f"{name} is not traced: Vega has no such function. Known: {', '.join(sorted(_UFUNCS))}.")
        return rule(*(_node(value, name) for value in inputs))

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Expr:
        if func is np.where and len(args) == 3 and not kwargs:
            return Expr("if", tuple(_node(value, "numpy.where") for value in args))
        name = f"{getattr(func, '__module__', 'numpy')}.{getattr(func, '__name__', func)}"
        raise TraceError(f"{name} is not traced: of NumPy's array functions only np.where(condition, a, b) is.")


def _node(value: Any, where: str) -> Expr:
    """Take a finite scalar or a tracer into the record, refuse anything else by name."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, (bool, np.bool_)):
        return Expr("const", payload=bool(value))
    if isinstance(value, str):
        return Expr("const", payload=value)
    if isinstance(value, np.ndarray) and value.ndim:
        raise TraceError(f"{where}: an array of shape {value.shape} met a traced value; only scalars are traced.")
    if isinstance(value, (int, float, np.integer, np.floating, np.ndarray)):
        number = float(value)
        if not math.isfinite(number):
            raise TraceError(f"{where}: {number} met a traced value; only finite numbers are traced.")
        return Expr("const", payload=number)
    raise TraceError(f"{where}: {type(value).__name__} {value!r} met a traced value; only finite numbers are traced.")


def _binary(op: str, left: Any, right: Any) -> Expr:
    name = f"operator {'**' if op == 'pow' else op}"
    return Expr(op, (_node(left, name), _node(right, name)))


def _call(op: str) -> Callable[..., Expr]:
    return lambda *nodes: Expr(op, nodes)


def _if(condition: Any, yes: Any, no: Any) -> Expr:
    return Expr("if", (_node(condition, "where"), _node(yes, "where"), _node(no, "where")))


def _log1p(x: Expr) -> Expr:
    """Kahan's log(1 + x), exact to rounding for small x too: Vega has no log1p."""
    u = 1.0 + x
    return _if(u == 1.0, x, np.log(u) * x / _if(u == 1.0, 1.0, u - 1.0))


def _expm1(x: Expr) -> Expr:
    """Kahan's exp(x) - 1, exact to rounding for small x too: Vega has no expm1."""
    u = Expr("exp", (x,))
    near = (abs(x) < 1.0) & (u != 1.0)
    safe = _if(near, u, 2.0)
    return _if(u == 1.0, x, _if(near, (safe - 1.0) * x / np.log(safe), u - 1.0))


_UFUNCS: dict[str, Callable[..., Expr]] = {
    "add": _call("+"),
    "subtract": _call("-"),
    "multiply": _call("*"),
    "divide": _call("/"),
    "power": _call("pow"),
    "float_power": _call("pow"),
    "negative": _call("neg"),
    "positive": lambda x: x,
    "absolute": _call("abs"),
    "fabs": _call("abs"),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
    "exp": _call("exp"),
    "expm1": _expm1,
    "log": _call("log"),
    "log1p": _log1p,
    "log10": lambda x: Expr("log", (x,)) / math.log(10),
    "log2": lambda x: Expr("log", (x,)) / math.log(2),
    "sqrt": _call("sqrt"),
    "floor": _call("floor"),
    "ceil": _call("ceil"),
    "ndtr": _call("cumulativeNormal"),  # of scipy.special
    "minimum": _call("min"),
    "maximum": _call("max"),
    "less": _call("<"),
    "less_equal": _call("<="),
    "greater": _call(">"),
    "greater_equal": _call(">="),
    "equal": _call("=="),
    "not_equal": _call("!="),
    "logical_and": _call("and"),
    "logical_or": _call("or"),
    "logical_not": _call("not"),
}


def variable(name: str) -> Expr:
    """A tracer for the Vega signal ``name`` (a control, for example).

    >>> vega_signals({"twice": 2 * variable("x")})
    {'twice': '(2.0 * x)'}
    """
    return Expr("signal", payload=_identifier(name))


def field(name: str) -> Expr:
    """A tracer for the column ``name`` of the data that a chart draws (``datum[name]``).

    >>> vega_calculations({"twice": 2 * field("x")})
    ({}, {'twice': '(2.0 * datum.x)'})
    """
    return Expr("datum", payload=_identifier(name))


def _identifier(name: str) -> str:
    if not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(f"name must be a plain identifier, got {name!r}")
    return name


def choose(selector: Any, options: Mapping[str, float]) -> Any:
    """The number that ``options`` holds under ``selector``, a string or a traced string.

    Raises ValueError for an unknown option and TraceError for an option that is not a finite number.

    >>> choose("b", {"a": 1.0, "b": 2.0})
    2.0
    >>> evaluate(choose(variable("which"), {"a": 1.0, "b": 2.0}), {"which": "a"})
    1.0
    """
    if not isinstance(selector, Expr):
        if selector not in options:
            raise ValueError(f"unknown option {selector!r}; known: {', '.join(map(repr, options))}")
        return options[selector]
    numbers = {key: _node(value, f"choose option {key!r}").payload for key, value in options.items()}
    if len(set(numbers.values())) == 1:
        return next(iter(numbers.values()))
    return Expr("choose", (selector,), payload=tuple(numbers.items()))


def when(condition: Any, value: Any) -> Any:
    """``value`` where ``condition`` holds, else None ("the state has no answer").

    >>> when(True, 3.0), when(False, 3.0)
    (3.0, None)
    """
    if not isinstance(condition, Expr):
        return value if condition else None
    return Expr("if", (condition, _node(value, "when"), Expr("const", payload=None)))


# -- using the record ---------------------------------------------------------------------------------
def evaluate(expr: Any, values: Mapping[str, Any]) -> Any:
    """The number that ``expr`` has when its variables have ``values`` (floats, or arrays of one shape).

    >>> x, y = variable("x"), variable("y")
    >>> evaluate(x**2 + y, {"x": 3.0, "y": np.array([0.0, 1.0])})
    array([ 9., 10.])
    """
    known: dict[int, Any] = {}

    def run(node: Expr) -> Any:
        if id(node) not in known:
            known[id(node)] = compute(node)
        return known[id(node)]

    def compute(node: Expr) -> Any:
        if node.op == "const":
            return node.payload
        if node.op in ("signal", "datum"):
            if node.payload not in values:
                raise ValueError(f"no value given for {node.payload!r}; given: {', '.join(values) or 'none'}")
            return values[node.payload]
        if node.op == "choose":
            return dict(node.payload)[run(node.args[0])]
        if node.op == "if":
            condition, yes, no = node.args
            test = run(condition)
            if np.ndim(test):
                return np.where(test, run(yes), run(no))
            return run(yes) if test else run(no)
        return _OPERATIONS[node.op](*(run(arg) for arg in node.args))

    return run(expr) if isinstance(expr, Expr) else expr


def substitute(expr: Expr, values: Mapping[str, Any]) -> Expr:
    """``expr`` with tracers or numbers in the place of its variables: the same formula asked at another place.

    Variables that ``values`` does not name stay. What is asked repeatedly, as in an iteration, is thus traced once.

    >>> square = variable("x") ** 2
    >>> float(evaluate(substitute(square, {"x": square + 1}), {"x": 2.0}))
    25.0
    """
    known: dict[int, Expr] = {}

    def run(node: Expr) -> Expr:
        if id(node) not in known:
            if node.op in ("signal", "datum") and node.payload in values:
                known[id(node)] = _node(values[node.payload], "substitute")
            else:
                known[id(node)] = Expr(node.op, tuple(run(arg) for arg in node.args), node.payload)
        return known[id(node)]

    return run(expr)


def program(outputs: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Several formulas as one Python function, in which every shared part is computed once.

    The function takes the values of the variables (floats, or arrays that broadcast together) and returns the outputs by name.

    >>> x = variable("x")
    >>> slope = program({"value": x * x, "slope": derivative(x * x, "x")})
    >>> slope({"x": 3.0})
    {'value': 9.0, 'slope': 6.0}
    """
    nodes = _canonical({name: _node(value, f"output {name!r}") for name, value in outputs.items()})
    order: list[Expr] = []
    position: dict[int, int] = {}

    def place(node: Expr) -> None:
        if id(node) not in position:
            for arg in node.args:
                place(arg)
            position[id(node)] = len(order)
            order.append(node)

    for node in nodes.values():
        place(node)
    steps = [(node.op, node.payload, tuple(position[id(arg)] for arg in node.args)) for node in order]
    wanted = {name: position[id(node)] for name, node in nodes.items()}

    def run(values: Mapping[str, Any]) -> dict[str, Any]:
        slots: list[Any] = []
        for op, payload, args in steps:
            if op == "const":
                slots.append(payload)
            elif op in ("signal", "datum"):
                slots.append(values[payload])
            elif op == "choose":
                slots.append(dict(payload)[slots[args[0]]])
            elif op == "if":
                slots.append(np.where(*(slots[arg] for arg in args)))
            else:
                slots.append(_OPERATIONS[op](*(slots[arg] for arg in args)))
        return {name: slots[place] for name, place in wanted.items()}

    return run


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "neg": lambda a: -a,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    **_FUNCTIONS,
}


def derivative(expr: Expr, name: str) -> Expr:
    """The exact derivative of a traced formula with respect to its variable ``name``.

    Raises TraceError for operations with no derivative (floor, ceil).

    >>> slope = derivative(variable("x") ** 3, "x")
    >>> float(evaluate(slope, {"x": 2.0}))
    12.0
    """
    known: dict[int, Any] = {}

    def of(node: Expr) -> Any:
        if id(node) not in known:
            known[id(node)] = rule(node)
        return known[id(node)]

    def rule(node: Expr) -> Any:
        if node.op in ("signal", "datum"):
            return 1.0 if node.payload == name else 0.0
        if node.op in ("const", "choose"):
            return 0.0
        if node.op == "if":
            yes, no = of(node.args[1]), of(node.args[2])
            return _zero_or(lambda: np.where(node.args[0], yes, no), yes, no)
        slopes = [of(arg) for arg in node.args]
        if all(_is_zero(slope) for slope in slopes):
            return 0.0
        a, da = node.args[0], slopes[0]
        b, db = (node.args[1], slopes[1]) if len(node.args) == 2 else (a, 0.0)
        match node.op:
            case "+":
                return _sum(da, db)
            case "-":
                return _sum(da, _product(-1.0, db))
            case "*":
                return _sum(_product(da, b), _product(a, db))
            case "/":
                return _sum(_product(da, 1.0 / b), _product(-1.0 * node / b, db))
            case "pow":
                return _sum(_product(da, b * a ** (b - 1.0)), _zero_or(lambda: node * np.log(a) * db, db))
            case "neg":
                return _product(-1.0, da)
            case "exp":
                return _product(node, da)
            case "log":
                return _product(1.0 / a, da)
            case "sqrt":
                return _product(0.5 / node, da)
            case "cumulativeNormal":
                return _product(np.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi), da)
            case "abs":
                return _product(np.where(a < 0.0, -1.0, 1.0), da)
            case "min":
                return np.where(a <= b, da, db)
            case "max":
                return np.where(a >= b, da, db)
        raise TraceError(f"{node.op} has no derivative with respect to {name!r}")

    return _node(of(expr), "derivative")


def _is_zero(value: Expr | float) -> bool:
    return not isinstance(value, Expr) and value == 0.0


def _zero_or(build: Callable[[], Any], *slopes: Expr | float) -> Any:
    return 0.0 if all(_is_zero(slope) for slope in slopes) else build()


def _sum(a: Any, b: Any) -> Any:
    return b if _is_zero(a) else a if _is_zero(b) else a + b


def _product(a: Any, b: Any) -> Any:
    if _is_zero(a) or _is_zero(b):
        return 0.0
    if not isinstance(a, Expr) and a == 1.0:
        return b
    return a if not isinstance(b, Expr) and b == 1.0 else a * b


# -- writing Vega -------------------------------------------------------------------------------------
def vega_signals(outputs: Mapping[str, Any], prefix: str = "s") -> dict[str, str]:
    """Write traced formulas as Vega signals: name -> expression, shared parts first, as ``prefix1`` ...

    ``outputs`` maps signal names to tracers or plain scalars. No formula may use :func:`field`.

    >>> x = variable("x")
    >>> vega_signals({"square": x * x, "more": x * x + 1})
    {'s1': '(x * x)', 'square': 's1', 'more': '(s1 + 1.0)'}
    """
    nodes = {name: _node(value, f"output {name!r}") for name, value in outputs.items()}
    for name, node in nodes.items():
        if _uses_datum(node, {}):
            raise TraceError(f"signal {name!r} uses a data column: write it with vega_calculations")
    return _assign(_canonical(nodes), prefix, "")


def vega_calculations(outputs: Mapping[str, Any], prefix: str = "c") -> tuple[dict[str, str], dict[str, str]]:
    """Write formulas over data columns: (signals, calculations), each name -> expression.

    Parts that do not depend on the data are lifted into signals, so that they run once a move, not once a row.

    >>> signals, columns = vega_calculations({"y": np.exp(variable("a")) * field("x")})
    >>> signals, columns
    ({'c_fixed1': 'exp(a)'}, {'y': '(c_fixed1 * datum.x)'})
    """
    nodes = _canonical({name: _node(value, f"output {name!r}") for name, value in outputs.items()})
    memo: dict[int, bool] = {}
    lifted: dict[str, Expr] = {}
    replaced: dict[int, Expr] = {}

    def lift(node: Expr) -> Expr:
        if id(node) not in replaced:
            replaced[id(node)] = lifted_or_rebuilt(node)
        return replaced[id(node)]

    def lifted_or_rebuilt(node: Expr) -> Expr:
        if node.op in ("const", "signal", "datum"):
            return node
        if not _uses_datum(node, memo):
            name = f"{prefix}_fixed{len(lifted) + 1}"
            lifted[name] = node
            return variable(name)
        return Expr(node.op, tuple(lift(arg) for arg in node.args), node.payload)

    calculations = _assign({name: lift(node) for name, node in nodes.items()}, f"{prefix}_", "datum.")
    return _assign(lifted, f"{prefix}_part", ""), calculations


def _uses_datum(node: Expr, memo: dict[int, bool]) -> bool:
    if id(node) not in memo:
        memo[id(node)] = node.op == "datum" or any(_uses_datum(arg, memo) for arg in node.args)
    return memo[id(node)]


def _canonical(outputs: Mapping[str, Expr]) -> dict[str, Expr]:
    """Give equal subexpressions one node, so that sharing is seen wherever the formula repeats itself."""
    unique: dict[Any, Expr] = {}
    seen: dict[int, Expr] = {}

    def visit(node: Expr) -> Expr:
        if id(node) not in seen:
            args = tuple(visit(arg) for arg in node.args)
            key = (node.op, tuple(id(arg) for arg in args), type(node.payload), node.payload)
            seen[id(node)] = unique.setdefault(key, Expr(node.op, args, node.payload))
        return seen[id(node)]

    return {name: visit(node) for name, node in outputs.items()}


def _assign(outputs: Mapping[str, Expr], prefix: str, scope: str) -> dict[str, str]:
    """Name every operation that is used more than once, then render each name's expression."""
    uses: dict[int, int] = {}
    order: list[Expr] = []

    def count(node: Expr) -> None:
        uses[id(node)] = uses.get(id(node), 0) + 1
        if uses[id(node)] == 1:
            for arg in node.args:
                count(arg)
            order.append(node)

    for node in outputs.values():
        count(node)
    names: dict[int, str] = {}
    written: dict[str, str] = {}
    for node in order:
        if node.args and uses[id(node)] > 1:
            name = f"{prefix}{len(names) + 1}"
            written[name] = _render(node, names)
            names[id(node)] = scope + name
    for name, node in outputs.items():
        written[name] = _render(node, names)
    return written


def _render(node: Expr, names: Mapping[int, str]) -> str:
    if id(node) in names:
        return names[id(node)]
    args = [_render(arg, names) for arg in node.args]
    match node.op:
        case "const":
            return _literal(node.payload)
        case "signal":
            return str(node.payload)
        case "datum":
            return f"datum.{node.payload}"
        case "neg":
            return f"(-{args[0]})"
        case "not":
            return f"(!{args[0]})"
        case "if":
            return f"({args[0]} ? {args[1]} : {args[2]})"
        case "choose":
            table = ", ".join(f"{json.dumps(key)}: {_literal(value)}" for key, value in node.payload)
            return f"({{{table}}}[{args[0]}])"
    if node.op in _ARITHMETIC or node.op in _COMPARISONS or node.op in _LOGIC:
        symbol = _LOGIC.get(node.op, node.op)
        return f"({args[0]} {symbol} {args[1]})"
    return f"{node.op}({', '.join(args)})"


def _literal(value: Scalar) -> str:
    """A JavaScript literal that reads back as exactly this value (both sides use the shortest round trip)."""
    if isinstance(value, float) and not isinstance(value, bool):
        text = repr(value)
        return f"({text})" if value < 0 else text
    return json.dumps(value)


def variables(names: Iterable[str]) -> dict[str, Expr]:
    """Tracers for several signals, by name.

    >>> sorted(variables(["N", "D"]))
    ['D', 'N']
    """
    return {name: variable(name) for name in names}
