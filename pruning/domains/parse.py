"""A domain as one line of text: what people type on a command line, turned into a `DomainSpec`."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from pruning.domains.builtin import BUILTIN
from pruning.errors import InputError
from pruning.specs import DomainSpec

FORMS = (
    f"A domain is a built-in name ({', '.join(BUILTIN)}), name=PATH for your own files, "
    "or name=hf:ID[:CONFIG[:SPLIT[:COLUMN]]] for a data set of the Hugging Face hub"
)


def parse_domain(text: str) -> DomainSpec:
    r"""Read a domain from one line.

    - ``python``: a built-in domain.
    - ``name=PATH``: a file or folder; PATH is everything after the first "=". A folder may end in
      the endings to keep, ``name=src/*.py,*.pyi``; a table may be followed by its column or
      template, ``name=chats.jsonl::answer``.
    - ``name=hf:ID[@REVISION][:CONFIG[:SPLIT[:COLUMN]]]``: a hub data set; parts may be empty, as in
      ``math=hf:openai/gsm8k:main::question``.

    Either may end in ``::cluster=COLUMN``, or ``@file`` or ``@folder`` for the column: whole clusters
    are then dealt to groups.

    A column with braces is a template over columns, in which ``\n`` is a line break:
    ``{question}\n{answer}``. Paths are made absolute, so that a spec means the same everywhere.
    Raises InputError for anything else, and says which forms there are.
    """
    text = text.strip()
    name, equals, rest = text.partition("=")
    if not equals:
        if text in BUILTIN:
            return DomainSpec(name=text, kind="builtin", source=text)
        raise InputError(f"There is no built-in domain {text!r}. {FORMS}.")
    if not rest.strip():
        raise InputError(f"The domain {name!r} says nothing after '='. {FORMS}.")
    rest, _, cluster = rest.partition("::cluster=")
    if rest.startswith("hf:"):
        spec = _hub(name.strip(), rest.removeprefix("hf:"))
    else:
        spec = _files(name.strip(), rest)
    return replace(spec, cluster=cluster or None)


def domain_line(domain: DomainSpec) -> str:
    """The line that `parse_domain` makes this domain of."""
    if domain.kind == "builtin":
        return domain.name
    text = domain.column or (domain.template or "").replace("\n", "\\n").replace("\t", "\\t")
    if domain.kind == "files":
        endings = "/" + ",".join(f"*{suffix}" for suffix in domain.suffixes)
        column = f"::{text}" if text else ""
        return f"{domain.name}={domain.source}{endings * bool(domain.suffixes)}{column}"
    revision = f"@{domain.revision}" if domain.revision else ""
    parts = f"{domain.config or ''}:{domain.split or ''}:{text}"
    return f"{domain.name}=hf:{domain.source}{revision}:{parts}".rstrip(":")


def _hub(name: str, rest: str) -> DomainSpec:
    identifier, config, split, text = (*rest.split(":", 3), "", "", "")[:4]
    source, _, revision = identifier.partition("@")
    if not source:
        raise InputError(
            f"The domain {name!r} names no data set after 'hf:'; write {name}=hf:ORGANISATION/NAME."
        )
    column, template = _column_or_template(text)
    return DomainSpec(
        name=name,
        kind="hub",
        source=source,
        config=config or None,
        split=split or None,
        revision=revision or None,
        column=column,
        template=template,
    )


def _files(name: str, rest: str) -> DomainSpec:
    path, text = rest, ""
    if "::" in rest and not _exists(rest):
        path, _, text = rest.rpartition("::")
    suffixes: tuple[str, ...] = ()
    folder, _, last = path.rpartition("/")
    if re.fullmatch(r"\*\.[^*/,]+(,\*\.[^*/,]+)*", last) and not _exists(path):
        suffixes = tuple(pattern.removeprefix("*") for pattern in last.split(","))
        path = folder or ("/" if path.startswith("/") else ".")
    column, template = _column_or_template(text)
    return DomainSpec(
        name=name,
        kind="files",
        source=os.path.abspath(os.path.expanduser(path)),
        suffixes=suffixes,
        column=column,
        template=template,
    )


def _exists(path: str) -> bool:
    return os.path.exists(os.path.expanduser(path))  # false, not an error, for an impossible name


def _column_or_template(text: str) -> tuple[str | None, str | None]:
    if "{" in text:
        return None, text.replace("\\n", "\n").replace("\\t", "\t")
    return text or None, None
