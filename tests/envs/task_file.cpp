// Task files: what is read of them, and every way in which one can be wrong.
#include "envs/task_file/task_file.h"

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/error.h"
#include "envs/registry.h"
#include "rl/runs/config.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"

using namespace saccade;
using namespace saccade::envs;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

const Json kGood = Json::parse(R"({
  "model": "robot.xml",
  "frame_skip": 5,
  "observation": [{"qpos": "all", "skip": 1}, {"xpos": "arm", "axes": "xz", "minus": "base"}],
  "reward": {"forward": {"qpos": "x", "rate": true, "weight": 2}, "alive": 1},
  "termination": [{"qpos": "x", "healthy": [null, 3]}],
  "reset": {"noise": [{"qpos": "all", "uniform": 0.1}, {"qvel": "x", "normal": 0.2}]}
})");

std::string complaint_of(const Json& json) {
  try {
    read_task(json, "t.json");
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}

// Of the good one, with another value at a place: "/reward/forward".
std::string with(const std::string& pointer, const std::string& value) {
  Json json = kGood;
  json[Json::json_pointer(pointer)] = Json::parse(value);
  return complaint_of(json);
}

// A model that names files in every way there is.
void write_model(const test::TemporaryFolder& folder) {
  std::filesystem::create_directories(folder.path("robots/parts"));
  std::filesystem::create_directories(folder.path("meshes"));
  test::write_file(
      folder.path("robots/robot.xml"),
      "<?xml version='1.0'?><!-- <mesh file='/not/read.stl'/> -->\n"
      "<mujoco><compiler meshdir=\"../meshes\" texturedir = 'pictures'/><include file='parts/arm.xml'/>"
      "<asset><mesh name='a' file='leg&amp;foot.stl' /><mesh file='gone.stl'/></asset></mujoco>");
  test::write_file(folder.path("robots/parts/arm.xml"),
                   "<mujoco><asset><mesh file='arm.obj'/></asset></mujoco>");
  test::write_file(folder.path("meshes/leg&foot.stl"), std::string("\0\xff\x80solid\n", 9));
  test::write_file(folder.path("meshes/arm.obj"), "v 0 0 0\n");
  test::write_file(folder.path("meshes/other.obj"), "v 1 0 0\n");
}

}  // namespace

