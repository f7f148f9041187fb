"""What hears of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._agent import Agent


class Callback:
    """Hears of training; any of its functions may be left out. One that returns False ends learn() there."""

    #: The agent that learns, from the first call on.
    agent: Agent

    def on_step(self) -> bool | None:
        """After each step of the environments, all side by side counting as one."""

    def on_episode(self, episode: dict[str, Any]) -> bool | None:
        """With "step", "number", "return", "length", "terminated" and "metrics", means over its updates."""

    def on_evaluation(self, evaluation: dict[str, Any]) -> bool | None:
        """With "step", "mean", "std", "returns" and "lengths"."""


def hooks(agent: Agent, callback: Any) -> tuple[Any, Any, Any]:
    """Its functions for steps, episodes and evaluations, None where it has none."""
    if callback is None:
        return None, None, None
    if not isinstance(callback, Callback):
        if not callable(callback) or isinstance(callback, type):
            raise TypeError(f"learn: callback is {callback!r}, expected a function or a saccade.Callback")
        return (lambda: callback(agent)), None, None
    callback.agent = agent

    def own(name: str) -> Any:  # what is not overridden is not called
        function = getattr(callback, name)
        return function if getattr(function, "__func__", function) is not getattr(Callback, name) else None

    return own("on_step"), own("on_episode"), own("on_evaluation")


class Bar:
    """One line that is written over while training goes on."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._width = 0

    def __call__(self, step: int, steps: int, episode_return: float | None, rate: float | None) -> None:
        filled = 20 * step // max(1, steps)
        line = f"{step:,}/{steps:,} [{'=' * filled}{' ' * (20 - filled)}]"
        if episode_return is not None:
            line += f"  return {episode_return:.1f}"
        if rate:
            line += f"  {rate:,.0f} steps/s"
        self._out.write("\r" + line.ljust(self._width))
        self._out.flush()
        self._width = len(line)

    def close(self) -> None:
        if self._width:
            self._out.write("\n")
            self._out.flush()
