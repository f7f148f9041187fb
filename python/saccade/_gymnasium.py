"""Makes Gymnasium know our environments, by "saccade/" and their ids."""

from __future__ import annotations

from . import _core


def register_envs() -> None:
    """ImportError where there is no Gymnasium."""
    from gymnasium.envs import registration

    for id in _core.env_ids():
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
