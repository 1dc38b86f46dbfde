"""What a reader is asked for: a domain, how conversations are written, and where notes go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pruning.domains.chats import ChatFormat
from pruning.domains.choosing import Head, choose_columns
from pruning.domains.columns import TextColumns, present
from pruning.domains.reading import Reading
from pruning.errors import InputError
from pruning.specs import DomainSpec


@dataclass(frozen=True, kw_only=True)
class Request:
    """A domain that is to be read."""

    spec: DomainSpec
    chat: ChatFormat = field(default_factory=ChatFormat)
    reading: Reading = field(default_factory=Reading)

    def columns(self, columns: Mapping[str, str], where: str, head: Head) -> TextColumns:
        """The choice of the text, the cluster and the problem among the columns of a table.

        Raises as `choose_columns`, and InputError for a cluster or problem that is no column.
        """
        spec = self.spec
        chosen = choose_columns(
            columns,
            column=spec.column,
            template=spec.template,
            where=where,
            head=head,
            chat=self.chat,
        )
        self.reading.text = chosen.words
        for what, name in (("cluster", spec.cluster_column), ("problem", spec.problem)):
            if name is not None and not present(columns, name):
                raise InputError(
                    f"{where} has no column {name!r} to name the {what}; "
                    f"its columns: {', '.join(columns)}."
                )
        return replace(chosen, cluster=spec.cluster_column, problem=spec.problem)
