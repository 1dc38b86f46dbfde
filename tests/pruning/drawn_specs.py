"""Specs drawn at random, for tests of what holds of every one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hypothesis import strategies as st

from pruning.errors import InputError
from pruning.specs import (
    ALLOCATIONS,
    COMBINATIONS,
    COMPARISON_GROUPS,
    DTYPES,
    MIXTURE,
    MODES,
    NONE,
    REMOVAL,
    REPAIRS,
    SCORES,
    STARVED,
    CalibrationSpec,
    DomainSpec,
    ExportSpec,
    ModelSpec,
    PruneSpec,
    SampleSpec,
)
from pruning.specs.narrowing import CHOICES, NarrowSpec
from pruning.specs.patterns import pattern_sparsity

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,8}", fullmatch=True)
PROJECTIONS = st.sampled_from(("q_proj", "mlp.down_proj", "experts.0.w1"))
PATTERNS = ("unstructured", "2:4", "1:3", "4:8")
LAYERS = st.none() | st.sets(st.integers(0, 40), min_size=1).map(lambda kept: tuple(sorted(kept)))
CHOSEN = st.none() | st.lists(PROJECTIONS, min_size=1, unique=True).map(tuple)


def specs(make: Any, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Valid specs of drawn fields. Every field has to be drawn, so a new one has to, too."""
    assert set(parts) == {field.name for field in fields(make)}

    def built(values: dict[str, Any]) -> Any:
        try:
            return make(**values)
        except InputError:  # values that exclude each other
            return None

    return st.fixed_dictionaries(parts).map(built).filter(lambda spec: spec is not None)


@st.composite
def prune_specs(draw: st.DrawFn, **instead: st.SearchStrategy[Any]) -> PruneSpec:
    """instead: other values than the usual ones, by field."""
    pattern = draw(st.sampled_from(PATTERNS))
    implied = pattern_sparsity(pattern)
    share = st.floats(0, 1, exclude_max=True) if implied is None else st.just(implied)
    spec: PruneSpec = draw(
        specs(
            PruneSpec,
            **{
                "score": st.sampled_from(SCORES),
                "sparsity": share,
                "pattern": st.just(pattern),
                "comparison_group": st.sampled_from(COMPARISON_GROUPS),
                "allocation": st.sampled_from(ALLOCATIONS),
                "seed": st.integers(0, 2**40),
                "layers": LAYERS,
                "projections": CHOSEN,
                "starved": st.sampled_from(STARVED),
                **instead,
            },
        )
    )
    return spec


@st.composite
def export_specs(draw: st.DrawFn) -> ExportSpec:
    combination = draw(st.sampled_from(COMBINATIONS))
    weight = st.floats(1e-6, 1e6) if combination == MIXTURE else st.just(1.0)
    pairs = st.tuples(NAMES, weight)
    least = 1 if combination in (MIXTURE, REMOVAL) else 2
    mixtures = st.lists(pairs, min_size=least, max_size=4, unique_by=lambda pair: pair[0])
    narrow = draw(st.none() | narrow_specs()) if combination == MIXTURE else None
    modes = st.sampled_from(MODES) if narrow is None else st.just("one-shot")
    prunes = prune_specs()
    if narrow is not None:
        prunes = st.just(PruneSpec(sparsity=0.0)) | prunes.filter(lambda prune: prune.sparsity > 0)
    prune = draw(prunes)
    finds = combination == MIXTURE and prune.score == "wanda"  # so a repair may find the mask
    repairs = REPAIRS if finds else REPAIRS[: 1 + (combination != REMOVAL)]
    repairs = repairs if narrow is None else (NONE,)
    spec: ExportSpec = draw(
        specs(
            ExportSpec,
            run=st.from_regex(r"[0-9a-f]{1,16}", fullmatch=True),
            mixture=mixtures.map(tuple),
            prune=st.just(prune),
            mode=modes,
            combination=st.just(combination),
            repair=st.sampled_from(repairs),
            narrow=st.just(narrow),
        )
    )
    return spec


def narrow_specs() -> st.SearchStrategy[NarrowSpec]:
    amounts = st.just(0.0) | st.floats(0.01, 0.99) | st.integers(1, 64).map(float)
    return specs(
        NarrowSpec,
        channels=amounts,
        heads=amounts,
        layers=amounts,
        choice=st.sampled_from(CHOICES),
        refit=st.booleans(),
        multiple=st.integers(1, 256),
    )


def domain_specs() -> st.SearchStrategy[DomainSpec]:
    """Domains that a line can say; it does not say whether the hub's records are streamed."""
    words = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
    builtin = st.sampled_from(("python", "math")).map(
        lambda name: DomainSpec(name=name, kind="builtin", source=name)
    )
    columns = st.sampled_from(
        ({}, {"column": "answer"}, {"template": "{question}\n{answer}"}, {"template": "\t{a}"})
    )
    files = st.builds(
        lambda name, path, suffixes, text: DomainSpec(
            name=name, kind="files", source=f"/texts/{path}", suffixes=suffixes, **text
        ),
        NAMES,
        words,
        st.sampled_from(((), (".py",), (".py", ".pyi"))),
        columns,
    )
    hub = st.builds(
        lambda name, source, config, split, revision, text: DomainSpec(
            name=name,
            kind="hub",
            source=f"org/{source}",
            config=config,
            split=split,
            revision=revision,
            **text,
        ),
        NAMES,
        words,
        st.none() | words,
        st.none() | words,
        st.none() | words,
        columns,
    )
    return builtin | files | hub


def calibration_specs() -> st.SearchStrategy[CalibrationSpec]:
    domains = st.lists(domain_specs(), min_size=1, max_size=4, unique_by=lambda domain: domain.name)
    return specs(
        CalibrationSpec,
        model=specs(
            ModelSpec,
            source=st.sampled_from(("demo", "org/name", "./no-such-folder")),
            revision=st.none() | st.from_regex(r"[0-9a-f]{7}", fullmatch=True),
            dtype=st.none() | st.sampled_from(DTYPES),
            device=st.sampled_from(("auto", "cpu", "cuda", "cuda:1")),
            stream=st.sampled_from((None, True, False)),
        ),
        domains=domains.map(tuple),
        sample=specs(
            SampleSpec,
            num_samples=st.integers(8, 200),
            seq_len=st.integers(2, 4096),
            groups=st.integers(1, 8),
            seed=st.integers(0, 2**40),
            allow_fewer=st.booleans(),
        ),
        layers=LAYERS,
        projections=CHOSEN,
        batch_size=st.none() | st.integers(1, 64),
    )
