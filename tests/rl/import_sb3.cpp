// Agents of Stable-Baselines3 as runs: they act as they did there, learn as they would have there, and what
// has no counterpart is refused before anything is written.
#include "rl/runs/import_sb3.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "autograd/ops.h"
#include "base/base64.h"
#include "base/error.h"
#include "nn/formats/safetensors.h"
#include "rl/algorithms/dqn.h"
#include "rl/algorithms/sac.h"
#include "rl/algorithms/td3.h"
#include "rl/components/action_scale.h"
#include "rl/runs/evaluate_run.h"
#include "rl/runs/parts.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/reference_data.h"
#include "tests/support/runs.h"
#include "tests/support/zip_writer.h"

using namespace saccade;
using namespace saccade::rl;
using namespace saccade::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

std::string zip_of(const std::string& name) { return tests::reference_path("sb3/" + name + ".zip"); }

std::vector<double> flat(const nlohmann::json& rows) {
  std::vector<double> all;
  for (const auto& row : rows) {
    for (const auto& x : row) all.push_back(x);
  }
  return all;
}

Tensor rows(const nlohmann::json& json, DType dtype = DType::f32) {
  const std::vector<double> all = flat(json);
  const Tensor result =
      empty({static_cast<std::int64_t>(json.size()), static_cast<std::int64_t>(json[0].size())}, dtype);
  for (std::size_t i = 0; i < all.size(); ++i) result.mutable_data<float>()[i] = static_cast<float>(all[i]);
  return result;
}

// Actions within 1e-5 of their range, and the smallest of what critics say within 1e-5 of its size.
void check_behaviour(const Agent& agent, const Config& config, const nlohmann::json& observations,
                     const nlohmann::json& expected, double tolerance) {
  const envs::Spec spec = spec_of(config);
  const std::vector<double> obs = flat(observations), actions = flat(expected.at("actions"));
  std::vector<double> mine(actions.size());
  agent.act(obs, {}, ActMode::exploit, mine);
  const auto* box = std::get_if<envs::Box>(&spec.action_space);
  const double range = box == nullptr ? 0 : box->high[0] - box->low[0];
  const ActionScale scale(spec);
  for (std::size_t i = 0; i < mine.size(); ++i) {
    scale(std::span(&mine[i], 1), std::span(&mine[i], 1));
    CHECK(std::abs(mine[i] - actions[i]) <= tolerance * range);
  }
  const std::vector<double> none(static_cast<std::size_t>(agent.noise_size()) * observations.size());
  const std::vector<double> q = agent.inspect(obs, none).q.to_vector();
  REQUIRE(q.size() == observations.size());
  for (std::size_t i = 0; i < q.size(); ++i) {
    double least = HUGE_VAL;
    for (const auto& critic : expected.at("q")) least = std::min(least, critic.at(i).get<double>());
    CHECK(std::abs(q[i] - least) <= tolerance * (1 + std::abs(least)));
  }
}

std::unique_ptr<Agent> agent_of(const ImportedAgent& imported) {
  std::unique_ptr<Agent> agent = make_agent(imported.info.config);
  agent->load(imported.state.weights, imported.state.optimizer);
  return agent;
}

// One update without noise.
void update(Agent& agent, const Batch& batch) {
  const std::int64_t n = batch.obs.size(0);
  if (auto* sac = dynamic_cast<Sac*>(&agent)) {
    Sac::Draws draws;
    draws.eps = draws.eps_next = zeros({n, 1});
    sac->update(batch, draws);
  } else if (auto* td3 = dynamic_cast<Td3*>(&agent)) {
    td3->update(batch, zeros({n, 1}));
  } else {
    dynamic_cast<Dqn&>(agent).update(batch);
  }
}

// The file with its settings changed.
std::string with_data(const std::string& zip, const Json& changes) {
  return with_member(zip, "data", [&](const std::string& text) {
    Json json = Json::parse(text);
    json.merge_patch(changes);
    return json.dump();
  });
}
// The file with text within a part's pickle replaced by as much other text.
std::string with_text(const std::string& zip, const std::string& part, const std::string& from,
                      const std::string& to) {
  return with_member(zip, part, [&](const std::string& inner) {
    return with_member(inner, "archive/data.pkl", [&](std::string pickle) {
      const std::size_t at = pickle.find(from);
      REQUIRE(at != std::string::npos);
      return pickle.replace(at, from.size(), to);
    });
  });
}
// The file with the first number of a storage replaced.
std::string with_number(const std::string& zip, const std::string& part, const std::string& storage,
                        float x) {
  return with_member(zip, part, [&](const std::string& inner) {
    return with_member(inner, "archive/data/" + storage, [&](std::string bytes) {
      std::memcpy(bytes.data(), &x, sizeof x);
      return bytes;
    });
  });
}

}  // namespace

