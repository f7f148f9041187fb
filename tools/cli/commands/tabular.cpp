// saccade tabular: the exact optimum, hard and soft, of a task with a table.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "envs/registry.h"
#include "envs/transition_table.h"
#include "nn/distributions/entropy.h"
#include "rl/tabular/optimum.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"
#include "tools/pages/assemble.h"
#include "tools/pages/tabular_page.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;
using envs::TransitionTable;
using rl::Optimum;

struct TabularCommand {
  std::string env, gamma_text = "0.99", layer_text;
  std::vector<std::string> alpha_texts = {"0", "0.01", "0.1", "0.5", "1"};
  std::string html;
  bool json = false, force = false;
};

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

double entropy_at(const rl::Solution& solution, std::int64_t s) { return nn::entropy(solution.policy_of(s)); }

// ---- text ----

// "13 steps", or that the walk comes back to where it was.
std::string walk(const TransitionTable& table, const std::vector<std::int64_t>& route) {
  const bool ends = envs::terminal_states(table)[index(route.back())];
  return ends ? fmt::format("{} steps", route.size() - 1) : "goes round in circles";
}

// At most five columns wide.
std::string short_number(double x) {
  const double size = std::abs(x);
  return size < 9.995   ? fmt::format("{:.2f}", x)
         : size < 99.95 ? fmt::format("{:.1f}", x)
                        : fmt::format("{:.0f}", x);
}

// A heading, then a line for each row of the grid.
using Block = std::vector<std::string>;

// Of each cell what `text` says of its state; where no policy acts (a terminal state, one never reached), the
// map's letter.
template <class Text>
Block block(const TransitionTable& table, std::int64_t layer, const char* heading, std::size_t width,
            const Text& text) {
  const std::vector<bool> terminal = envs::terminal_states(table), reachable = envs::reachable_states(table);
  Block lines = {heading};
  const auto layers = static_cast<std::int64_t>(table.grid.layers.size());
  std::int64_t cell = 0;
  for (const std::string& row : table.grid.cells) {
    std::string& line = lines.emplace_back();
    for (const char letter : row) {
      const std::int64_t s = cell++ * layers + layer;
      const bool acts = reachable[index(s)] && !terminal[index(s)];
      line += fmt::format("{:>{}}", acts ? text(s) : std::string(1, letter), width);
    }
  }
  return lines;
}

// Side by side as far as kColumns go, else below each other.
void print_blocks(const std::vector<Block>& blocks) {
  for (std::size_t first = 0; first < blocks.size();) {
    std::size_t last = first, width = 0;
    const auto width_of = [](const Block& b) { return std::max(b[0].size() + 1, b[1].size()) + 2; };
    while (last < blocks.size() && (last == first || width + width_of(blocks[last]) <= kColumns)) {
      width += width_of(blocks[last++]);
    }
    for (std::size_t line = 0; line < blocks[first].size(); ++line) {
      std::string text;
      for (std::size_t b = first; b < last; ++b) {
        // Numbers are to the right in their cells, so headings begin one column in.
        text += fmt::format("{:<{}}", (line == 0 ? "  " : " ") + blocks[b][line], width_of(blocks[b]));
      }
      out("{}\n", text.substr(0, text.find_last_not_of(' ') + 1));
    }
    first = last;
  }
}

void print_grids(const TransitionTable& table, const Optimum& x, std::int64_t layer) {
  out("\nalpha = {}\n", x.alpha);
  print_blocks(
      {block(table, layer, "action", 2,
             [&](std::int64_t s) {
               const std::span<const double> q = x.solution.q_of(s);
               return std::string(1,
                                  table.grid.arrows[index(std::max_element(q.begin(), q.end()) - q.begin())]);
             }),
       block(table, layer, "V", 6, [&](std::int64_t s) { return short_number(x.solution.v[index(s)]); }),
       block(table, layer, "entropy", 5,
             [&](std::int64_t s) { return short_number(entropy_at(x.solution, s)); })});
}

void print_table(const std::string& id, const TransitionTable& table, double gamma,
                 const std::vector<Optimum>& all, std::int64_t layer) {
  const bool walks = rl::is_deterministic(table);
  out("{}: {} states, {} actions, gamma {}\n\n", id, table.states, table.actions, gamma);
  out("{:>8} {:>10} {:>10} {:>9}{}\n", "alpha", "V(start)", "reward", "entropy",
      walks ? "  likeliest way" : "");
  for (const Optimum& x : all) {
    out("{:>8} {:>10.4f} {:>10.4f} {:>9.4f}{}\n", x.alpha, x.value, x.reward, x.entropy,
        walks ? "  " + walk(table, x.route) : "");
  }
  out("\n");
  print_wrapped(fmt::format(
      "V holds alpha times the entropy of all steps; reward is what the same policy earns without it, "
      "discounted; entropy is its mean over a step, in nats, at most {:.4f}.",
      std::log(static_cast<double>(table.actions))));
  if (table.grid.layers.size() > 1) {
    out("\nLayer {} (of {}): {}.\n", layer, table.grid.layers.size(), table.grid.layers[index(layer)]);
  }
  for (const Optimum& x : all) print_grids(table, x, layer);
}