TEST_CASE("base64 is RFC 4648's, and back", "[files]") {
  // The examples of its section 10.
  const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    CHECK(to_base64(bytes) == text);
    CHECK(from_base64(text) == std::string(bytes));
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(from_base64(to_base64(all)) == all);
  for (const char* bad : {"Z", "Zg=", "Zg", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9\n", "Zm-v"}) {
    INFO(bad);
    CHECK_FALSE(from_base64(bad));
  }
}

TEST_CASE("a task file is read as it is written", "[task_file]") {
  const WrittenTask task = read_task(kGood, "t.json");
  CHECK(task.model == "robot.xml");
  CHECK(task.frame_skip == 5);
  CHECK(task.max_episode_steps == 1000);
  CHECK_FALSE(task.reward_threshold);
  REQUIRE(task.observation.size() == 2);
  CHECK(std::string(task.observation[0].source->name) == "qpos");
  CHECK(task.observation[0].names.empty());
  CHECK(task.observation[0].skip == 1);
  CHECK(task.observation[1].names == std::vector<std::string>{"arm"});
  CHECK(task.observation[1].minus_name == "base");
  CHECK(task.observation[1].axes == "xz");
  REQUIRE(task.reward.size() == 2);
  CHECK(task.reward[0].name == "forward");
  CHECK(task.reward[0].weight == 2);
  CHECK(task.reward[0].quantity.rate);
  CHECK(task.reward[1].quantity.source == nullptr);
  CHECK(task.termination.at(0).range.high == 3);
  CHECK(std::isinf(task.termination.at(0).range.low));
  REQUIRE(task.noise.size() == 2);
  CHECK(task.noise[0].low == -0.1);
  CHECK(task.noise[0].high == 0.1);
  CHECK(task.noise[1].normal);
  CHECK(task.noise[1].deviation == 0.2);
}

TEST_CASE("what is wrong in a task file is one error with its place", "[task_file]") {
  CHECK(complaint_of(kGood).empty());
  CHECK(complaint_of(Json::array()) ==
        "t.json: is []; expected an object with model, frame_skip, max_episode_steps, reward_threshold, "
        "observation, reward, termination, reset");
  for (const char* key : {"model", "frame_skip", "observation", "reward"}) {
    Json json = kGood;
    json.erase(key);
    CHECK(complaint_of(json) == "t.json: \"" + std::string(key) + "\" is missing");
  }
  CHECK_THAT(with("/rewards", "{}"),
             Contains("t.json: has the unknown key \"rewards\"; did you mean \"reward\"?"));
  CHECK(with("/model", "3") == "t.json: model is 3; expected the path of an MJCF file");
  CHECK(with("/model", "\"\"") == "t.json: model is \"\"; expected the path of an MJCF file");
  CHECK(with("/frame_skip", "0") == "t.json: frame_skip is 0; expected a whole number from 1 to 10000");
  CHECK(with("/frame_skip", "2.5") == "t.json: frame_skip is 2.5; expected a whole number from 1 to 10000");
  CHECK(with("/max_episode_steps", "0") ==
        "t.json: max_episode_steps is 0; expected a whole number from 1 to 1000000000");
  CHECK_THAT(with("/reward_threshold", "\"x\""),
             Contains("t.json: reward_threshold is \"x\"; expected a number"));

  CHECK_THAT(with("/observation", "[]"), Contains("t.json: observation is []; expected at least one"));
  CHECK_THAT(with("/observation", "{}"), Contains("t.json: observation is {}; expected a list"));
  CHECK_THAT(with("/observation/1", "4"),
             Contains("t.json: observation[1] is 4; expected an object with qpos"));
  CHECK_THAT(with("/observation/1", "{}"),
             Contains("t.json: observation[1] names no quantity; expected one of qpos"));
  CHECK_THAT(with("/observation/0/qvel", "\"all\""),
             Contains("t.json: observation[0] has both qpos and qvel; expected one of them"));
  CHECK_THAT(with("/observation/0/qpos", "1"),
             Contains("t.json: observation[0].qpos is 1; expected \"all\", the name of a joint, or a list"));
  CHECK_THAT(with("/observation/0/qpos", "[]"), Contains("t.json: observation[0].qpos is []; expected"));
  CHECK_THAT(with("/observation/0/qpos", "[\"x\", 2]"),
             Contains("t.json: observation[0].qpos[1] is 2; expected the name of a joint"));
  CHECK_THAT(with("/observation/0/skp", "1"),
             Contains("t.json: observation[0] has the unknown key \"skp\"; did you mean \"skip\"?"));
  CHECK_THAT(with("/observation/0/rate", "true"), Contains("has the unknown key \"rate\""));
  CHECK_THAT(with("/observation/0/weight", "1"), Contains("has the unknown key \"weight\""));
  CHECK_THAT(with("/observation/0/skip", "-1"),
             Contains("t.json: observation[0].skip is -1; expected a whole"));
  CHECK_THAT(with("/observation/0/take", "0"),
             Contains("t.json: observation[0].take is 0; expected a whole"));
  CHECK(with("/observation/0/axes", "\"x\"") ==
        "t.json: observation[0].axes is for points, and qpos is none");
  CHECK_THAT(with("/observation/1/axes", "\"zx\""),
             Contains("observation[1].axes is \"zx\"; expected one of x, y"));
  CHECK_THAT(with("/observation/0/clip", "[1, 1]"),
             Contains("observation[0].clip is [1,1]; expected [low, high]"));
  CHECK_THAT(with("/observation/0/clip", "[null, null]"), Contains("expected [low, high]"));
  CHECK_THAT(with("/observation/0/clip", "[1, 2, 3]"), Contains("expected [low, high]"));
  CHECK_THAT(with("/observation/0/clip", "5"), Contains("expected [low, high]"));
  CHECK_THAT(with("/observation/0/clip", "[0, 1e300]"),
             Contains("observation[0].clip[1] is 1e+300; expected a number"));
  CHECK_THAT(with("/observation/0/apply", "\"tan\""),
             Contains("observation[0].apply is \"tan\"; expected one of abs, square, sin, cos, norm"));
  CHECK_THAT(with("/observation/0/minus", "[]"),
             Contains("observation[0].minus is []; expected a number, or the name of a joint"));

  CHECK_THAT(with("/reward", "{}"),
             Contains("t.json: reward is {}; expected an object of 1 to 8 named terms"));
  CHECK_THAT(with("/reward", "[1]"), Contains("expected an object of 1 to 8 named terms"));
  CHECK_THAT(with("/reward", R"({"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1})"),
             Contains("expected an object of 1 to 8 named terms"));
  CHECK_THAT(with("/reward/alive", "true"),
             Contains("t.json: reward.alive is true; expected a number, or an object"));
  CHECK_THAT(with("/reward/alive", "{}"),
             Contains("t.json: reward.alive has neither a quantity nor a weight; expected one of qpos"));
  CHECK_THAT(with("/reward/alive", R"({"weight": "2"})"),
             Contains("reward.alive.weight is \"2\"; expected a number"));
  CHECK_THAT(with("/reward/alive", R"({"weight": 1, "clip": [0, 1]})"),
             Contains("reward.alive.clip has nothing to work on; expected one of qpos"));
  CHECK_THAT(with("/reward/alive", R"({"weight": 1, "rate": true})"),
             Contains("reward.alive.rate has no quantity"));
  CHECK_THAT(with("/reward/forward/rate", "1"), Contains("reward.forward.rate is 1; expected true or false"));
  CHECK_THAT(with("/reward/forward/when", "\"ill\""),
             Contains("reward.forward.when is \"ill\"; expected one of healthy, terminated"));
  CHECK_THAT(with("/reward/forward/qpso", "1"),
             Contains("reward.forward has the unknown key \"qpso\"; did you mean"));
  Json json = kGood;
  json["reward"][std::string(41, 'a')] = 1;
  CHECK_THAT(complaint_of(json), Contains("is no name of a term; expected 1 to 40 letters"));
  json = kGood;
  json["reward"]["\x1b[31m"] = 1;
  CHECK_THAT(complaint_of(json), Contains("reward.\\x1b[31m is no name of a term"));

  CHECK_THAT(with("/termination", "{}"), Contains("t.json: termination is {}; expected a list"));
  CHECK_THAT(with("/termination/0", R"({"qpos": "x"})"), Contains("termination[0] has no healthy range"));
  CHECK_THAT(with("/termination/0/healthy", "[2, 1]"),
             Contains("termination[0].healthy is [2,1]; expected [low, high]"));
  CHECK_THAT(with("/termination/0", R"({"healthy": [1, 2]})"), Contains("termination[0] names no quantity"));

  CHECK_THAT(with("/reset", "[]"), Contains("t.json: reset is []; expected an object with keyframe, noise"));
  CHECK_THAT(with("/reset/keyframe", "1"), Contains("reset.keyframe is 1; expected the name of a keyframe"));
  CHECK_THAT(with("/reset/noise", "{}"), Contains("reset.noise is {}; expected a list"));
  CHECK_THAT(with("/reset/noise/0", R"({"xpos": "all", "uniform": 1})"),
             Contains("reset.noise[0] has the unknown key \"xpos\"; did you mean \"qpos\"?"));
  CHECK_THAT(with("/reset/noise/0", R"({"qpos": "all"})"),
             Contains("reset.noise[0] needs either uniform or normal"));
  CHECK_THAT(with("/reset/noise/0/normal", "1"), Contains("reset.noise[0] needs either uniform or normal"));
  CHECK_THAT(with("/reset/noise/0/uniform", "-1"),
             Contains("uniform is -1; expected a number of at least 0"));
  CHECK_THAT(with("/reset/noise/0/uniform", "[0, null]"),
             Contains("uniform is [0,null]; expected two numbers"));
  CHECK_THAT(with("/reset/noise/1/normal", "-1"), Contains("normal is -1; expected a standard deviation"));
}