TEST_CASE("an imported agent acts as it did, and its critics say the same", "[import_sb3]") {
  for (const std::string name : {"sac", "td3", "dqn"}) {
    INFO(name);
    const nlohmann::json expected = tests::reference("sb3/" + name + ".json");
    const ImportedAgent imported = read_sb3(zip_of(name));
    CHECK(imported.info.config.algorithm().name == name);
    CHECK(imported.info.config.run.env == (name == "dqn" ? "CartPole-v1" : "Pendulum-v1"));
    CHECK_THAT(imported.origin, Catch::StartsWith("Stable-Baselines3 2."));
    check_behaviour(*agent_of(imported), imported.info.config, expected.at("observations"), expected, 1e-5);
  }
}

TEST_CASE("an imported agent learns on as it would have", "[import_sb3]") {
  // Weights, targets, moments, step counts, step sizes and losses all are in what four updates by the same
  // batch lead to.
  for (const std::string name : {"sac", "td3", "dqn"}) {
    INFO(name);
    const nlohmann::json expected = tests::reference("sb3/" + name + ".json"), b = expected.at("batch");
    std::vector<std::string> settings;
    if (name == "sac") settings.push_back("log_prob=eps1e-6");
    const ImportedAgent imported = read_sb3(zip_of(name), "", settings);
    const std::unique_ptr<Agent> agent = agent_of(imported);
    const Batch batch = {rows(b.at("obs")), rows(b.at("action")), rows(b.at("reward")),
                         rows(b.at("next_obs")), rows(b.at("terminated"))};
    for (int i = 0; i < expected.at("updates"); ++i) update(*agent, batch);
    check_behaviour(*agent, imported.info.config, expected.at("observations"), expected.at("after"), 2e-5);
  }
}

TEST_CASE("settings of Stable-Baselines3 are those of the run", "[import_sb3]") {
  const auto settings = [](const std::string& name) { return to_json(read_sb3(zip_of(name)).info.config); };
  const auto check = [](const Json& actual, const Json& expected) {
    for (const auto& [key, value] : expected.items()) {
      INFO(key);
      CHECK(actual.at(key) == value);
    }
  };
  const Json common = {{"seed", 7},        {"envs", 1},           {"hidden", {8, 8}}, {"learning_starts", 40},
                       {"batch_size", 16}, {"buffer_size", 1000}, {"n_step", 1}};
  for (const std::string name : {"sac", "td3", "dqn"}) check(settings(name), common);
  check(settings("sac"), {{"gamma", 0.98},
                          {"tau", 0.02},
                          {"actor_lr", 1e-3},
                          {"critic_lr", 1e-3},
                          {"alpha_lr", 1e-3},
                          {"learn_alpha", true},
                          {"initial_alpha", 0.5},
                          {"target_entropy", -1.0},
                          {"critics", 2},
                          {"critic_loss_factor", 0.5},
                          {"alpha_loss", "log_alpha"},
                          {"updates_per_step", 1.0},
                          {"steps", 120}});
  check(settings("td3"), {{"gamma", 0.99},
                          {"tau", 0.005},
                          {"policy_delay", 2},
                          {"target_noise", 0.2},
                          {"target_noise_clip", 0.5},
                          {"exploration_noise", 0.2},
                          {"updates_per_step", 2.0},
                          {"actor_lr", 1e-3}});
  check(settings("dqn"), {{"double", false},
                          {"loss", "huber"},
                          {"max_grad_norm", 10.0},
                          {"tau", 1.0},
                          {"updates_per_step", 0.5},
                          {"target_every", 50},
                          {"epsilon_updates", 20},
                          {"epsilon_start", 1.0},
                          {"epsilon_end", 0.05},
                          {"steps", 400}});
}

