// The numbers that an update reports. Table columns, the live line and plots all follow from this list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace saccade::nn {
class Team;
}

namespace saccade::rl {

struct Metric {
  const char* name = "";        // a literal
  std::optional<double> value;  // none in an update that does not compute it, such as a delayed policy's loss
  const char* live = nullptr;   // what the live line calls it, if it has a place there
};

/// An ordered list, which lives inside the object: an update allocates nothing for it. An algorithm gives the
/// same names in the same order every time.
class Metrics {
 public:
  static constexpr std::size_t kMax = 24;

  Metrics() = default;
  /// Error for more than kMax.
  Metrics(std::initializer_list<Metric> metrics);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Metric* begin() const { return metrics_.data(); }
  const Metric* end() const { return metrics_.data() + size_; }
  /// Error, naming those there are, for a name that is none of them, or without a value.
  double operator[](std::string_view name) const;

  /// The means over the whole batch of a team, each of whose members reports those over its part. Collective.
  Metrics averaged(nn::Team& team) const;

 private:
  std::array<Metric, kMax> metrics_{};
  std::size_t size_ = 0;
};

/// Throws Error with all of them if one is NaN or infinite: the algorithm has diverged. In a team it raises
/// that as a doubt, and all members throw together where they next meet.
void check_finite(std::string_view algorithm, const Metrics& metrics);

/// The mean of each metric over the updates that computed it.
class MetricMeans {
 public:
  struct Entry {
    std::string name;
    double sum = 0;
    std::int64_t count = 0;
    /// None if no update did.
    std::optional<double> mean() const {
      return count == 0 ? std::nullopt : std::optional(sum / static_cast<double>(count));
    }
  };

  /// The first call sets the names; Error for other names later.
  void add(const Metrics& metrics);
  /// Forgets the values and keeps the names.
  void clear();

  const std::vector<Entry>& entries() const { return entries_; }
  void set_entries(std::vector<Entry> entries) { entries_ = std::move(entries); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace saccade::rl
