"""Which domains: built-in ones, hub data sets, and a visitor's own files."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path

import streamlit as st

from analysis.figures.domains import LABELS, label
from pages.ui.frame import sentences
from pages.ui.state import choose_many, keep, kept_choices
from pages.ui.words import explain
from pruning.errors import InputError
from pruning.machine.paths import uploads_folder
from pruning.specs import DomainSpec

OWN = "own"  # the address holds each domain of one's own as JSON


def choose_domains() -> list[DomainSpec]:
    """The domains to calibrate on."""
    names = choose_many(
        "Built-in domains",
        list(LABELS),
        "texts",
        default=list(LABELS),
        format_func=label,
        placeholder="none of the built-in ones",
        help=explain("Domain")
        + "\n\nThe four programming languages hold the same tasks, so that what differs between "
        "them is the language and not what is said in it.",
    )
    chosen = [DomainSpec(name=name, kind="builtin", source=name) for name in names]
    own = own_domains()
    for domain in own:
        _own_row(domain, own)
    left, right = st.columns(2, gap="medium")
    with (
        left.popover("Add a hub data set", icon=":material/cloud:", width="stretch"),
        sentences(),
    ):
        _hub_form(own)
    with (
        right.popover("Add your own files", icon=":material/upload_file:", width="stretch"),
        sentences(),
    ):
        _files_form(own)
    return chosen + own


def own_domains() -> list[DomainSpec]:
    """The visitor's own domains, of the address or of this session."""
    texts = st.query_params.get_all(OWN) or kept_choices().get(OWN, [])
    domains = []
    for text in texts:
        try:
            domains.append(DomainSpec.from_json(json.loads(text)))
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"The address holds a domain that cannot be read ({error}); remove 'own=' from it."
            ) from error
    _store(domains)
    return domains


def _store(domains: list[DomainSpec]) -> None:
    usual = {"config": None, "split": None, "column": None, "template": None, "revision": None}
    texts = [
        json.dumps(
            {
                name: value
                for name, value in domain.to_json().items()
                if value != usual.get(name, [] if name == "suffixes" else ...)
            },
            separators=(",", ":"),
        )
        for domain in domains
    ]
    keep(OWN, texts)
    if texts == st.query_params.get_all(OWN):
        return
    if texts:
        st.query_params[OWN] = texts
    else:
        st.query_params.pop(OWN, None)


def check_name(name: str, own: list[DomainSpec]) -> None:
    """InputError for a name that a built-in domain or another of one's own has."""
    if name in {other.name for other in own} | set(LABELS):
        raise InputError(f"There is a domain named {name} already; choose another name.")


def _add(domain: DomainSpec, own: list[DomainSpec]) -> None:
    check_name(domain.name, own)
    _store([*own, domain])
    st.rerun()


def _own_row(domain: DomainSpec, own: list[DomainSpec]) -> None:
    where = f"hub data set {domain.source}" if domain.kind == "hub" else Path(domain.source).name
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/description: **{domain.name}** · {where}")
        if st.button(
            "", icon=":material/close:", type="tertiary", key=f"drop-{domain.name}", help="Remove"
        ):
            _store([other for other in own if other != domain])
            st.rerun()


def _hub_form(own: list[DomainSpec]) -> None:
    with st.form("hub-domain", border=False, enter_to_submit=False):
        name = st.text_input("Name it", placeholder="gsm8k", key="hub-name")
        source = st.text_input("Data set id", placeholder="openai/gsm8k", key="hub-id")
        left, right = st.columns(2)
        config = left.text_input("Configuration", placeholder="main", key="hub-config")
        split = right.text_input("Split", placeholder="train", key="hub-split")
        text = st.text_input(
            "Text column, or a template over columns",
            placeholder="{question}\\n{answer}",
            key="hub-text",
            help="Empty: found by itself where there is one text column.",
        )
        revision = st.text_input("Revision", placeholder="main", key="hub-revision")
        streaming = st.checkbox(
            "Stream it instead of downloading all of it", True, key="hub-stream"
        )
        if st.form_submit_button("Add", type="primary"):
            if not source.strip():
                raise InputError("Name the data set, such as openai/gsm8k.")
            column, template = column_or_template(text)
            _add(
                DomainSpec(
                    name=name.strip() or source.rsplit("/", 1)[-1].strip(),
                    kind="hub",
                    source=source.strip(),
                    config=config.strip() or None,
                    split=split.strip() or None,
                    column=column,
                    template=template,
                    revision=revision.strip() or None,
                    streaming=streaming,
                ),
                own,
            )


def _files_form(own: list[DomainSpec]) -> None:
    with st.form("files-domain", border=False, enter_to_submit=False):
        name = st.text_input("Name it", placeholder="my-project", key="files-name")
        uploads = st.file_uploader(
            "Upload files",
            accept_multiple_files=True,
            key="files-upload",
            help="Text, source code, .jsonl, .json, .csv, .parquet, or one .zip alone. Only this "
            "server's workspace keeps them.",
        )
        path = st.text_input(
            "or a file or folder on this server", placeholder="/data/texts", key="files-path"
        )
        left, right = st.columns(2)
        suffixes = left.text_input(
            "Only files ending in", placeholder=".py .pyi", key="files-suffixes"
        )
        text = right.text_input("Text column", placeholder="text", key="files-text")
        if st.form_submit_button("Add", type="primary"):
            if bool(uploads) == bool(path.strip()):
                raise InputError("Upload files, or give a path on this server: one of the two.")
            column, template = column_or_template(text)
            domain = DomainSpec(
                name=name.strip(),
                kind="files",
                source=path.strip(),
                column=column,
                template=template,
                suffixes=tuple(
                    end if end.startswith(".") else f".{end}"
                    for end in suffixes.replace(",", " ").split()
                ),
            )
            check_name(domain.name, own)
            if uploads:  # last: what is refused leaves no copy behind
                domain = replace(domain, source=str(save_uploads(uploads)))
            _add(domain, own)


def column_or_template(text: str) -> tuple[str | None, str | None]:
    r"""What was typed is a template if it has braces; \n in it is a line break."""
    text = text.strip()
    if "{" in text:
        return None, text.replace("\\n", "\n")
    return text or None, None


def save_uploads(uploads: list) -> Path:
    """Put uploaded files into a private folder of the workspace; returns it, or its only file.

    Raises InputError, and keeps nothing, for an archive beside other files.
    """
    _check_archives([upload.name for upload in uploads])
    folder = uploads_folder() / secrets.token_urlsafe(12)
    folder.mkdir(parents=True, mode=0o700)
    for number, upload in enumerate(uploads):
        name = Path(upload.name.replace("\\", "/")).name
        name = name if name.strip(".") else f"file-{number}"
        target = folder / name
        if target.exists():
            target = folder / f"{number}-{name}"
        target.write_bytes(upload.getbuffer())
    return target if len(uploads) == 1 else folder


def _check_archives(names: list[str]) -> None:
    """InputError for an archive beside other files: in a folder, archives are left out."""
    from pruning.domains.archives import NESTED  # brings readers along that no page needs

    archives = [name for name in names if name.lower().endswith(NESTED)]
    if archives and len(names) > 1:
        raise InputError(
            f"{archives[0]} is an archive, and archives are not read beside other files; upload "
            "one .zip alone, or the files without it."
        )
