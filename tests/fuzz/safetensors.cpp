// Any bytes as a safetensors file: it is loaded or refused by FormatError; what was loaded can be saved and
// loaded again.
#include "nn/formats/safetensors.h"

#include "base/error.h"
#include "tests/fuzz/fuzz.h"

using namespace saccade;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path = fuzz::write_scratch("a.safetensors", fuzz::text_of(data, size));
  try {
    const nn::safetensors::Contents loaded = nn::safetensors::load(path);
    const std::string copy = fuzz::scratch() + "/b.safetensors";
    nn::safetensors::save(copy, loaded.tensors, loaded.metadata);
    const nn::safetensors::Contents again = nn::safetensors::load(copy);
    fuzz::check(again.tensors.size() == loaded.tensors.size(), "a file that was loaded is saved whole");
    fuzz::check(again.metadata == loaded.metadata, "metadata is saved whole");
  } catch (const FormatError&) {
  }
  return 0;
}
