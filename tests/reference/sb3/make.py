"""make.py FOLDER: small agents of Stable-Baselines3, trained for a moment, as it saves them, and NAME.json beside each with what they
do: "actions" for "observations" (20 rows each), deterministic, as the environment takes them; and "q", what each critic says of them.
Networks have two hidden layers of 8, but for sac_deep, whose policy has other layers than its critics and which an import refuses."""

import json
import sys

import gymnasium
import numpy as np
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.noise import NormalActionNoise


def critics_of(model, obs, actions):
    with torch.no_grad():
        x = torch.as_tensor(obs)
        if isinstance(model, sb3.DQN):
            return [model.q_net(x).numpy().tolist()]
        a = torch.as_tensor(model.policy.scale_action(actions))
        return [q.numpy().ravel().tolist() for q in model.critic(x, a)]


def make(folder, name, algorithm, env, steps, **options):
    env = gymnasium.make(env)
    options = {"policy_kwargs": {"net_arch": [8, 8]}, "learning_starts": 40, "buffer_size": 1000, "batch_size": 16, **options}
    model = getattr(sb3, algorithm)("MlpPolicy", env, seed=7, device="cpu", **options)
    model.learn(steps)
    path = f"{folder}/{name}.zip"
    model.save(path, exclude=["_last_obs", "_last_original_obs", "ep_info_buffer", "ep_success_buffer"])
    rng = np.random.default_rng(1)
    obs = rng.normal(size=(20, *env.observation_space.shape)).astype(np.float32)
    actions = model.predict(obs, deterministic=True)[0]
    about = {"observations": obs.tolist(), "actions": actions.reshape(20, -1).tolist(), "q": critics_of(model, obs, actions)}
    with open(f"{folder}/{name}.json", "w") as file:
        json.dump(about, file)


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = sys.argv[1]
    noise = NormalActionNoise(np.zeros(1), 0.2 * np.ones(1))
    make(folder, "sac", "SAC", "Pendulum-v1", 120, gamma=0.98, tau=0.02, learning_rate=1e-3, ent_coef="auto_0.5")
    make(folder, "td3", "TD3", "Pendulum-v1", 120, train_freq=(2, "step"), gradient_steps=4, action_noise=noise)
    make(folder, "dqn", "DQN", "CartPole-v1", 400, train_freq=4, gradient_steps=2, target_update_interval=100, learning_rate=1e-3)
