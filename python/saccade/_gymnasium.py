"""Makes Gymnasium know our environments by "saccade/" and their ids. Gymnasium itself calls this when it is imported: the
package is its plugin, by the entry point "gymnasium.envs". So this must not import gymnasium at its own head."""

from __future__ import annotations

from . import _core


def register_envs() -> None:
    """Registers those that are not registered yet."""
    from gymnasium.envs import registration

    for id in _core.env_ids():
        if f"saccade/{id}" in registration.registry:
            continue
        spec = _core._env_spec(id)
        # The time limit is left to Gymnasium, which takes another from who makes the environment.
        registration.register(
            f"saccade/{id}",
            entry_point="saccade.gym:_registered",
            vector_entry_point="saccade.gym:_registered_vector",
            max_episode_steps=spec["max_episode_steps"] or None,
            reward_threshold=spec["reward_threshold"],
            kwargs={"id": id},
        )
