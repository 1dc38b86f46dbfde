"""Conversations in records: recognised by their form, written through the tokenizer's template."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pruning.domains.document import Templated
from pruning.domains.reading import BadMemberError

ROLES = ("role", "from", "speaker", "author")  # what says who speaks, in the layouts there are
CONTENTS = ("content", "value", "text", "message")
SPEAKERS = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "ai": "assistant",
}
DATE = "26 Jul 2024"  # for templates that would write today's, so that a text stays the same

Message = dict[str, str]


def is_chat_layout(names: Iterable[str]) -> bool:
    """Whether records with these fields are messages: one says who speaks, another what."""
    there = set(names)
    return any(role in there for role in ROLES) and any(field in there for field in CONTENTS)


def messages_of(value: Any) -> list[Message] | None:
    """The messages, each {"role", "content"}, of a list of them; None for anything else.

    Read are OpenAI's `role` and `content`, ShareGPT's `from` and `value` and their like, a record of
    two lists in place of a list of records, and either one written as JSON in a text.
    """
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, Mapping) and is_chat_layout(value):
        value = _of_columns(value)
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        return None
    if not all(isinstance(each, Mapping) and is_chat_layout(each) for each in value):
        return None
    return [_message(each) for each in value]


def _of_columns(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The records of a record of lists of equal length."""
    lists = {name: each for name, each in value.items() if isinstance(each, list)}
    if not is_chat_layout(lists) or len({len(each) for each in lists.values()}) != 1:
        return None
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _message(record: Mapping[str, Any]) -> Message:
    said = next((record[name] for name in ROLES if isinstance(record.get(name), str)), "user")
    content = next((record[name] for name in CONTENTS if record.get(name) is not None), "")
    if isinstance(content, list):  # parts, of which the texts are read
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
        content = "\n".join(part for part in parts if isinstance(part, str))
    content = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    role = said.strip().lower()
    return {"role": SPEAKERS.get(role, role or "user"), "content": content}


def role_by_role(messages: Sequence[Message]) -> str:
    """Plain text: "User: ..." and so on, a blank line between."""
    spoken = [message for message in messages if message["content"].strip()]
    return "\n\n".join(f"{each['role'].capitalize()}: {each['content']}" for each in spoken)


class ChatFormat:
    """How a model's tokenizer writes conversations. tokenizer None, or without a template: plainly."""

    def __init__(self, tokenizer: Any = None) -> None:
        has_template = bool(getattr(tokenizer, "chat_template", None))
        self.tokenizer = tokenizer if has_template else None

    @property
    def words(self) -> str:
        """How conversations are written, for people."""
        return "the tokenizer's chat template" if self.tokenizer else "role by role"

    def text(self, messages: Sequence[Message], where: str) -> str:
        """The conversation as one text.

        With a template it is `Templated`, and does not begin with the beginning-of-text token, which
        packing puts there. What a template has no place for, a system message, is told with the first
        message. Raises BadMemberError for a conversation that the template refuses.
        """
        if not any(message["content"].strip() for message in messages):
            return ""
        if self.tokenizer is None:
            return role_by_role(messages)
        try:
            text = self._written(messages)
        except Exception as error:  # a template is a program, and raises whatever it likes
            try:
                text = self._written(_without_system(messages))
            except Exception:
                raise BadMemberError(
                    f"{where} is a conversation that the model's chat template refuses: {error}.",
                    f"a conversation that the chat template refuses ({error})",
                ) from None
        return Templated(text.removeprefix(self.tokenizer.bos_token or ""))

    def _written(self, messages: Sequence[Message]) -> str:
        tokenizer: Any = self.tokenizer
        return tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=False, date_string=DATE
        )


def _without_system(messages: Sequence[Message]) -> list[Message]:
    if len(messages) < 2 or messages[0]["role"] != "system":
        return list(messages)
    first = messages[1]
    joined = f"{messages[0]['content']}\n\n{first['content']}"
    return [{"role": first["role"], "content": joined}, *messages[2:]]
