// saccade eval: the trained policy of a run.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <numeric>

#include "rl/checkpoint.h"
#include "tools/command.h"
#include "tools/text.h"
#include "tools/training.h"

namespace saccade::tools {

namespace {

using Json = nlohmann::ordered_json;

struct EvalCommand {
  std::string run, episodes, seed;  // as typed; empty if not given
  bool json = false;
};

double mean_length(const rl::Evaluation& e) {
  return static_cast<double>(std::accumulate(e.lengths.begin(), e.lengths.end(), std::int64_t{0})) /
         static_cast<double>(e.lengths.size());
}

void run(const EvalCommand& options) {
  constexpr std::int64_t kMostEpisodes = 1'000'000, kMostSeed = 9'000'000'000'000'000;
  const RunInfo info = read_run_info(options.run);
  const std::int64_t episodes = options.episodes.empty()
                                    ? info.config.final_eval_episodes
                                    : parse_integer("--episodes", options.episodes, 1, kMostEpisodes);
  const std::int64_t seed =
      options.seed.empty() ? info.config.seed : parse_integer("--seed", options.seed, 0, kMostSeed);
  rl::Sac agent = make_agent(info.config);
  rl::load_weights(run_file(options.run, "checkpoint"), agent);
  const rl::Evaluation e = evaluate_policy(info.config, agent, episodes, seed);
  if (options.json) {
    const Json json = {{"run", options.run},   {"env", info.config.env}, {"seed", seed},
                       {"episodes", episodes}, {"mean", e.mean()},       {"std", e.std()},
                       {"min", e.least()},     {"max", e.most()},        {"mean_length", mean_length(e)},
                       {"returns", e.returns}, {"lengths", e.lengths}};
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{}: {:.2f} ± {:.2f} over {} episodes of {}\n", options.run, e.mean(), e.std(), episodes,
               info.config.env);
    fmt::print("min {:.2f}, max {:.2f}, mean length {:.1f}\n", e.least(), e.most(), mean_length(e));
  }
}

}  // namespace

void add_eval(CLI::App& app, int&) {
  CLI::App* sub =
      app.add_subcommand("eval", "Evaluate the policy of a run. With its mode, tanh(mu), for every action.");
  auto o = std::make_shared<EvalCommand>();
  sub->add_option("RUN", o->run, "the run's folder")->required();
  sub->add_option("--episodes", o->episodes, "how many (default: final_eval_episodes of the run)")
      ->type_name("N");
  sub->add_option("--seed", o->seed, "of the starts (default: the run's, which repeats its final evaluation)")
      ->type_name("N");
  sub->add_flag("--json", o->json, "as JSON, with every episode");
  sub->footer(
      "Examples:\n"
      "  saccade eval runs/pendulum-1\n"
      "  saccade eval runs/pendulum-1 --episodes 100 --seed 7 --json");
  sub->callback([o] { run(*o); });
}

}  // namespace saccade::tools
