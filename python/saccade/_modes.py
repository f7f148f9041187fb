"""Switches of a thread, as context managers and decorators."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any, Callable

from . import _core


class _Switch(ContextDecorator):
    """Sets something for as long as it is entered, be it several times within each other, by one thread."""

    def __init__(self, set: Callable[[Any], Any], value: Any) -> None:
        self._set = set  # returns what was there before
        self._value = value
        self._before: list[Any] = []

    def _recreate_cm(self) -> _Switch:  # each call of a decorated function has one of its own
        return _Switch(self._set, self._value)

    def __enter__(self) -> None:
        self._before.append(self._set(self._value))

    def __exit__(self, *error: object) -> None:
        self._set(self._before.pop())


class no_grad(_Switch):
    """Within, ops of this thread do not put themselves on the tape."""

    def __init__(self) -> None:
        super().__init__(_core._set_grad_enabled, False)


class enable_grad(_Switch):
    """Within, ops of this thread record, whatever encloses it."""

    def __init__(self) -> None:
        super().__init__(_core._set_grad_enabled, True)


class detect_anomaly(_Switch):
    """Within, an op of this thread whose result or gradient holds NaN or infinity raises Error, which names it."""

    def __init__(self) -> None:
        super().__init__(_core._set_detect_anomaly, True)


class scope(_Switch):
    """Within, nodes made in this thread carry this name, below that of any enclosing scope ("actor/0")."""

    def __init__(self, name: str) -> None:
        super().__init__(_core._set_scope, name)