TEST_CASE("older files and other choices are read too", "[import_sb3]") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& zip) {
    write_file(folder.path("model.zip"), zip);
    return read_sb3(folder.path("model.zip"));
  };
  const auto config = [&](const std::string& zip) { return to_json(read(zip).info.config); };
  const std::string sac = read_file(zip_of("sac")), td3 = read_file(zip_of("td3"));
  CHECK(config(with_data(td3, {{"train_freq", 4}})).at("updates_per_step") == 1.0);
  CHECK(config(with_data(td3, {{"train_freq", {2, "step"}}, {"n_envs", 2}})).at("updates_per_step") == 1.0);
  CHECK(config(with_data(td3, {{"train_freq", {1, "episode"}}, {"gradient_steps", -1}}))
            .at("updates_per_step") == 1.0);
  const ImportedAgent episodes = read(with_data(td3, {{"train_freq", {1, "episode"}}}));
  CHECK(to_json(episodes.info.config).at("updates_per_step") == 1.0);
  CHECK_THAT(episodes.left.at(0), Contains("4 updates after every 1 episode"));
  const ImportedAgent noise = read(with_data(
      td3, {{"action_noise",
             {{":type:", "<class 'stable_baselines3.common.noise.OrnsteinUhlenbeckActionNoise'>"}}}}));
  CHECK_THAT(noise.left.at(0), Contains("action noise"));
  CHECK(config(with_data(td3, {{"action_noise", nullptr}})).at("exploration_noise") == 0.0);
  const ImportedAgent schedule =
      read(with_data(sac, {{"learning_rate", {{":type:", "<class 'function'>"}}}}));
  CHECK_THAT(schedule.left.at(0), Contains("as they were in the end"));
  CHECK(to_json(schedule.info.config).at("actor_lr") == 1e-3);
  std::string ended = sac;  // every optimiser's step size, 1e-3, becomes 0
  for (const char* part : {"actor.optimizer.pth", "critic.optimizer.pth", "ent_coef_optimizer.pth"})
    ended = with_text(ended, part, "G\x3f\x50\x62\x4d\xd2\xf1\xa9\xfc", std::string("G\0\0\0\0\0\0\0\0", 9));
  const ImportedAgent zero = read(with_data(ended, {{"learning_rate", {{":type:", "<class 'function'>"}}}}));
  CHECK_THAT(zero.left.at(0), Contains("ended at 0"));
  CHECK(to_json(zero.info.config).at("critic_lr") == 3e-4);
  CHECK(config(with_data(sac, {{"seed", nullptr}, {"n_steps", 3}})).at("n_step") == 3);
  CHECK(config(with_data(sac, {{"policy_kwargs",
                                {{"activation_fn", "<class 'torch.nn.modules.activation.ReLU'>"},
                                 {"use_sde", "False"},
                                 {"net_arch", "[8, 8]"}}}}))
            .at("seed") == 7);
  // An environment that is given; bounds as older versions had them.
  const Json wide = {{"observation_space", {{"low", "[-9. -9. -9.]"}, {"high", "[9. 9. 9.]"}}}};
  write_file(folder.path("model.zip"), with_data(sac, wide));
  CHECK_THROWS_WITH(read_sb3(folder.path("model.zip")),
                    Contains("none here has these spaces") && Contains("--env ID"));
  CHECK(read_sb3(folder.path("model.zip"), "pendulum").info.config.run.env == "Pendulum-v1");

  // A temperature that is not learned, from the file's own variable.
  const std::string fixed =
      with_text(with_data(sac, {{"ent_coef", 0.25}}), "pytorch_variables.pth",
                std::string("X\x0c\0\0\0log_ent_coef", 17), std::string("X\x0f\0\0\0ent_coef_tensor", 20));
  const ImportedAgent agent = read(with_number(fixed, "pytorch_variables.pth", "0", 0.25F));
  CHECK(to_json(agent.info.config).at("learn_alpha") == false);
  for (const auto& [name, x] : agent.state.weights) {
    if (name == "log_alpha") CHECK(x.item() == Approx(std::log(0.25)));
  }
}