TEST_CASE("a model comes with every file that it names, and nothing else", "[task_file]") {
  const test::TemporaryFolder folder;
  write_model(folder);
  const ModelFiles model = read_model_files(folder.path("robots/robot.xml"));
  CHECK(model.main == "robots/robot.xml");
  std::vector<std::string> paths;
  for (const auto& [path, text] : model.files) paths.push_back(path);
  CHECK(paths == std::vector<std::string>{"meshes/arm.obj", "meshes/leg&foot.stl", "robots/parts/arm.xml",
                                          "robots/robot.xml"});
  CHECK(model.files.at("meshes/leg&foot.stl") == test::read_file(folder.path("meshes/leg&foot.stl")));

  test::write_file(folder.path("robots/parts/arm.xml"),
                   "<mujoco><asset><mesh file='/etc/hosts'/></asset></mujoco>");
  CHECK_THROWS_WITH(
      read_model_files(folder.path("robots/robot.xml")),
      Contains("parts/arm.xml: file is \"/etc/hosts\", but a run keeps a copy of what its model is made "
               "of: expected a path that begins at the model"));
  // Text that is no XML is for MuJoCo to refuse.
  for (const char* text :
       {"", "<", "<a", "<a b", "<a b=", "<a b='", "<a b='c'", "<!--", "<![CDATA[", "</", "<a b='c' d>"}) {
    INFO(text);
    test::write_file(folder.path("odd.xml"), text);
    CHECK(read_model_files(folder.path("odd.xml")).files.size() == 1);
  }
}

