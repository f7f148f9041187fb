// Any text as the specification of a comparison: all of it is known and fits, or it is refused by one short
// error, before there are any files.
#include "rl/runs/comparison.h"

#include "base/error.h"
#include "tests/fuzz/fuzz.h"

using namespace saccade;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path = fuzz::write_scratch("spec.json", fuzz::text_of(data, size));
  const std::string out = fuzz::scratch() + "/out";
  try {
    const rl::Comparison comparison = rl::read_comparison(path, out);
    fuzz::check(!comparison.runs.empty(), "a comparison has runs");
  } catch (const Error& error) {
    fuzz::check(std::string_view(error.what()).size() < 4000, "messages are short");
  }
  fuzz::check(!std::filesystem::exists(out), "reading makes no files");
  return 0;
}
