"""The two kinds of trouble, and cancellation.

`InputError`: something a person gave is wrong; the command line exits with status 2.
`AtlasError`: the work itself failed (disk full, model cannot be read); status 1.
Both carry one sentence that says what is wrong and what to do. `x` marks those that are raised:

    ValueError
      x InputError
        x BadMemberError
        x ColumnChoiceError
        x DamagedArchiveError
        x TooFewDocumentsError
        x UnreachableError
    RuntimeError
      x AtlasError
        x DamagedError
    BaseException
      x Cancelled
"""

from __future__ import annotations


class InputError(ValueError):
    """A person's choice or file cannot be used; the message says why and what to do."""


class TooFewDocumentsError(InputError):
    """A domain has too little text for the samples asked for.

    `available` and `needed` count samples (sequences of the full length), so that an interface
    can offer to go on with fewer.
    """

    def __init__(self, message: str, *, available: int, needed: int) -> None:
        super().__init__(message)
        self.available = available
        self.needed = needed


class AtlasError(RuntimeError):
    """Work that was asked for correctly could not be done; the message says why and what to do."""


class Cancelled(BaseException):
    """The person cancelled. A `BaseException`, so that no `except Exception` swallows it."""
