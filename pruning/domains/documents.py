"""One stream of documents, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator

from demo import texts
from pruning.domains.builtin import BUILTIN, PROGRAMS
from pruning.domains.document import Document
from pruning.domains.files import file_documents
from pruning.domains.hub import hub_documents
from pruning.domains.request import Request
from pruning.errors import InputError
from pruning.specs import DomainSpec


def documents(spec: DomainSpec, seed: int) -> Iterator[str]:
    """The texts of `drawn`, of a domain without a model: conversations are written role by role."""
    return (document.text for document in drawn(Request(spec=spec), seed))


def drawn(request: Request, seed: int) -> Iterator[Document]:
    """The domain's documents, drawn without replacement in an order given by `seed`.

    Built-in domains write their own stream for the seed, files are permuted, hub data sets are
    permuted or, when streamed, shuffled in a buffer (see `hub_documents`). Raises InputError, at
    the latest when the first document is asked for, if there is nothing to read.
    """
    spec = request.spec
    if spec.kind == "hub":
        return hub_documents(request, seed)
    if spec.kind == "files":
        return file_documents(request, seed)
    if spec.source not in BUILTIN:
        raise InputError(
            f"There is no built-in domain {spec.source!r}; there are {', '.join(BUILTIN)}."
        )
    return _built_in(spec.source, seed)


def _built_in(name: str, seed: int) -> Iterator[Document]:
    """The programming domains tell the same tasks in the same order: the place names the task."""
    for place, text in enumerate(texts.documents(name, seed=seed, split="train")):
        yield Document(text=text, problem=f"task {place}" if name in PROGRAMS else None)
