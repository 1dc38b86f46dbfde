"""One stream of documents, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator

from demo import texts
from pruning.domains.builtin import BUILTIN
from pruning.domains.files import file_documents
from pruning.domains.hub import hub_documents
from pruning.errors import InputError
from pruning.specs import DomainSpec


def documents(spec: DomainSpec, seed: int) -> Iterator[str]:
    """The domain's documents, drawn without replacement in an order given by `seed`.

    Built-in domains write their own stream for the seed, files are permuted, hub data sets are
    permuted or, when streamed, shuffled in a buffer (see `hub_documents`). Raises InputError, at
    the latest when the first document is asked for, if there is nothing to read.
    """
    if spec.kind == "builtin":
        if spec.source not in BUILTIN:
            raise InputError(
                f"There is no built-in domain {spec.source!r}; there are {', '.join(BUILTIN)}."
            )
        return texts.documents(spec.source, seed=seed, split="train")
    if spec.kind == "hub":
        return hub_documents(spec, seed)
    return file_documents(spec, seed)
