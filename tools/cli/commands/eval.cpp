// saccade eval: the trained policy of a run, or random actions; and a page to watch them on.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "envs/registry.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/training.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"
#include "tools/pages/assemble.h"
#include "tools/pages/recording.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

struct EvalCommand {
  std::string run, random, episodes, seed, record, record_episodes;  // as typed; empty if not given
  bool json = false, force = false;
};

// The thing to evaluate: a run's policy, or random actions in an environment that a fresh configuration
// names.
struct Subject {
  std::string name, env;
  std::int64_t episodes = 0, seed = 0;
};

double mean_length(const rl::Evaluation& e) {
  return static_cast<double>(std::accumulate(e.lengths.begin(), e.lengths.end(), std::int64_t{0})) /
         static_cast<double>(e.lengths.size());
}

Subject subject_of(const EvalCommand& options) {
  constexpr std::int64_t kMaxEpisodes = 1'000'000, kMaxSeed = 9'000'000'000'000'000;
  if (options.run.empty() == options.random.empty()) {
    throw ConfigError(options.run.empty() ? "RUN is required, or --random ENV"
                                          : "--random acts without a policy; RUN cannot be given with it");
  }
  rl::RunConfig config;
  if (options.random.empty()) {
    config = rl::read_run_info(options.run).config.run;
  } else {
    config.env = envs::canonical_id(options.random);
  }
  const std::int64_t usual = rl::RunConfig().final_eval_episodes;
  Subject subject = {options.run, config.env,
                     config.final_eval_episodes > 0 ? config.final_eval_episodes : usual, config.seed};
  if (subject.name.empty()) subject.name = "random actions";
  if (!options.episodes.empty()) {
    subject.episodes = parse_integer("--episodes", options.episodes, 1, kMaxEpisodes);
  }
  if (!options.seed.empty()) subject.seed = parse_integer("--seed", options.seed, 0, kMaxSeed);
  return subject;
}

void print(const Subject& subject, const rl::Evaluation& e, bool json) {
  if (json) {
    const Json object = {{"run", subject.name},
                         {"env", subject.env},
                         {"seed", subject.seed},
                         {"episodes", subject.episodes},
                         {"mean", e.mean()},
                         {"std", e.std()},
                         {"min", e.min()},
                         {"max", e.max()},
                         {"mean_length", mean_length(e)},
                         {"divergences", e.divergences},
                         {"returns", e.returns},
                         {"lengths", e.lengths}};
    out_json(object);
  } else {
    out("{}: {:.2f} ± {:.2f} over {} episodes of {}\n", printable(subject.name), e.mean(), e.std(),
        subject.episodes, subject.env);
    out("min {:.2f}, max {:.2f}, mean length {:.1f}\n", e.min(), e.max(), mean_length(e));
    if (e.divergences > 0) out("In {} of them the simulation diverged.\n", e.divergences);
  }
}

std::string policy_text(const EvalCommand& options) {
  return options.random.empty() ? "Deterministic policy: the best action it knows at every step"
                                : "No policy: every action is as likely as any other";
}

void run(const EvalCommand& options) {
  constexpr std::int64_t kMaxRecorded = 1000;
  const Subject subject = subject_of(options);
  pages::Recording recording;
  if (!options.record_episodes.empty()) {
    if (options.record.empty()) throw ConfigError("--record-episodes needs --record FILE");
    recording.max_episodes = parse_integer("--record-episodes", options.record_episodes, 1, kMaxRecorded);
  }
  if (options.force && options.record.empty()) throw ConfigError("--force needs --record FILE");
  if (!options.record.empty()) pages::check_page_path(options.record, "recording", options.force);
  const rl::EnvFactory make = [&]() -> std::unique_ptr<envs::Env> {
    std::unique_ptr<envs::Env> env = rl::make_env(subject.env);
    if (options.record.empty()) return env;
    return std::make_unique<pages::RecordingEnv>(std::move(env), recording);
  };
  if (options.random.empty()) {
    const auto changed = rl::changed_environment(options.run, rl::read_run_info(options.run));
    if (changed) warn(*changed);
  }
  std::unique_ptr<rl::Agent> agent;
  if (options.random.empty()) agent = rl::load_agent(options.run);
  const rl::Evaluation e = agent ? rl::evaluate_agent(*agent, make, subject.episodes, subject.seed)
                                 : rl::evaluate_random(make, subject.episodes, subject.seed);
  if (agent) pages::add_outlook(recording, *agent);
  if (!options.record.empty()) {
    pages::check_page_path(options.record, "recording", options.force);  // much may have happened meanwhile
    pages::write_recording(options.record, recording, {subject.name, policy_text(options), e});
  }
  print(subject, e, options.json);
  if (options.record.empty() || options.json) return;
  const std::size_t count = recording.episodes.size();
  out("{} to watch: {}\n", count == 1 ? "The first episode" : fmt::format("The first {} episodes", count),
      options.record);
}

}  // namespace

void add_eval(CLI::App& app, int&) {
  CLI::App* sub = app.add_subcommand("eval",
                                     "Evaluate the policy of a run. With the best action it knows at every "
                                     "step; or random actions, for a look at any environment.");
  auto o = std::make_shared<EvalCommand>();
  sub->add_option("RUN", o->run, "the run's folder");
  sub->add_option("--random", o->random,
                  "random actions in this environment or task's file, discrete ones too, and no run")
      ->type_name("ENV");
  sub->add_option("--episodes", o->episodes, "how many (default: final_eval_episodes of the run, or 20)")
      ->type_name("N");
  sub->add_option("--seed", o->seed, "of the starts (default: the run's, which repeats its final evaluation)")
      ->type_name("N");
  sub->add_option("--record", o->record, "write a page that replays the first episodes, to open in a browser")
      ->type_name("FILE");
  sub->add_option("--record-episodes", o->record_episodes, "how many of them to record (default: 3)")
      ->type_name("N");
  sub->add_flag("--force", o->force, "let --record replace a file that is no recording of Saccade's");
  sub->add_flag("--json", o->json, "as JSON, with every episode");
  sub->footer(
      "Examples:\n"
      "  saccade eval runs/pendulum-1\n"
      "  saccade eval runs/pendulum-1 --episodes 100 --seed 7 --json\n"
      "  saccade eval runs/pendulum-1 --record pendulum.html\n"
      "  saccade eval --random CartPole-v1 --episodes 3 --record cartpole.html");
  sub->callback([o] { run(*o); });
}

}  // namespace saccade::cli
