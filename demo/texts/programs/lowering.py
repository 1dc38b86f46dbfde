"""The loop form of a pipe: what a `Pipe` says, written with plain statements."""

from __future__ import annotations

from demo.texts.programs import ir

COLLECTED = {"list": "result", "max": "kept", "min": "kept"}
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
LIST_TYPES = {"int": "ints", "text": "texts"}


def loop(pipe: ir.Pipe) -> ir.Block:
    """Write a pipe as a loop over its source, with the statements before and after it."""
    value = ir.Var(pipe.variable) if pipe.value is None else pipe.value
    before, inner, after = _parts(pipe, value)
    if pipe.keep is not None:
        test = negated(pipe.keep) if pipe.end == "all" else pipe.keep
        inner = (ir.If(test, inner),)
    return (*before, _walk(pipe, inner), *after)


def negated(test: ir.Expr) -> ir.Expr:
    """Say the opposite of a test, by the opposite comparison if it is one."""
    if isinstance(test, ir.Bin) and test.op in OPPOSITE:
        return ir.Bin(OPPOSITE[test.op], test.left, test.right)
    return test.value if isinstance(test, ir.Not) else ir.Not(test)


def _walk(pipe: ir.Pipe, body: ir.Block) -> ir.Stmt:
    """Loop over the elements of the source."""
    if pipe.stop is not None:
        return ir.Range(pipe.variable, pipe.source, pipe.stop, body, inclusive=True)
    return ir.Each(pipe.variable, pipe.element, pipe.source, body)


def _parts(pipe: ir.Pipe, value: ir.Expr) -> tuple[ir.Block, ir.Block, ir.Block]:
    """Return what stands before the loop, in it, and after it."""
    end = pipe.end
    if end in ("sum", "product", "count"):
        name = {"sum": "total", "product": "product", "count": "count"}[end]
        start = ir.Num(1 if end == "product" else 0)
        step = ir.Num(1) if end == "count" else value
        update = ir.Update(ir.Var(name), "*" if end == "product" else "+", step)
        return (ir.Let(name, "int", start, True),), (update,), (ir.Return(ir.Var(name)),)
    if end in COLLECTED:
        name, kind = COLLECTED[end], LIST_TYPES[pipe.type]
        kept = ir.Var(name)
        result: ir.Expr = kept
        if end != "list":
            empty = ir.Call("list_empty", (kept,))
            result = ir.Cond(empty, pipe.default, ir.Call(f"list_{end}", (kept,)))
        return (
            (ir.Let(name, kind, ir.New(kind)),),
            (ir.Append(kept, value, kind),),
            (ir.Return(result),),
        )
    if end in ("any", "all"):
        found = end == "any"
        return (), (ir.Return(ir.Bool(found)),), (ir.Return(ir.Bool(not found)),)
    if end == "first":
        return (), (ir.Return(value),), (ir.Return(pipe.default),)
    last = ir.Var("last")
    if end == "last":
        return (
            (ir.Let("last", pipe.type, pipe.default, True),),
            (ir.Assign(last, value),),
            (ir.Return(last),),
        )
    return _built(pipe, value)


def _built(pipe: ir.Pipe, value: ir.Expr) -> tuple[ir.Block, ir.Block, ir.Block]:
    """Return the parts of a loop that builds a text, with a separator or without."""
    result = ir.Var("result")
    inner: ir.Block = (ir.Append(result, value, "builder"),)
    if pipe.end == "joined":
        separate = ir.Append(result, pipe.default, "builder")
        filled = ir.Bin(">", ir.Call("builder_size", (result,)), ir.Num(0))
        inner = (ir.If(filled, (separate,)), *inner)
    return (
        (ir.Let("result", "builder", ir.New("builder"), True),),
        inner,
        (ir.Return(ir.Call("built", (result,))),),
    )


def collected(s: ir.Collect) -> ir.Block:
    """Write the collection of a pipe's list as a loop."""
    pipe = s.pipe
    value = ir.Var(pipe.variable) if pipe.value is None else pipe.value
    kind = LIST_TYPES[pipe.type]
    inner: ir.Block = (ir.Append(ir.Var(s.name), value, kind),)
    if pipe.keep is not None:
        inner = (ir.If(pipe.keep, inner),)
    return (ir.Let(s.name, kind, ir.New(kind)), _walk(pipe, inner))
