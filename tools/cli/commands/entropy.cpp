// saccade entropy: how random coins and policies are.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "nn/distributions/entropy.h"
#include "tools/cli/command.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"
#include "tools/pages/assemble.h"
#include "tools/pages/squash_page.h"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Coin {
  const char* name;
  double p;
};

constexpr Coin kCoins[] = {{"fair", 0.5}, {"biased", 0.9}, {"certain", 1}};
constexpr double kSigmas[] = {0.01, 0.1, 0.2, 0.5, 0.75, 1, 1.5, 2, 5, std::numbers::e* std::numbers::e};

double bits(double nats) { return nats / std::numbers::ln2; }

Json policy_json(double mean, double sigma) {
  const double nats = nn::tanh_normal_entropy(mean, sigma);
  return {
      {"sigma", sigma}, {"gaussian_nats", nn::normal_entropy(sigma)}, {"nats", nats}, {"bits", bits(nats)}};
}

void print_json(double mean) {
  Json coins = Json::array(), policies = Json::array();
  for (const Coin& coin : kCoins) {
    const double nats = nn::coin_entropy(coin.p);
    coins.push_back({{"name", coin.name}, {"p", coin.p}, {"nats", nats}, {"bits", bits(nats)}});
  }
  for (const double sigma : kSigmas) policies.push_back(policy_json(mean, sigma));
  out_json({{"coins", coins},
            {"mean", mean},
            {"policies", policies},
            {"most_random", policy_json(mean, nn::most_entropic_std(mean))}});
}

void print_policy(double mean, double sigma, const char* remark) {
  const double nats = nn::tanh_normal_entropy(mean, sigma);
  out("  {:>7.4g} {:>11.4f} {:>10.4f} {:>10.4f}{}\n", sigma, nn::normal_entropy(sigma), nats, bits(nats),
      remark);
}

void print_table(double mean) {
  out("A coin: H = -p log p - (1 - p) log(1 - p)\n\n");
  out("  {:<8} {:>5} {:>9} {:>9}\n", "coin", "p", "nats", "bits");
  for (const Coin& coin : kCoins) {
    const double nats = nn::coin_entropy(coin.p);
    out("  {:<8} {:>5} {:>9.4f} {:>9.4f}\n", coin.name, coin.p, nats, bits(nats));
  }
  out("\nA policy: a = tanh(u), u ~ N({}, sigma^2); H = H(u) + E log(1 - tanh(u)^2)\n\n", mean);
  out("  {:>7} {:>11} {:>10} {:>10}\n", "sigma", "H(u), nats", "H, nats", "H, bits");
  const double peak = nn::most_entropic_std(mean);
  bool is_past = false;
  for (const double sigma : kSigmas) {
    if (!is_past && sigma > peak) {
      print_policy(mean, peak, "  <- the most that any sigma gives");
      is_past = true;
    }
    print_policy(mean, sigma, "");
  }
  if (!is_past) print_policy(mean, peak, "  <- the most that any sigma gives");
  out("\n");
  print_wrapped(
      fmt::format("No density on (-1, 1) has more than the uniform one, log 2 = {:.4f} nats = 1 bit. A wider "
                  "Gaussian is ever "
                  "more random; its tanh is not, since actions pile up at -1 and 1. The last sigma is "
                  "exp(2), the widest that "
                  "SAC's clamp allows.",
                  std::numbers::ln2));
}

}  // namespace

void add_entropy(CLI::App& app, int&) {
  struct Options {
    std::string mean_text = "0", html;
    bool json = false, force = false;
  };
  CLI::App* sub = app.add_subcommand(
      "entropy",
      "Show what entropy is. Of a fair, a biased and a certain coin, in nats and bits, and of SAC's policy, "
      "a Gaussian "
      "squashed by tanh, as its sigma grows: it is largest at one sigma and falls beyond it.");
  auto options = std::make_shared<Options>();
  sub->add_option("--mean", options->mean_text,
                  "of the Gaussian, from -20 to 20, with --html from -3 to 3 (default 0)")
      ->type_name("X");
  sub->add_flag("--json", options->json, "as JSON");
  sub->add_option(
         "--html", options->html,
         "also write a page to play with the squash: densities with and without the Jacobian, draws, "
         "entropy, what f32 makes of it")
      ->type_name("FILE");
  sub->add_flag("--force", options->force, "let --html replace a file that is no such page of Saccade's");
  sub->footer(
      "Examples:\n"
      "  saccade entropy --mean 1\n"
      "  saccade entropy --html squash.html");
  sub->callback([options] {
    const double reach = options->html.empty() ? 20 : 3;  // of the page's slider
    const double mean = parse_number("--mean", options->mean_text, -reach, reach);
    if (options->html.empty()) {
      if (options->force) throw ConfigError("--force needs --html FILE");
    } else {
      pages::check_page_path(options->html, "squash", options->force);
      pages::write_squash_page(options->html, mean);
    }
    options->json ? print_json(mean) : print_table(mean);
    if (!options->html.empty() && !options->json) out("\nThe page: {}\n", options->html);
  });
}

}  // namespace saccade::cli
