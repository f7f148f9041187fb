// saccade replay: how far our environment is from a recording of another implementation of it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>

#include "envs/registry.h"
#include "tools/command.h"
#include "tools/trajectory.h"

namespace saccade::tools {

namespace {

struct Worst {
  double error = -1;
  std::size_t count = 0;
  std::string trajectory;
  Compared at;
};

void print_replay(const std::string& name, const std::string& path) {
  const std::string id = envs::canonical_id(name);
  std::map<std::string, Worst> worst;
  std::size_t steps = 0;
  const std::vector<Trajectory> trajectories = read_trajectories(path, id);
  for (const Trajectory& trajectory : trajectories) {
    steps += trajectory.actions.size();
    replay(id, trajectory, [&](const Compared& compared) {
      Worst& w = worst[std::string(compared.quantity)];
      ++w.count;
      const double error = error_of(compared);
      if (error > w.error) {
        w.error = error;
        w.trajectory = trajectory.name;
        w.at = compared;
      }
    });
  }
  fmt::print("{} trajectories of {}, {} steps in all\n\n", trajectories.size(), id, steps);
  fmt::print("{:<12} {:>8} {:>11}  {:>5} {:>5}  {:>12} {:>12}\n", "quantity", "numbers", "worst error",
             "step", "index", "ours", "recorded");
  for (const auto& [quantity, w] : worst) {
    fmt::print("{:<12} {:>8} {:>11.2g}", quantity, w.count, w.error);
    if (w.error > 0)
      fmt::print("  {:>5} {:>5}  {:>12.5g} {:>12.5g}", w.at.step, w.at.coordinate, w.at.ours, w.at.theirs);
    fmt::print("\n");
  }
}

}  // namespace

void add_replay(CLI::App& app, int&) {
  CLI::App* sub = app.add_subcommand("replay",
                                     "Check an environment against a recording. Takes each step of a "
                                     "trajectory file from the recorded state "
                                     "before it, and prints the worst error of each quantity: |ours - "
                                     "recorded|, divided by |recorded| where "
                                     "that is larger than 1. The form of such files: tests/reference.");
  auto env = std::make_shared<std::string>(), path = std::make_shared<std::string>();
  sub->add_option("ENV", *env, "an environment, such as Ant-v4")->required();
  sub->add_option("FILE", *path, "a trajectory file (JSON)")->required();
  sub->callback([env, path] { print_replay(*env, *path); });
}

}  // namespace saccade::tools