TEST_CASE("names that lead on for ever are refused, or end", "[task_file]") {
  const test::TemporaryFolder folder;
  // The system would take it for a.xml, and the next name for one within it, and so on.
  test::write_file(folder.path("a.xml"), std::string("<mujoco><include file='a.xml\0/b.xml'/></mujoco>", 48));
  CHECK_THROWS_WITH(read_model_files(folder.path("a.xml")),
                    Contains("a.xml: file is \"a.xml") && Contains("which is no name of a file"));
  // A folder that holds itself: the model by another way brings no new ways.
  test::write_file(folder.path("c.xml"),
                   "<mujoco><include file='self/c.xml'/><include file='c.xml'/></mujoco>");
  std::filesystem::create_directory_symlink(".", folder.path("self"));
  CHECK(read_model_files(folder.path("c.xml")).files.size() < 10);
}

TEST_CASE("a packed task is the same task, and stands without its files", "[task_file]") {
  std::string packed, id;
  {
    const test::TemporaryFolder folder;
    write_model(folder);
    Json json = kGood;
    json["model"] = "robots/robot.xml";
    const TaskFile file = read_task_file("// a comment\n" + json.dump(3), folder.path("my robot.json"));
    CHECK_THAT(file.id, Catch::StartsWith("my-robot-"));
    CHECK(file.id == read_task_file(json.dump(), folder.path("my robot.json")).id);
    CHECK(file.id.substr(9) == file.fingerprint.substr(14, 8));
    packed = file.packed;
    id = file.id;
    // Whatever changes, it is another task.
    json["frame_skip"] = 4;
    CHECK(read_task_file(json.dump(), folder.path("my robot.json")).id != id);
    json["frame_skip"] = 5;
    test::write_file(folder.path("meshes/arm.obj"), "v 0 0 1\n");
    CHECK(read_task_file(json.dump(), folder.path("my robot.json")).id != id);
  }
  const TaskFile again = read_task_file(packed, "runs/1/task.json");
  CHECK(again.id == id);
  CHECK(again.packed == packed);
  CHECK(again.model.files.size() == 4);

  const auto complaint = [&](const std::function<void(Json&)>& change) -> std::string {
    Json json = Json::parse(packed);
    change(json);
    try {
      return read_task_file(json.dump(), "p.json").id;
    } catch (const FormatError& error) {
      return error.what();
    }
  };
  CHECK(complaint([](Json&) {}) == id);
  CHECK_THAT(complaint([](Json& j) { j["name"] = "../x"; }), Contains("p.json: name is \"../x\"; expected"));
  CHECK_THAT(complaint([](Json& j) { j["name"] = ""; }), Contains("p.json: name is \"\"; expected"));
  CHECK_THAT(complaint([](Json& j) { j["task"]["frame_skip"] = 0; }),
             Contains("p.json: task: frame_skip is 0"));
  CHECK_THAT(complaint([](Json& j) { j["model"] = "other.xml"; }),
             Contains("p.json: the model \"other.xml\" is none of its files"));
  CHECK_THAT(complaint([](Json& j) { j["model"] = 1; }), Contains("p.json: model is 1; expected a path"));
  CHECK_THAT(complaint([](Json& j) { j["files"] = 1; }), Contains("p.json: files is 1; expected an object"));
  CHECK_THAT(complaint([](Json& j) {
               j["files"]["meshes/arm.obj"] = {{"base64", "Z"}};
             }),
             Contains("p.json: files.meshes/arm.obj is {\"base64\":\"Z\"}; expected"));
  for (const char* path : {"../x.xml", "/etc/x.xml", "a/../b.xml", "", "a//b"}) {
    INFO(path);
    CHECK_THAT(complaint([&](Json& j) {
                 j["files"][path] = {{"text", ""}};
               }),
               Contains("is no path of a model's file"));
  }
  CHECK_THAT(complaint([](Json& j) {
               j["files"]["x.xml"] = {{"text", "<mesh file='/dev/zero'/>"}};
             }),
             Contains("p.json: x.xml: file is \"/dev/zero\", but"));
  CHECK_THAT(complaint([](Json& j) { j["more"] = 1; }), Contains("p.json: has the unknown key \"name\""));
}