TEST_CASE("what has no counterpart, or is damaged, is one error before there are files", "[import_sb3]") {
  const TemporaryFolder folder;
  const std::string sac = read_file(zip_of("sac")), td3 = read_file(zip_of("td3")),
                    dqn = read_file(zip_of("dqn"));
  const auto refuses = [&](const std::string& zip, const std::vector<std::string>& words) {
    write_file(folder.path("model.zip"), zip);
    try {
      read_sb3(folder.path("model.zip"), "");
      FAIL_CHECK("nothing was thrown");
    } catch (const Error& error) {
      INFO(error.what());
      CHECK_THAT(error.what(), Contains("model.zip"));
      for (const std::string& word : words) CHECK_THAT(error.what(), Contains(word));
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
  };
  const auto data = [&](const Json& changes, const std::vector<std::string>& words) {
    refuses(with_data(sac, changes), words);
  };
  data({{"use_sde", true}}, {"use_sde"});
  data({{"policy_kwargs", {{"activation_fn", "<class 'torch.nn.modules.activation.Tanh'>"}}}},
       {"activation_fn", "Tanh", "ReLU"});
  data({{"policy_kwargs", {{"use_sde", "True"}}}}, {"use_sde"});
  data({{"policy_kwargs", {{"optimizer_class", "<class 'torch.optim.rmsprop.RMSprop'>"}}}}, {"RMSprop"});
  data({{"policy_kwargs", {{"features_extractor_class", "<class '__main__.Mine'>"}}}}, {"__main__.Mine"});
  data({{"policy_kwargs", {{"dropout", 0.1}}}}, {"dropout"});
  data({{"policy_kwargs", 3}}, {"policy_kwargs is 3"});
  data({{"policy_class", {{"__module__", "stable_baselines3.common.policies"}}}},
       {"common.policies", "sac, td3"});
  data({{"policy_class", {{"__module__", "sb3_contrib.tqc.policies"}}}}, {"tqc"});
  data({{"policy_class", nullptr}}, {"policy is of"});
  data({{"policy_class", {{"__module__", "stable_baselines3.td3.policies"}}}},
       {"hidden layers of [], the critics of [8, 8]"});
  data({{"target_update_interval", 2}}, {"target_update_interval is 2"});
  data({{"ent_coef", "maybe"}}, {"ent_coef", "maybe"});
  data({{"ent_coef", "auto_x"}}, {"initial_alpha"});
  data({{"gamma", 7}}, {"gamma", "7"});
  data({{"gamma", "x"}}, {"gamma is \"x\""});
  data({{"batch_size", nullptr}}, {"batch_size is missing"});
  data({{"observation_space", {{":type:", "<class 'gymnasium.spaces.dict.Dict'>"}}}},
       {"spaces.dict.Dict", "Box or Discrete"});
  data({{"observation_space", {{"_shape", {84, 84, 4}}}}}, {"[84,84,4]", "one dimension"});
  data({{"observation_space", {{"_shape", {17}}, {"low", "?"}}},
        {"action_space", {{"_shape", {6}}, {"low", "?"}}}},
       {"--env ID"});
  data({{"action_space", {{"low", "[-1.]"}, {"high", "[1.]"}}}}, {"does not name its environment"});
  data({{"train_freq", "often"}}, {"train_freq"});
  data({{"train_freq", {{":serialized:", to_base64("cos\nsystem\n(X\x02\0\0\0lstR.")}}}},
       {"train_freq", "os.system", "nothing is executed"});
  data({{"train_freq", {{":serialized:", to_base64("N.")}}}}, {"no TrainFreq"});
  data({{"train_freq", 0}}, {"train_freq is 0"});
  data({{"n_envs", 0}}, {"n_envs is 0"});
  data({{"_total_timesteps", 1e30}}, {"steps"});
  data({{"policy_kwargs", {{"features_extractor_class", nullptr}}}, {"buffer_size", 1.5}}, {"buffer_size"});

  refuses("", {"no zip archive"});
  refuses(stored_zip({{"policy.pth", "x"}}), {"has no 'data'"});
  refuses(stored_zip({{"data", "{"}}), {"data"});
  refuses(stored_zip({{"data", "[]"}}), {"expected an object"});
  refuses(with_member(sac, "policy.pth", [](const std::string&) { return "x"; }),
          {"policy.pth", "no zip archive"});
  refuses(with_member(sac, "critic.optimizer.pth", [](const std::string&) { return "x"; }),
          {"critic.optimizer.pth"});
  refuses(with_text(sac, "policy.pth", "actor.mu.bias", "actor.my.bias"), {"has no 'actor.mu.bias'"});
  std::string shallow = sac;  // of whose critics the last layer is lost
  for (const std::string critic : {"critic.qf0", "critic.qf1", "critic_target.qf0", "critic_target.qf1"})
    shallow = with_text(shallow, "policy.pth", critic + ".4.weight", critic + ".6.weight");
  refuses(shallow, {"policy has hidden layers of [8, 8], the critics of [8]"});
  refuses(with_text(sac, "policy.pth", "critic.qf1.4.weight", "critic.qf1.6.weight"),
          {"critic.qf1 has other layers than critic.qf0"});
  refuses(with_text(sac, "policy.pth", "critic_target.qf1.0.weight", "critic_target.qf2.0.weight"),
          {"2 critics and 1 targets"});
  refuses(with_text(dqn, "policy.pth", "q_net.q_net.0.bias", "q_net.cnnet.0.bias"),
          {"has no 'q_net.q_net.0.bias'"});
  refuses(with_number(sac, "policy.pth", "0", NAN), {"actor.latent_pi.0.weight", "finite"});
  refuses(with_number(td3, "actor.optimizer.pth", "0", 7), {"has taken 7 steps with one parameter and 80"});
  refuses(with_number(td3, "critic.optimizer.pth", "1", INFINITY), {"critic.optimizer.pth", "finite"});
  refuses(with_number(sac, "pytorch_variables.pth", "0", NAN), {"temperature"});
  std::string flat_net = dqn;  // only its first layers are known by their names
  for (const std::string net : {"q_net.q_net", "q_net_target.q_net"})
    flat_net = with_text(flat_net, "policy.pth", net + ".2.weight", net + ".6.weight");
  refuses(flat_net, {"without hidden layers"});
  const std::string beta("G\x3f\xec\xcc\xcc\xcc\xcc\xcc\xcd", 9), other("G\x3f\xe0\0\0\0\0\0\0", 9);
  refuses(with_text(sac, "actor.optimizer.pth", beta, other), {"Adam's betas.0 is 0.5, expected 0.9"});
  CHECK_THROWS_WITH(read_sb3(zip_of("sac"), "CartPole-v1"),
                    Contains("CartPole-v1 observes 4 numbers") && Contains("3 numbers"));
  CHECK_THROWS_WITH(read_sb3(zip_of("dqn"), "Acrobot-v1"), Contains("Acrobot-v1 observes 6 numbers"));
  CHECK_THROWS_AS(read_sb3(folder.path("absent.zip")), FormatError);
  CHECK_THROWS_WITH(Training::begin(read_sb3(zip_of("sac"), "", {"critics=3"}).info, folder.path("run")),
                    Contains("critic.q"));
  CHECK(!snapshot(folder.path()).contains("run/config.json"));
}

TEST_CASE("saccade import makes a run that evaluates, reports and trains on", "[import_sb3]") {
  const TemporaryFolder folder;
  const std::map<std::string, std::vector<double>> steps = {
      {"sac", {80, 80, 80}}, {"td3", {80, 160}}, {"dqn", {180}}};
  for (const std::string name : {"sac", "td3", "dqn"}) {
    INFO(name);
    const Output made = run_command(folder, "import sb3 " + zip_of(name) + " --run " + name);
    INFO(made.err);
    CHECK(made.exit_code == 0);
    CHECK(widest(made.out) <= 80);
    CHECK_THAT(made.out, Contains(name + " on ") && Contains("Taken over:") && Contains("Left behind:") &&
                             Contains("replay buffer"));
    CHECK(run_command(folder, "eval " + name + " --episodes 2").exit_code == 0);
    CHECK(run_command(folder, "report " + name).exit_code == 0);
    CHECK(run_command(folder, "export " + name + " " + name + ".h").exit_code == 0);
    const auto optimizer = [&] {
      std::vector<double> counts;
      for (const auto& [tensor, x] :
           nn::safetensors::load(folder.path(name + "/checkpoint/optimizer.safetensors")).tensors) {
        if (tensor.ends_with("steps")) counts.push_back(x.item());
      }
      return counts;
    };
    CHECK(optimizer() == steps.at(name));
    const Output on = run_command(folder, "train --resume " + name + " --steps 340 --json");
    INFO(on.err);
    REQUIRE(on.exit_code == 0);
    const Json summary = Json::parse(on.out);
    const int updates = name == "sac" ? 300 : name == "td3" ? 600 : 150;
    CHECK(summary.at("updates") == updates);
    CHECK(optimizer().back() == steps.at(name).back() + updates);
  }
  const auto refuses = [&](const std::string& arguments, int exit_code, const std::string& word) {
    INFO(arguments);
    const auto before = snapshot(folder.path());
    const Output output = run_command(folder, "import " + arguments);
    CHECK(output.exit_code == exit_code);
    CHECK(output.out.empty());
    CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
    CHECK_THAT(output.err, Contains(word));
    CHECK(snapshot(folder.path()) == before);
  };
  refuses("sb4 x.zip", 2, "expected sb3");
  refuses("sb3 x.zip", 1, "x.zip");
  refuses("sb3 " + zip_of("sac") + " --env Acrobot-v1 --run new", 2, "Acrobot-v1");
  refuses("sb3 " + zip_of("sac") + " --run sac", 2, "holds a run already");
  refuses("sb3 " + zip_of("sac") + " --run new --set gama=1", 2, "gama");
  refuses("sb3 " + zip_of("sac") + " --run new --set hidden=[9,9]", 1, "policy.pth");
}
