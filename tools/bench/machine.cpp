#include "tools/bench/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "rl/runs/build_info.h"

namespace saccade::bench {

namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown";
}

}  // namespace

nlohmann::ordered_json machine() {
  const nlohmann::ordered_json build = rl::build_info();
  return {{"cpu", cpu_model()},
          {"cores", std::thread::hardware_concurrency()},
          {"instruction_set", build.at("instruction_set")},
          {"threads", build.at("threads")},
          {"saccade", build.at("saccade")},
          {"compiler", build.at("compiler")}};
}

std::string machine_line() {
  const nlohmann::ordered_json m = machine();
  return fmt::format("saccade {}, {}, {} cores, {}", m.at("saccade").get<std::string>(),
                     m.at("instruction_set").get<std::string>(), m.at("cores").get<unsigned>(),
                     m.at("cpu").get<std::string>())
      .substr(0, 80);
}

std::string time_text(double seconds) {
  static constexpr struct {
    double unit;
    const char* name;
  } units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  for (const auto& [unit, name] : units) {
    const double scaled = seconds / unit;
    if (scaled < 0.9995 && unit > 1e-9) continue;
    return fmt::format("{:.{}f} {:<2}", scaled, scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0, name);
  }
  return {};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace saccade::bench
