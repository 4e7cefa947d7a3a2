"""Errors of Tenon as exceptions, a class for each kind."""

from __future__ import annotations

from typing import Tuple


class Error(Exception):
    """Something that Tenon could not do; the base of all its exceptions.

    Attributes:
        code: the number of the C interface (TenonErrorCode) and of the tools' exit codes.
        message: all of the text.
        diagnostics: the single findings, one for each line of the message; an unsupported model has one for each thing
            that is not supported, with the node that needs it.
    """

    code: int = 70

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    @property
    def diagnostics(self) -> Tuple[str, ...]:
        return tuple(line for line in self.message.splitlines() if line.strip())


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


def make_error(code: int, message: str) -> Error:
    """The exception for an error of the C interface."""
    return _CLASSES.get(code, Error)(message, code)
