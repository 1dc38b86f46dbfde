"""Domains: text in, token sequences out. Where documents come from, and how they become samples."""

from pruning.domains.builtin import BUILTIN, describe_builtin
from pruning.domains.documents import documents
from pruning.domains.packing import sample_domain
from pruning.domains.parse import parse_domain
from pruning.domains.provenance import DomainOrigin, origin, pin
from pruning.domains.token_sample import TokenSample

__all__ = [
    "BUILTIN",
    "DomainOrigin",
    "TokenSample",
    "describe_builtin",
    "documents",
    "origin",
    "parse_domain",
    "pin",
    "sample_domain",
]
