"""Every way in which a request to the hub can fail, as a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from pruning.errors import AtlasError, InputError

Result = TypeVar("Result")


class UnreachableError(InputError):
    """The hub did not answer: no network, or HF_HUB_OFFLINE is set."""


def asking(source: str, revision: str | None, request: Callable[[], Result]) -> Result:
    """Run a hub request; every way it can fail becomes a sentence."""
    try:
        return request()
    except GatedRepoError as error:
        raise InputError(
            f"{source} is gated: accept its licence at https://huggingface.co/{source} and log in "
            "with `hf auth login`, or set HF_TOKEN."
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"There is no model {source} on the hub, or it is private. Check the spelling "
            "(org/name); a folder is given by its path."
        ) from error
    except RevisionNotFoundError as error:
        raise InputError(f"{source} has no revision {revision!r}.") from error
    except HFValidationError as error:
        raise InputError(f"{source!r} is not a hub id; write org/name.") from error
    except LocalEntryNotFoundError as error:
        raise _unreachable(source) from error
    except EntryNotFoundError as error:
        raise InputError(f"{source} lacks a file on the hub: {error}") from error
    except HfHubHTTPError as error:
        raise UnreachableError(
            f"The hub refused {source} (status {error.response.status_code}). Try again later, or "
            "use a local folder."
        ) from error
    except (ConnectionError, TimeoutError) as error:
        raise _unreachable(source) from error
    except OSError as error:
        raise AtlasError(f"{source} could not be downloaded: {error}") from error
    except Exception as error:
        if _is_network_error(error):
            raise _unreachable(source) from error
        raise


def _is_network_error(error: Exception) -> bool:
    """Whether the HTTP client itself gave up; it is named by class, as it differs by release."""
    return any(base.__name__ in ("TransportError", "RequestError") for base in type(error).__mro__)


def _unreachable(source: str) -> UnreachableError:
    offline = "; HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else ""
    return UnreachableError(
        f"Cannot reach the hub, and {source} is not in the local cache{offline}. "
        "Check the network, or use a local folder."
    )
