#include "tools/cli/display.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "tools/cli/output.h"
#include "tools/cli/text.h"

namespace saccade::cli {

namespace {

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

// Fields stand in the order in which they are shown; `importance` says which go first where room is short.
struct Field {
  std::string text;
  int importance;
};

std::vector<Field> full_fields(const Progress& p) {
  std::vector<Field> fields = {
      {fmt::format("{} {:>{}}/{}", printable(p.name), p.step, fmt::formatted_size("{}", p.steps), p.steps),
       9},
      {fmt::format("episode {}", p.episodes), 4},
      {field("return", p.ret, "{:.1f}"), 8}};
  for (const rl::Metric& metric : p.metrics) {
    if (metric.live != nullptr) fields.push_back({field(metric.name, metric.value, "{:.3g}"), 2});
  }
  fields.push_back({rate_field(p.steps_per_second, "steps/s"), 5});
  fields.push_back({rate_field(p.updates_per_second, "updates/s"), 1});
  fields.push_back({time_field(p.seconds_left, " left"), 7});
  return fields;
}

std::vector<Field> short_fields(const Progress& p) {
  const std::string steps =
      p.steps < 100'000 ? fmt::format("{:>{}}/{}", p.step, fmt::formatted_size("{}", p.steps), p.steps)
                        : fmt::format("{:>5}/{}", compact(static_cast<double>(p.step)),
                                      compact(static_cast<double>(p.steps)));
  std::vector<Field> fields = {
      {steps, 9}, {fmt::format("ep {}", p.episodes), 4}, {field("return", p.ret, "{:.0f}"), 8}};
  for (const rl::Metric& metric : p.metrics) {
    if (metric.live != nullptr) fields.push_back({field(metric.live, metric.value, "{:.2g}"), 2});
  }
  fields.push_back({rate_field(p.steps_per_second, "st/s"), 5});
  fields.push_back({rate_field(p.updates_per_second, "up/s"), 1});
  fields.push_back({time_field(p.seconds_left, ""), 7});
  return fields;
}

// The fields to show, the first of them that of the steps, and what goes between them. Empty ones are left
// out.
struct Layout {
  std::vector<Field> fields;
  std::string gap;
  std::string line() const {
    std::vector<std::string> shown;
    for (const Field& field : fields) {
      if (!field.text.empty()) shown.push_back(field.text);
    }
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
  while (layout.fields.size() > 1) {  // the least important goes, of equals the last
    const auto expendable =
        std::min_element(layout.fields.rbegin(), layout.fields.rend(),
                         [](const Field& a, const Field& b) { return a.importance < b.importance; });
    layout.fields.erase(std::next(expendable).base());
    if (fits()) return layout;
  }
  layout.fields[0].text.resize(std::min(layout.fields[0].text.size(), width));
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
  const std::string field = " " + layout.fields[0].text + " ";
  const double done =
      static_cast<double>(progress.step) / static_cast<double>(std::max<std::int64_t>(1, progress.steps));
  const auto reversed =
      static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * static_cast<double>(field.size()));
  layout.fields[0].text =
      fmt::format("\x1b[7m{}\x1b[0m{}", field.substr(0, reversed), field.substr(reversed));
  return layout.line();
}

std::string evaluation_line(std::int64_t step, std::int64_t steps, const rl::Evaluation& e) {
  return fmt::format("step {:>{}}   evaluation {:>9.2f} ± {:<7.2f}  min {:.1f}, max {:.1f}{}", step,
                     fmt::formatted_size("{}", steps), e.mean(), e.std(), e.min(), e.max(),
                     e.divergences > 0 ? fmt::format(", {} diverged", e.divergences) : "");
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
    out("\r\x1b[K{}", line_);
  } else if (mode_ == Mode::plain) {
    out("{}\n", progress_line(progress, kColumns));
  }
  flush_out();
  last_ = Clock::now();
  last_step_ = progress.step;
}

void Display::message(const std::string& line, std::int64_t step) {
  if (mode_ == Mode::silent) return;
  const std::string below = line_;
  clear();
  out("{}\n{}", printable(line), below);
  line_ = below;
  flush_out();
  last_ = Clock::now();
  last_step_ = step;
}

void Display::clear() {
  if (line_.empty()) return;
  out("\r\x1b[K");
  flush_out();
  line_.clear();
}

}  // namespace saccade::cli
