"""Agents that learn, in the form that Stable-Baselines3 has made usual.

    agent = saccade.SAC("HalfCheetah-v5", seed=1)        # one of our environments, in C++ from end to end
    agent = saccade.TD3(gymnasium.make("BipedalWalker-v3"))
    agent.learn(100_000)
    action, _ = agent.predict(observation, deterministic=True)

What an agent learns is in its run, a folder like those of the command "saccade train": `saccade report RUN` and the
others read it, and saccade.load(RUN) goes on with it.
"""

from __future__ import annotations

import os
from typing import Any

from ._agent import Agent
from ._callbacks import Callback

__all__ = [
    "DDPG", "DQN", "REDQ", "SAC", "TD3", "TQC", "Agent", "Callback", "CrossQ", "DiscreteSAC", "DroQ", "SACv1", "SoftQ", "load",
]  # fmt: skip


class SAC(Agent):
    """Soft Actor-Critic (Haarnoja et al. 2018), with a learned temperature."""

    algorithm = "sac"


class SACv1(Agent):
    """The first Soft Actor-Critic (ICML 2018), with a value network and a temperature that is given."""

    algorithm = "sac_v1"


class REDQ(Agent):
    """Randomized Ensembled Double Q-Learning (Chen et al. 2021)."""

    algorithm = "redq"


class DroQ(Agent):
    """Dropout Q-Functions (Hiraoka et al. 2022)."""

    algorithm = "droq"


class TQC(Agent):
    """Truncated Quantile Critics (Kuznetsov et al. 2020)."""

    algorithm = "tqc"


class CrossQ(Agent):
    """CrossQ (Bhatt et al. 2024): batch-normalised critics without targets."""

    algorithm = "crossq"


class TD3(Agent):
    """Twin Delayed DDPG (Fujimoto et al. 2018)."""

    algorithm = "td3"


class DDPG(Agent):
    """Deep Deterministic Policy Gradient (Lillicrap et al. 2016)."""

    algorithm = "ddpg"


class DiscreteSAC(Agent):
    """Soft Actor-Critic for discrete actions (Christodoulou 2019)."""

    algorithm = "discrete_sac"


class DQN(Agent):
    """Deep Q-Network (Mnih et al. 2015), with double Q-learning."""

    algorithm = "dqn"


class SoftQ(Agent):
    """Soft Q-learning for discrete actions (Haarnoja et al. 2017)."""

    algorithm = "soft_q"


def load(run: str | os.PathLike[str], env: Any = None, *, eval_env: Any = None) -> Agent:
    """The agent of a run, of whichever algorithm: Agent.load()."""
    return Agent.load(run, env, eval_env=eval_env)


for _kind in (SAC, SACv1, REDQ, DroQ, TQC, CrossQ, TD3, DDPG, DiscreteSAC, DQN, SoftQ):
    Agent.kinds[_kind.algorithm] = _kind
