#include "rl/runs/other_names.h"

#include <map>

namespace saccade::rl {

std::vector<std::string> keys_for_other_name(std::string_view name) {
  static const std::vector<std::string> rates = {"actor_lr", "critic_lr", "alpha_lr"}, copies = {"envs"};
  static const std::map<std::string_view, std::vector<std::string>> names = {
      {"lr", rates},
      {"learning_rate", rates},
      {"policy_lr", {"actor_lr"}},
      {"pi_lr", {"actor_lr"}},
      {"q_lr", {"critic_lr"}},
      {"ent_coef", {"initial_alpha", "learn_alpha"}},
      {"alpha", {"initial_alpha", "learn_alpha"}},
      {"entropy_coef", {"initial_alpha", "learn_alpha"}},
      {"autotune", {"learn_alpha"}},
      {"net_arch", {"hidden"}},
      {"policy_kwargs", {"hidden"}},
      {"hidden_sizes", {"hidden"}},
      {"ac_kwargs", {"hidden"}},
      {"discount", {"gamma"}},
      {"polyak", {"tau"}},
      {"replay_size", {"buffer_size"}},
      {"use_sde", {"log_std", "exploration"}},
      {"sde_sample_freq", {"exploration_hold"}},
      {"log_std_init", {"gsde_log_std"}},
      {"n_envs", copies},
      {"num_envs", copies},
      {"total_timesteps", {"steps"}},
      {"timesteps", {"steps"}},
      {"n_timesteps", {"steps"}},
      {"env_id", {"env"}},
      {"start_steps", {"learning_starts"}},
      {"update_after", {"learning_starts"}},
      {"train_freq", {"updates_per_step"}},
      {"gradient_steps", {"updates_per_step"}},
      {"policy_frequency", {"policy_delay"}},
      {"target_policy_noise", {"target_noise"}},
      {"policy_noise", {"target_noise"}},
      {"noise_clip", {"target_noise_clip"}},
      {"act_noise", {"exploration_noise"}},
      {"action_noise", {"exploration", "exploration_noise"}},
      {"target_update_interval", {"target_every"}},
      {"target_network_frequency", {"target_every"}},
      {"exploration_fraction", {"epsilon_updates"}},
      {"exploration_initial_eps", {"epsilon_start"}},
      {"start_e", {"epsilon_start"}},
      {"exploration_final_eps", {"epsilon_end"}},
      {"end_e", {"epsilon_end"}},
      {"epsilon", {"epsilon_start", "epsilon_end"}},
      {"eval_freq", {"eval_every"}},
      {"n_eval_episodes", {"eval_episodes"}},
      {"save_freq", {"checkpoint_every"}},
  };
  const auto at = names.find(name);
  return at == names.end() ? std::vector<std::string>() : at->second;
}

}  // namespace saccade::rl
