"""Switches of a thread, as context managers and decorators."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

from . import _core


class _Switch(ContextDecorator):
    """Sets something for as long as it is entered, be it several times or in several threads."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._before: list[Any] = []

    def _recreate_cm(self) -> _Switch:  # each call of a decorated function has one of its own
        copy = object.__new__(type(self))
        _Switch.__init__(copy, self._value)
        return copy

    @staticmethod
    def _set(value: Any) -> Any:
        raise NotImplementedError

    def __enter__(self) -> None:
        self._before.append(self._set(self._value))

    def __exit__(self, *error: object) -> None:
        self._set(self._before.pop())


class no_grad(_Switch):
    """Within, ops of this thread do not put themselves on the tape."""

    def __init__(self) -> None:
        super().__init__(False)

    _set = staticmethod(_core._set_grad_enabled)


class enable_grad(_Switch):
    """Within, ops of this thread record, whatever encloses it."""

    def __init__(self) -> None:
        super().__init__(True)

    _set = staticmethod(_core._set_grad_enabled)


class detect_anomaly(_Switch):
    """Within, an op of this thread whose result or gradient holds NaN or infinity raises Error, which names it."""

    def __init__(self) -> None:
        super().__init__(True)

    _set = staticmethod(_core._set_detect_anomaly)


class scope(_Switch):
    """Within, nodes made in this thread carry this name, below that of any enclosing scope ("actor/0")."""

    def __init__(self, name: str) -> None:
        super().__init__(name)

    _set = staticmethod(_core._set_scope)
