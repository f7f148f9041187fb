// Python's pickles, read as data: a pickle is a program for a small machine with a stack, which may call
// anything. Here nothing is called: a call is kept as what it is, its function's name and its arguments, for
// the reader to make sense of, and a name that the reader does not expect is refused (format: Python's
// pickletools).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace saccade::nn {

class Pickle {
 public:
  using Id = std::uint32_t;  // of a value
  enum class Kind { none, boolean, integer, real, text, bytes, tuple, list, dict, global, call, persistent };
  struct Value {
    Kind kind = Kind::none;
    std::int64_t integer = 0;  // of a boolean too
    double real = 0;
    std::string text = {};       // of bytes too; of a global "module.name", and so of a call
    std::vector<Id> items = {};  // of a tuple or list; of a dict keys and values in turn; of a call the tuple
                                 // of its arguments; of a persistent id what it consists of
  };

  /// `source` names the pickle in messages, `allowed` the globals that it may name
  /// ("collections.OrderedDict"). FormatError for anything else, and for what is truncated, over kMaxBytes or
  /// deeper than kMaxStack, or does what data does not need. Memory is bounded by the pickle's size: what is
  /// used again is not copied. A list may be in itself: who walks over values bounds their depth and number.
  Pickle(std::string_view bytes, const std::string& source, const std::set<std::string>& allowed);

  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20, kMaxStack = 20'000;

  Id root() const { return root_; }
  const Value& operator[](Id id) const { return values_[id]; }
  /// The values of a tuple, or the arguments of a call, if there are at least so many; else null.
  const std::vector<Id>* tuple(Id id, std::size_t at_least) const;

 private:
  std::vector<Value> values_;
  Id root_ = 0;
};

}  // namespace saccade::nn
