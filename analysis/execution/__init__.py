"""Runs programs that a model wrote, shut in; refuses where they cannot be shut in.

sandbox = require()                      # AtlasError with what to install, where there is none
require_language(sandbox, "java")        # InputError with what is missing
outcome = run_tested(sandbox, "java", program_with_tests, Limits())
"""

from analysis.execution.checking import run_tested, run_text
from analysis.execution.consent import (
    Consent,
    add_consent_argument,
    allowed,
    consented_sandbox,
    give,
    given,
    question,
    withdraw,
)
from analysis.execution.detection import Survey, detect, require, survey
from analysis.execution.languages import LABELS, Toolchain, require_language, toolchains
from analysis.execution.limits import Limits, Outcome, Status
from analysis.execution.sandbox import Sandbox, run_program

__all__ = [
    "LABELS",
    "Consent",
    "Limits",
    "Outcome",
    "Sandbox",
    "Status",
    "Survey",
    "Toolchain",
    "add_consent_argument",
    "allowed",
    "consented_sandbox",
    "detect",
    "give",
    "given",
    "question",
    "require",
    "require_language",
    "run_program",
    "run_tested",
    "run_text",
    "survey",
    "toolchains",
    "withdraw",
]
