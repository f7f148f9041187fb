"""make.py FOLDER: small agents of Stable-Baselines3, trained for a moment, as model.save() writes them, and NAME.json beside each
with what they do. For 20 observations its best actions, as the environment takes them, and what each critic says of those; then the
same after four updates more, of Stable-Baselines3's own code, by the batch given and with all noise 0."""

import json
import sys

import gymnasium
import numpy as np
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.type_aliases import ReplayBufferSamples

UPDATES = 4


def opinions(model, obs, actions):
    with torch.no_grad():
        x = torch.as_tensor(obs)
        if isinstance(model, sb3.DQN):
            return [model.q_net(x).gather(1, torch.as_tensor(actions).reshape(-1, 1)).ravel().tolist()]
        a = torch.as_tensor(model.policy.scale_action(actions))
        return [q.ravel().tolist() for q in model.critic(x, a)]


def behaviour(model, obs):
    actions = model.predict(obs, deterministic=True)[0]
    return {"actions": actions.reshape(len(obs), -1).tolist(), "q": opinions(model, obs, actions)}


def train_on(model, rng, env, rows=8):
    """Updates by one batch, without noise; returns the batch. Actions are in [-1, 1], or choices."""
    discrete = isinstance(model, sb3.DQN)
    normal = lambda *shape: rng.normal(size=shape).astype(np.float32)
    width = env.observation_space.shape[0]
    batch = {"obs": normal(rows, width), "next_obs": normal(rows, width), "reward": normal(rows, 1),
             "terminated": (np.arange(rows) % 3 == 0).astype(np.float32).reshape(-1, 1),
             "action": rng.integers(env.action_space.n, size=(rows, 1)) if discrete else np.tanh(normal(rows, *env.action_space.shape))}
    t = {key: torch.as_tensor(value) for key, value in batch.items()}
    samples = ReplayBufferSamples(t["obs"], t["action"], t["next_obs"], t["terminated"], t["reward"])
    model.replay_buffer.sample = lambda *_, **__: samples
    model.target_policy_noise = 0
    drawn, torch.distributions.normal._standard_normal = torch.distributions.normal._standard_normal, lambda shape, dtype, device: torch.zeros(shape)
    model.train(gradient_steps=UPDATES, batch_size=rows)
    torch.distributions.normal._standard_normal = drawn
    return {key: value.tolist() for key, value in batch.items()}


def make(folder, name, algorithm, env, steps, **options):
    env = gymnasium.make(env)
    options = {"policy_kwargs": {"net_arch": [8, 8]}, "learning_starts": 40, "buffer_size": 1000, "batch_size": 16, **options}
    model = getattr(sb3, algorithm)("MlpPolicy", env, seed=7, device="cpu", **options)
    model.learn(steps)
    model.save(f"{folder}/{name}.zip")
    rng = np.random.default_rng(1)
    obs = rng.normal(size=(20, *env.observation_space.shape)).astype(np.float32)
    about = {"observations": obs.tolist(), **behaviour(model, obs), "batch": train_on(model, rng, env), "updates": UPDATES}
    about["after"] = behaviour(model, obs)
    with open(f"{folder}/{name}.json", "w") as file:
        json.dump(about, file)


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = sys.argv[1]
    noise = NormalActionNoise(np.zeros(1), 0.2 * np.ones(1))
    make(folder, "sac", "SAC", "Pendulum-v1", 120, gamma=0.98, tau=0.02, learning_rate=1e-3, ent_coef="auto_0.5")
    make(folder, "td3", "TD3", "Pendulum-v1", 120, train_freq=(2, "step"), gradient_steps=4, action_noise=noise)
    make(folder, "dqn", "DQN", "CartPole-v1", 400, train_freq=4, gradient_steps=2, target_update_interval=100, learning_rate=1e-3)
