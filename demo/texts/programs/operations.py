"""How each language spells the operations that are not operators.

In a template {a}, {b} and {c} are the arguments; a capital letter asks for parentheses around an
argument that is not a single term, as before a dot. A template that is itself not a single term
carries its precedence: "5|{b} in {a}" (see `printing.py`).
"""

from __future__ import annotations

import re
from functools import cache

LANGUAGES = ("python", "java", "cpp", "javascript")

# name: (Python, Java, C++, JavaScript)
OPERATIONS: dict[str, tuple[str, str, str, str]] = {
    # numbers
    "abs": ("abs({a})", "Math.abs({a})", "std::abs({a})", "Math.abs({a})"),
    "max": ("max({a}, {b})", "Math.max({a}, {b})", "std::max({a}, {b})", "Math.max({a}, {b})"),
    "min": ("min({a}, {b})", "Math.min({a}, {b})", "std::min({a}, {b})", "Math.min({a}, {b})"),
    "to_text": ("str({a})", "String.valueOf({a})", "std::to_string({a})", "String({a})"),
    # lists
    "list_size": ("len({a})", "{A}.size()", "{A}.size()", "{A}.length"),
    # the same as an int, where C++ would count below zero in unsigned numbers
    "list_length": (
        "len({a})",
        "{A}.size()",
        "static_cast<int>({A}.size())",
        "{A}.length",
    ),
    "list_empty": ("4|not {A}", "{A}.isEmpty()", "{A}.empty()", "5|{A}.length === 0"),
    "list_get": ("{A}[{b}]", "{A}.get({b})", "{A}[{b}]", "{A}[{b}]"),
    "list_last": ("{A}[-1]", "{A}.get({A}.size() - 1)", "{A}.back()", "{A}[{A}.length - 1]"),
    "list_copy": ("list({a})", "new ArrayList<>({a})", "{a}", "[...{a}]"),
    "list_has": (
        "5|{b} in {A}",
        "{A}.contains({b})",
        "5|std::find({A}.begin(), {A}.end(), {b}) != {A}.end()",
        "{A}.includes({b})",
    ),
    "list_max": (
        "max({a})",
        "Collections.max({a})",
        "8|*std::max_element({A}.begin(), {A}.end())",
        "Math.max(...{a})",
    ),
    "list_min": (
        "min({a})",
        "Collections.min({a})",
        "8|*std::min_element({A}.begin(), {A}.end())",
        "Math.min(...{a})",
    ),
    "cell": ("{A}[{b}][{c}]", "{A}.get({b}).get({c})", "{A}[{b}][{c}]", "{A}[{b}][{c}]"),
    # texts and characters
    "text_size": ("len({a})", "{A}.length()", "{A}.size()", "{A}.length"),
    "text_length": (
        "len({a})",
        "{A}.length()",
        "static_cast<int>({A}.size())",
        "{A}.length",
    ),
    "text_empty": ("4|not {A}", "{A}.isEmpty()", "{A}.empty()", "5|{A}.length === 0"),
    "char_at": ("{A}[{b}]", "{A}.charAt({b})", "{A}[{b}]", "{A}[{b}]"),
    "text_same": ("5|{a} == {b}", "{A}.equals({b})", "5|{a} == {b}", "5|{a} === {b}"),
    "text_reverse": (
        "{A}[::-1]",
        "new StringBuilder({a}).reverse().toString()",
        "std::string({A}.rbegin(), {A}.rend())",
        '{A}.split("").reverse().join("")',
    ),
    "starts_with": (
        "{A}.startswith({b})",
        "{A}.startsWith({b})",
        "{A}.starts_with({b})",
        "{A}.startsWith({b})",
    ),
    "ends_with": (
        "{A}.endswith({b})",
        "{A}.endsWith({b})",
        "{A}.ends_with({b})",
        "{A}.endsWith({b})",
    ),
    "text_has": (
        "5|{b} in {a}",
        "{A}.contains({b})",
        "5|{A}.find({b}) != std::string::npos",
        "{A}.includes({b})",
    ),
    "one_of": (
        "5|{a} in {b}",
        "5|{B}.indexOf({a}) >= 0",
        "5|std::string({b}).find({a}) != std::string::npos",
        "{B}.includes({a})",
    ),
    "letter_in": (
        "5|{a} in {b}",
        "5|{B}.indexOf({a}) >= 0",
        "5|{B}.find({a}) != std::string::npos",
        "{B}.includes({a})",
    ),
    "is_digit": (
        "{A}.isdigit()",
        "Character.isDigit({a})",
        "std::isdigit({a})",
        "/[0-9]/.test({a})",
    ),
    "is_letter": (
        "{A}.isalpha()",
        "Character.isLetter({a})",
        "std::isalpha({a})",
        "/[a-z]/i.test({a})",
    ),
    "is_upper": (
        "{A}.isupper()",
        "Character.isUpperCase({a})",
        "std::isupper({a})",
        "/[A-Z]/.test({a})",
    ),
    "is_lower": (
        "{A}.islower()",
        "Character.isLowerCase({a})",
        "std::islower({a})",
        "/[a-z]/.test({a})",
    ),
    "char_upper": (
        "{A}.upper()",
        "Character.toUpperCase({a})",
        "static_cast<char>(std::toupper({a}))",
        "{A}.toUpperCase()",
    ),
    "char_lower": (
        "{A}.lower()",
        "Character.toLowerCase({a})",
        "static_cast<char>(std::tolower({a}))",
        "{A}.toLowerCase()",
    ),
    "digit_of": (
        "int({a})",
        "6|{a} - '0'",
        "6|{a} - '0'",
        "Number({a})",
    ),
    "shift": (
        'chr((ord({a}) - ord("a") + {b}) % 26 + ord("a"))',
        "8|(char) (({A} - 'a' + {b}) % 26 + 'a')",
        "static_cast<char>(({A} - 'a' + {b}) % 26 + 'a')",
        "String.fromCharCode(({A}.charCodeAt(0) - 97 + {b}) % 26 + 97)",
    ),
    "char_text": ("{a}", "String.valueOf({a})", "std::string(1, {a})", "{a}"),
    "builder_size": ("len({a})", "{A}.length()", "{A}.size()", "{A}.length"),
    "built": ("{a}", "{A}.toString()", "{a}", "{a}"),
    # maps and sets
    "map_or": (
        "{A}.get({b}, {c})",
        "{A}.getOrDefault({b}, {c})",
        "1|{A}.contains({b}) ? {A}.at({b}) : {c}",
        "2|{A}.get({b}) ?? {c}",
    ),
    "map_has": ("5|{b} in {A}", "{A}.containsKey({b})", "{A}.contains({b})", "{A}.has({b})"),
    "map_get": ("{A}[{b}]", "{A}.get({b})", "{A}.at({b})", "{A}.get({b})"),
    "set_has": ("5|{b} in {A}", "{A}.contains({b})", "{A}.contains({b})", "{A}.has({b})"),
    "set_size": ("len({a})", "{A}.size()", "{A}.size()", "{A}.size"),
}

ATOM = 9


@cache
def template(language: str, operation: str) -> tuple[tuple[str | tuple[int, bool], ...], int]:
    """Return an operation's parts and precedence; a part is text or (argument index, is a term)."""
    text = OPERATIONS[operation][LANGUAGES.index(language)]
    precedence = ATOM
    if match := re.match(r"(\d)\|", text):
        precedence, text = int(match[1]), text[2:]
    parts: list[str | tuple[int, bool]] = []
    for index, piece in enumerate(re.split(r"\{([a-cA-C])\}", text)):
        if index % 2:
            parts.append(("abc".index(piece.lower()), piece.isupper()))
        elif piece:
            parts.append(piece)
    return tuple(parts), precedence
