// Any bytes as what an agent of Stable-Baselines3 is read from: it is read or refused by FormatError or
// ConfigError. The first byte says what the rest is: z an archive, p the pickle in one, d an edit of good
// settings, w one of the pickle with good weights.
#include "rl/runs/import_sb3.h"

#include "base/error.h"
#include "nn/formats/torch_pickle.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/zip_writer.h"

using namespace saccade;

namespace {

const std::string& good() {
  static const std::string file = fuzz::contents_of(SACCADE_REFERENCE_DIR "/sb3/sac.zip");
  return file;
}

std::string edited_member(const std::string& archive, const std::string& name, std::string_view edit) {
  return test::with_member(archive, name, [&](const std::string& text) { return fuzz::edited(text, edit); });
}

void read(const std::string& zip) { rl::read_sb3(fuzz::write_scratch("model.zip", zip), "Pendulum-v1"); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = fuzz::text_of(data + 1, size - 1);
  try {
    switch (data[0]) {
      case 'z':
        nn::torch_pickle::load(rest, "a.pth");
        break;
      case 'p':
        nn::torch_pickle::load(
            test::stored_zip({{"a/data.pkl", std::string(rest)}, {"a/data/0", std::string(64, '\1')}}),
            "a.pth");
        break;
      case 'd':
        read(edited_member(good(), "data", rest));
        break;
      case 'w':
        read(test::with_member(good(), "policy.pth", [&](const std::string& inner) {
          return edited_member(inner, "archive/data.pkl", rest);
        }));
        break;
      default:
        break;
    }
  } catch (const FormatError&) {
  } catch (const ConfigError&) {
  }
  return 0;
}
