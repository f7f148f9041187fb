// Any text as a task file, and any text as the model that one names: it is read or refused by FormatError;
// what was read is packed, and the packed task is the same one. After a first byte, the text is that of a
// JSON file (even) or of an XML file (odd).
#include "envs/task_file/task_file.h"

#include "base/error.h"
#include "tests/fuzz/fuzz.h"

using namespace saccade;

namespace {

constexpr const char* kTask =
    R"({"model": "model.xml", "frame_skip": 1, "observation": [{"qpos": "all"}], "reward": {"a": 1}})";

void try_on(std::string_view text, const std::string& source) {
  try {
    const envs::TaskFile task = envs::read_task_file(text, source);
    const envs::TaskFile again = envs::read_task_file(task.packed, fuzz::scratch() + "/packed.json");
    fuzz::check(again.id == task.id && again.fingerprint == task.fingerprint,
                "a packed task is the same task");
    fuzz::check(again.packed == task.packed, "it is packed the same way again");
  } catch (const FormatError& error) {
    fuzz::check(std::string_view(error.what()).size() < 4000, "messages are short");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data, size).substr(1);
  static const std::string mesh = fuzz::write_scratch("m.obj", "v 0 0 0\n");
  const std::string source = fuzz::scratch() + "/task.json";
  const bool is_model = data[0] % 2 == 1;
  fuzz::write_scratch("model.xml", is_model ? text : "<mujoco><mesh file='m.obj'/></mujoco>");
  try_on(is_model ? std::string_view(kTask) : text, source);
  return 0;
}
