"""Environments for the tests of agents, which do as they are told."""

import gymnasium
import numpy as np


class Counter(gymnasium.Env):
    """Observes (episode, step) and says how it was used. Episodes end after `length` steps."""

    observation_space = gymnasium.spaces.Box(-1e6, 1e6, (2,), np.float64)
    action_space = gymnasium.spaces.Box(-2, 4, (1,), np.float32)

    def __init__(self, length=5, terminates=True, at=None, does=None):
        self.length, self.terminates, self.at, self.does = length, terminates, at, does
        self.episode = self.steps = self.total = 0
        self.seeds, self.actions = [], []

    def _observation(self):
        return np.array([self.episode, self.steps], np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.episode += 1
        self.steps = 0
        return self._observation(), {}

    def step(self, action):
        self.steps += 1
        self.total += 1
        self.actions.append(action)
        over = self.steps >= self.length
        answer = [self._observation(), float(self.steps), over and self.terminates, over and not self.terminates, {}]
        if self.at is not None and self.total == self.at:
            answer = self.does(self, answer)
        return tuple(answer)


class Chain(gymnasium.Env):
    """Discrete on both sides, beginning elsewhere than at 0: to the right pays."""

    observation_space = gymnasium.spaces.Discrete(4, start=2)
    action_space = gymnasium.spaces.Discrete(2, start=-1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 2
        self.steps = 0
        return self.at, {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.at = min(self.at + 1, 5) if action == 0 else max(self.at - 1, 2)
        self.steps += 1
        return self.at, float(self.at == 5), False, self.steps >= 12, {}


def raises(env, answer):
    """For Counter's `does`."""
    raise ZeroDivisionError("in the environment")
