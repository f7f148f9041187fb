// `saccade tabular` and `saccade entropy`: what they print is what was computed.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

std::string printed(const std::string& arguments) {
  const Output output = run_command(TemporaryFolder(), arguments);
  INFO(arguments << '\n' << output.err);
  CHECK(output.exit_code == 0);
  CHECK(output.err.empty());
  return output.out;
}

}  // namespace

TEST_CASE("saccade tabular shows the shortcut along the cliff, and the way round as alpha grows",
          "[cli][tabular]") {
  const std::string text = printed("tabular CliffWalking-v1 --alpha 0,0.65,0.7,2");
  CHECK_THAT(text, Contains("CliffWalking-v1: 48 states, 4 actions, gamma 0.99"));
  CHECK_THAT(text, Contains("       0   -12.2479   -12.2479    0.0000  13 steps\n"));
  CHECK_THAT(text, Contains("15 steps") && Contains("17 steps") && Contains("goes round in circles"));
  CHECK_THAT(text, Contains("\nalpha = 0\n"
                            "  action\n"
                            "  > > > > > > > > > > > v\n"
                            "  > > > > > > > > > > > v\n"
                            "  > > > > > > > > > > > v\n"
                            "  ^ # # # # # # # # # # G\n"
                            "  V\n"
                            "  -13.1 -12.2"));
  CHECK_THAT(text, Contains("\nalpha = 0.7\n"
                            "  action\n"
                            "  > > > > > > > > > > > v\n"
                            "  ^ > > > > > > > > > > v\n"));
}

TEST_CASE("saccade tabular lays grids side by side, and shows one of Taxi's at a time", "[cli][tabular]") {
  CHECK_THAT(printed("tabular FrozenLake-v1 --alpha 0"),
             Contains("  action    V                         entropy\n"
                      "  < ^ ^ ^    0.54  0.50  0.47  0.46   0.00 0.00 0.00 0.00\n"
                      "  < H < H    0.56     H  0.36     H   0.00    H 0.00    H\n"));
  CHECK_THAT(printed("tabular taxi --alpha 0"),
             Contains("Layer 1 (of 20): passenger at red, to go to green.") && Contains("\n  P < v v v "));
  CHECK_THAT(printed("tabular taxi --alpha 0 --layer 16"),
             Contains("passenger in the taxi, to go to red.") && Contains("\n  D < v v v "));
}

TEST_CASE("saccade tabular --json has all digits, Q and policy", "[cli][tabular]") {
  const Json json = Json::parse(printed("tabular FrozenLake-v1 --alpha 0,0.1 --gamma 0.9 --json"));
  CHECK(json.at("env") == "FrozenLake-v1");
  CHECK(json.at("gamma") == 0.9);
  CHECK(json.at("terminal")[5] == true);
  REQUIRE(json.at("solutions").size() == 2);
  for (const Json& solution : json.at("solutions")) {
    CHECK_FALSE(solution.contains("likeliest_route"));  // on slippery ice there is none
    REQUIRE(solution.at("q").size() == 16);
    for (std::size_t s = 0; s < 16; ++s) {
      double sum = 0, h = 0;
      for (const double p : solution.at("policy")[s]) {
        sum += p;
        h -= p > 0 ? p * std::log(p) : 0;
      }
      CHECK(sum == Approx(1).epsilon(1e-12));
      CHECK(solution.at("entropy")[s].get<double>() == Approx(h).margin(1e-12));
    }
  }
  CHECK(json.at("solutions")[0].at("start_value").get<double>() == Approx(0.0688909).epsilon(1e-5));
  CHECK(json.at("solutions")[1].at("start_value") > json.at("solutions")[0].at("start_value"));
  CHECK(json.at("solutions")[1].at("start_reward") < json.at("solutions")[0].at("start_reward"));
  const Json cliff = Json::parse(printed("tabular CliffWalking-v1 --alpha 0 --json"));
  CHECK(cliff.at("solutions")[0].at("likeliest_route").size() == 14);
}

TEST_CASE("saccade entropy: coins, and where a squashed Gaussian has most", "[cli][entropy]") {
  const std::string text = printed("entropy");
  CHECK_THAT(text, Contains("  fair       0.5    0.6931    1.0000\n"));
  CHECK_THAT(text, Contains("  biased     0.9    0.3251    0.4690\n"));
  CHECK_THAT(text, Contains("  certain      1    0.0000    0.0000\n"));
  CHECK_THAT(
      text,
      Contains("   0.8744      1.2847     0.6836     0.9863  <- the most that any sigma gives\n        1 "));
  CHECK_THAT(text, Contains("    7.389      3.4189    -7.0743"));
  const Json json = Json::parse(printed("entropy --mean 1 --json"));
  CHECK(json.at("coins")[1].at("nats").get<double>() == Approx(0.3250829733914482).epsilon(1e-14));
  CHECK(json.at("mean") == 1);
  const double most = json.at("most_random").at("nats");
  CHECK(json.at("most_random").at("sigma") > 0.9);
  for (const Json& policy : json.at("policies")) {
    CHECK(policy.at("nats") < most);
    CHECK(policy.at("bits").get<double>() ==
          Approx(policy.at("nats").get<double>() / std::log(2)).epsilon(1e-14));
    if (policy.at("sigma") == 1)
      CHECK(policy.at("nats").get<double>() == Approx(0.09260017389833597).epsilon(1e-13));
  }
}