TEST_CASE("a task file that cannot be read is an error of the name", "[task_file]") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("t.json");
  CHECK(envs::is_known(path));
  CHECK_THROWS_WITH(envs::canonical_id(path), Contains("t.json: "));
  CHECK_THROWS_AS(envs::canonical_id(path), ConfigError);
  test::write_file(path, "{\n  \"model\": ,\n}");
  CHECK_THROWS_WITH(envs::canonical_id(path), Contains("t.json: is not valid JSON (line 2, column 12)"));
  test::write_file(path, kGood.dump());
  CHECK_THROWS_WITH(envs::canonical_id(path),
                    Contains("t.json: model is \"robot.xml\", but there is no file "));
  CHECK_THROWS_WITH(rl::config_for(path), Contains("t.json: model is \"robot.xml\", but there is no file "));
  CHECK_THROWS_WITH(
      envs::canonical_id("robot-0123abcd"),
      "no environment is called \"robot-0123abcd\"; a task of one's own is named by its file, such as "
      "robot.json");
  // Once it has been read, the file is not looked at again.
  test::write_file(folder.path("robot.xml"), "<mujoco/>");
  const std::string id = envs::canonical_id(path);
  CHECK(envs::name_elsewhere(id) == path);
  test::write_file(path, "{");
  CHECK(envs::is_known(id));
  CHECK(envs::canonical_id(id) == id);
}
