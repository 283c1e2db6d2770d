"""Which small changes are made to a node of the syntax tree."""

import ast
from collections.abc import Iterator

Change = tuple[str, ast.AST]  # the name of the operator, and what replaces the node

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_NAMES = {
    "min": "max",
    "minimum": "maximum",
    "any": "all",
    "union1d": "intersect1d",
    "left": "right",
    "flatnonzero": "",  # has no counterpart; a selection is negated where it is computed
}
_COUNTERPARTS = {**_NAMES, **{after: before for before, after in _NAMES.items() if after}}


def changes(node: ast.AST) -> Iterator[Change]:
    """Yield the changes of one node, without those of the nodes below it."""
    match node:
        case ast.Compare(ops=[operator]):
            for comparison in _COMPARISONS[type(operator)]:
                yield "comparison", ast.Compare(node.left, [comparison()], node.comparators)
        case ast.BoolOp():
            other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "boolean", ast.BoolOp(other_op, node.values)
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub()):
            yield "negation", node.operand
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            yield "arithmetic", ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
        case ast.AugAssign() if type(node.op) in _ARITHMETIC:
            other = _ARITHMETIC[type(node.op)]()
            yield "arithmetic", ast.AugAssign(node.target, other, node.value)
            yield "deletion", ast.Pass()
        case ast.Constant():
            yield from _constants(node)
        case ast.Name() | ast.Attribute():
            yield from _names(node)
        case ast.IfExp():
            yield "condition", ast.IfExp(node.test, node.orelse, node.body)
        case ast.stmt():
            yield from _statements(node)


def _constants(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int | float):
        yield "constant", ast.Constant(value + 1)
    elif value in ("left", "right"):  # the sides of np.searchsorted
        yield "constant", ast.Constant(_COUNTERPARTS[value])


def _names(node: ast.Name | ast.Attribute) -> Iterator[Change]:
    name = node.id if isinstance(node, ast.Name) else node.attr
    other = _COUNTERPARTS.get(name, "")
    if other and isinstance(node, ast.Name) and name in ("min", "max", "any", "all"):
        yield "function", ast.Name(other, node.ctx)
    elif other and isinstance(node, ast.Attribute) and name not in ("left", "right"):
        yield "function", ast.Attribute(node.value, other, node.ctx)


def _statements(node: ast.stmt) -> Iterator[Change]:
    match node:
        case ast.If() | ast.While():
            if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                negated = ast.UnaryOp(ast.Not(), node.test)
                kind = type(node)
                yield "condition", kind(negated, node.body, node.orelse)
            if isinstance(node, ast.If) and not node.orelse:
                yield "deletion", ast.Pass()
        case ast.Expr(value=ast.Call()) | ast.Continue() | ast.Break() | ast.Raise():
            yield "deletion", ast.Pass()
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield "deletion", ast.Pass()
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield "return", ast.Return(ast.Constant(None))


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
