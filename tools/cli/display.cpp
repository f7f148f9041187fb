#include "tools/cli/display.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "tools/cli/text.h"

namespace saccade::tools {

namespace {

using Fields = std::vector<std::string>;

// Fields are empty while their value is not known.
std::string field(const char* label, const std::optional<double>& value, fmt::string_view format) {
  return value ? fmt::format("{} {}", label, fmt::format(fmt::runtime(format), *value)) : "";
}
std::string rate_field(const std::optional<double>& rate, const char* unit) {
  return rate ? fmt::format("{} {}", compact(*rate), unit) : "";
}
std::string time_field(const std::optional<double>& seconds, const char* unit) {
  return seconds ? duration(*seconds) + unit : "";
}

Fields full_fields(const Progress& p) {
  return {fmt::format("{} {:>{}}/{}", p.name, p.step, fmt::formatted_size("{}", p.steps), p.steps),
          fmt::format("episode {}", p.episodes),
          field("return", p.ret, "{:.1f}"),
          field("alpha", p.alpha, "{:.3g}"),
          field("entropy", p.entropy, "{:.2f}"),
          rate_field(p.steps_per_second, "steps/s"),
          rate_field(p.updates_per_second, "updates/s"),
          time_field(p.seconds_left, " left")};
}

Fields short_fields(const Progress& p) {
  const std::string steps =
      p.steps < 100'000 ? fmt::format("{:>{}}/{}", p.step, fmt::formatted_size("{}", p.steps), p.steps)
                        : fmt::format("{:>5}/{}", compact(static_cast<double>(p.step)),
                                      compact(static_cast<double>(p.steps)));
  return {steps,
          fmt::format("ep {}", p.episodes),
          field("return", p.ret, "{:.0f}"),
          field("alpha", p.alpha, "{:.2g}"),
          field("H", p.entropy, "{:.1f}"),
          rate_field(p.steps_per_second, "st/s"),
          rate_field(p.updates_per_second, "up/s"),
          time_field(p.seconds_left, "")};
}

// The fields to show, the first of them that of the steps, and what goes between them. Empty ones are left
// out.
struct Layout {
  Fields fields;
  std::string gap;
  std::string line() const {
    Fields shown = fields;
    std::erase(shown, "");
    return join(shown, gap);
  }
};

Layout lay_out(const Progress& p, std::size_t width) {
  Layout layout = {full_fields(p), "  "};
  const auto fits = [&] { return columns(layout.line()) <= width; };
  if (fits()) return layout;
  layout.fields = short_fields(p);
  if (fits()) return layout;
  layout.gap = " ";
  if (fits()) return layout;
  layout.gap = "  ";
  for (const std::size_t least_important : {6, 4, 3, 5, 1, 7, 2}) {
    layout.fields[least_important].clear();
    if (fits()) return layout;
  }
  layout.fields[0].resize(std::min(layout.fields[0].size(), width));
  return layout;
}

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kColumns;
  return size.ws_col;
}

}  // namespace

std::string progress_line(const Progress& progress, std::size_t width) {
  return lay_out(progress, width).line();
}

std::string progress_bar_line(const Progress& progress, std::size_t width) {
  Layout layout = lay_out(progress, std::max<std::size_t>(width, 3) - 2);
  const std::string field = " " + layout.fields[0] + " ";
  const double done =
      static_cast<double>(progress.step) / static_cast<double>(std::max<std::int64_t>(1, progress.steps));
  const auto reversed =
      static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * static_cast<double>(field.size()));
  layout.fields[0] = fmt::format("\x1b[7m{}\x1b[0m{}", field.substr(0, reversed), field.substr(reversed));
  return layout.line();
}

std::string evaluation_line(std::int64_t step, std::int64_t steps, const rl::Evaluation& e) {
  return fmt::format("step {:>{}}   evaluation {:>9.2f} ± {:<7.2f}  min {:.1f}, max {:.1f}{}", step,
                     fmt::formatted_size("{}", steps), e.mean(), e.std(), e.min(), e.max(),
                     e.divergences > 0 ? fmt::format(", {} diverged", e.divergences) : "");
}

void Rates::add(double seconds, std::int64_t step, std::int64_t updates) {
  constexpr double kWindow = 5, kLeast = 0.05;
  if (!samples_.empty() && seconds < samples_.back().seconds + kLeast) return;
  // Steps before the first update are far faster than those to come.
  if (!samples_.empty() && samples_.back().updates == 0 && updates > 0) samples_.clear();
  while (samples_.size() > 1 && samples_[1].seconds < seconds - kWindow) samples_.pop_front();
  samples_.push_back({seconds, step, updates});
}

std::optional<double> Rates::rate(std::int64_t Sample::*count) const {
  if (samples_.size() < 2) return std::nullopt;
  const Sample &first = samples_.front(), &last = samples_.back();
  return static_cast<double>(last.*count - first.*count) / (last.seconds - first.seconds);
}

Display::Mode Display::best_mode() {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb" || *term == '\0';
  return isatty(STDOUT_FILENO) && !dumb ? Mode::live : Mode::plain;
}

bool Display::due(std::int64_t step, std::int64_t steps) const {
  using std::chrono::milliseconds;
  if (mode_ == Mode::silent) return false;
  const auto since = Clock::now() - last_;
  if (mode_ == Mode::live) return since >= milliseconds(100);
  return since >= milliseconds(10'000) || step - last_step_ >= std::max<std::int64_t>(1, steps / 10);
}

void Display::update(const Progress& progress) {
  if (mode_ == Mode::live) {
    line_ = progress_bar_line(progress, terminal_width() - 1);
    fmt::print("\r\x1b[K{}", line_);
  } else if (mode_ == Mode::plain) {
    fmt::print("{}\n", progress_line(progress, kColumns));
  }
  std::fflush(stdout);
  last_ = Clock::now();
  last_step_ = progress.step;
}

void Display::message(const std::string& line, std::int64_t step) {
  if (mode_ == Mode::silent) return;
  const std::string below = line_;
  clear();
  fmt::print("{}\n{}", line, below);
  line_ = below;
  std::fflush(stdout);
  last_ = Clock::now();
  last_step_ = step;
}

void Display::clear() {
  if (line_.empty()) return;
  fmt::print("\r\x1b[K");
  std::fflush(stdout);
  line_.clear();
}

}  // namespace saccade::tools