// ---- JSON ----

// (states, actions)
Json rows(const std::vector<double>& matrix, std::int64_t actions) {
  Json all = Json::array();
  for (auto row = matrix.begin(); row != matrix.end(); row += actions)
    all.push_back(std::vector<double>(row, row + actions));
  return all;
}

void print_json(const std::string& id, const TransitionTable& table, double gamma,
                const std::vector<Optimum>& all) {
  Json solutions = Json::array();
  for (const Optimum& x : all) {
    std::vector<double> entropies;
    for (std::int64_t s = 0; s < table.states; ++s) entropies.push_back(entropy_at(x.solution, s));
    Json one = {{"alpha", x.alpha},
                {"start_value", x.value},
                {"start_reward", x.reward},
                {"mean_entropy", x.entropy}};
    if (rl::is_deterministic(table)) one["likeliest_route"] = x.route;
    one["v"] = x.solution.v;
    one["entropy"] = entropies;
    one["q"] = rows(x.solution.q, table.actions);
    one["policy"] = rows(x.solution.policy, table.actions);
    solutions.push_back(one);
  }
  out_json({{"env", id},
            {"states", table.states},
            {"actions", table.actions},
            {"gamma", gamma},
            {"terminal", envs::terminal_states(table)},
            {"solutions", solutions}});
}

// The first that an episode may begin in, unless another is asked for.
std::int64_t layer_of(const TransitionTable& table, const std::string& text) {
  const auto layers = static_cast<std::int64_t>(table.grid.layers.size());
  if (!text.empty()) return parse_integer("--layer", text, 0, layers - 1);
  const auto first = std::find_if(table.start.begin(), table.start.end(), [](double p) { return p > 0; });
  return (first - table.start.begin()) % layers;
}

void run(const TabularCommand& options) {
  const std::string id = envs::canonical_id(options.env);
  const std::unique_ptr<envs::Env> env = envs::make(id);
  const TransitionTable* table = env->transitions();
  if (table == nullptr) {
    throw ConfigError(
        fmt::format("{} has no table of states and transitions; those that have are listed by "
                    "'saccade tabular --help'",
                    id));
  }
  const double gamma = parse_number("--gamma", options.gamma_text, 0, 0.9999);
  const std::int64_t layer = layer_of(*table, options.layer_text);
  if (options.html.empty()) {
    if (options.force) throw ConfigError("--force needs --html FILE");
  } else {
    pages::check_drawable(id, *table);
    pages::check_page_path(options.html, "tabular", options.force);
  }
  std::vector<double> alphas;
  for (const std::string& text : options.alpha_texts) alphas.push_back(parse_number("--alpha", text, 0, 1e6));
  std::vector<Optimum> all;
  for (const double alpha : alphas) all.push_back(rl::optimum(*table, gamma, alpha));
  if (!options.html.empty()) pages::write_tabular_page(options.html, id, *table, gamma, alphas);
  options.json ? print_json(id, *table, gamma, all) : print_table(id, *table, gamma, all, layer);
  if (!options.html.empty() && !options.json) out("\nThe page: {}\n", options.html);
}

}  // namespace

void add_tabular(CLI::App& app, int&) {
  CLI::App* sub =
      app.add_subcommand("tabular",
                         "Solve a small task exactly. Value iteration (alpha 0) and soft value iteration, "
                         "whose policy is exp((Q - V) / "
                         "alpha): for each temperature the best action, V and the policy's entropy in every "
                         "cell. ENV is FrozenLake-v1, "
                         "FrozenLake8x8-v1, CliffWalking-v1, Taxi-v3, or one of your own that has a table.");
  auto options = std::make_shared<TabularCommand>();
  sub->add_option("ENV", options->env, "an environment with a table, such as CliffWalking-v1")->required();
  sub->add_option("--alpha", options->alpha_texts, "temperatures (default 0,0.01,0.1,0.5,1)")
      ->type_name("X,...")
      ->delimiter(',');
  sub->add_option("--gamma", options->gamma_text, "the discount, from 0 to 0.9999 (default 0.99)")
      ->type_name("X");
  sub->add_option("--layer", options->layer_text,
                  "which of Taxi's 20 grids to show: 4 times the passenger's place (4: in the taxi) plus the "
                  "destination, of red, green, yellow and blue")
      ->type_name("N");
  sub->add_flag("--json", options->json, "as JSON, with Q and policy");
  sub->add_option(
         "--html", options->html,
         "also write a page that shows hard and soft side by side, with a slider for alpha, of a task "
         "that lies in one grid: all but Taxi")
      ->type_name("FILE");
  sub->add_flag("--force", options->force, "let --html replace a file that is no such page of Saccade's");
  sub->footer(
      "Examples:\n"
      "  saccade tabular CliffWalking-v1\n"
      "  saccade tabular CliffWalking-v1 --alpha 0.1,0.3,0.7\n"
      "  saccade tabular Taxi-v3 --alpha 0 --layer 17\n"
      "  saccade tabular CliffWalking-v1 --html cliff.html");
  sub->callback([options] { run(*options); });
}

}  // namespace saccade::cli
