"""Errors of Tenon as exceptions, a class for each kind."""

from __future__ import annotations

import dataclasses
import json
from typing import Optional, Sequence, Tuple


@dataclasses.dataclass(frozen=True)
class Diagnostic:
    """One finding of an error. What is not known is None or empty.

    Attributes:
        message: what is wrong, without the node and its operator.
        nodes: the model's nodes that it is about.
        op, domain, version: their operator; "ai.onnx" is ONNX's own domain.
        element_type: the element type that is not supported, as ONNX calls it.
        tensor: the input or output of the model that it is about.
        found, expected: what is there, and what should be.
        notes: what else there is to say.
        severity: "error".
    """

    message: str
    nodes: Tuple[str, ...] = ()
    op: Optional[str] = None
    domain: Optional[str] = None
    version: Optional[int] = None
    element_type: Optional[str] = None
    tensor: Optional[str] = None
    found: Optional[str] = None
    expected: Optional[str] = None
    notes: Tuple[str, ...] = ()
    severity: str = "error"


class Error(Exception):
    """Something that Tenon could not do; the base of all its exceptions.

    Attributes:
        code: the number of the C interface (TenonErrorCode) and of the tools' exit codes.
        message: all of the text.
        diagnostics: the single findings, at least one; an unsupported model has one for each kind of node that is not
            supported.
    """

    code: int = 70

    def __init__(self, message: str, code: int | None = None, diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.diagnostics: Tuple[Diagnostic, ...] = tuple(diagnostics) or (Diagnostic(message),)


class UsageError(Error, ValueError):
    """A function was called wrongly: an unknown target, a name that is no input."""

    code = 1


class InvalidError(Error, ValueError):
    """A model or an input that is not valid: wrong contents, type or shape."""

    code = 2


class UnsupportedError(Error):
    """Valid, but beyond what this version, this build or this machine can do."""

    code = 3


class ResourceError(Error, OSError):
    """A file, memory or another part of the system failed."""

    code = 4


class InternalError(Error):
    """A defect of Tenon itself."""

    code = 70


_CLASSES = {c.code: c for c in (UsageError, InvalidError, UnsupportedError, ResourceError, InternalError)}


def make_error(text: str) -> Error:
    """The exception for an error of the C interface, which comes as JSON."""
    error = json.loads(text)
    diagnostics = [Diagnostic(**{key: tuple(value) if isinstance(value, list) else value
                                 for key, value in finding.items()}) for finding in error["diagnostics"]]
    return _CLASSES.get(error["code"], Error)(error["message"], error["code"], diagnostics)
