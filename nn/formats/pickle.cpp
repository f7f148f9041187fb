#include "nn/formats/pickle.h"

#include <fmt/format.h>

#include <bit>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace saccade::nn {

namespace {

using Kind = Pickle::Kind;
using Value = Pickle::Value;
using Id = Pickle::Id;

constexpr const char* kOrderedDict = "collections.OrderedDict";

class Machine {
 public:
  Machine(std::string_view bytes, const std::string& source, const std::set<std::string>& allowed,
          std::vector<Value>& values)
      : bytes_(bytes), source_(source), allowed_(allowed), values_(values) {}

  Id run() {
    for (;;) {
      const std::size_t at = at_;
      const auto op = static_cast<unsigned char>(take(1)[0]);
      if (op == '.') break;  // STOP
      step(op, at);
      if (stack_.size() > Pickle::kMaxStack) fail("nests too deep, over {} values", Pickle::kMaxStack);
    }
    if (stack_.size() != 1 || !marks_.empty()) fail("leaves {} values, expected one", stack_.size());
    return stack_[0];
  }

 private:
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> message, Args&&... args) const {
    throw FormatError(
        fmt::format("{}: the pickle {}", source_, fmt::format(message, std::forward<Args>(args)...)));
  }

  // ---- bytes ----

  std::string_view take(std::uint64_t n) {
    if (n > bytes_.size() - at_) fail("ends at byte {}, expected {} more", bytes_.size(), n);
    const std::string_view part = bytes_.substr(at_, static_cast<std::size_t>(n));
    at_ += static_cast<std::size_t>(n);
    return part;
  }
  std::uint64_t number(std::size_t width) {
    std::uint64_t n = 0;
    const std::string_view field = take(width);
    for (std::size_t i = 0; i < width; ++i)
      n |= std::uint64_t{static_cast<unsigned char>(field[i])} << (8 * i);
    return n;
  }
  // Two's complement, little-endian, of up to 8 bytes.
  std::int64_t integer(std::uint64_t width) {
    if (width > 8) fail("has an integer of {} bytes, expected at most 8", width);
    if (width == 0) return 0;
    const auto shift = static_cast<unsigned>(64 - 8 * width);
    return static_cast<std::int64_t>(number(static_cast<std::size_t>(width)) << shift) >> shift;
  }
  double real() {
    std::uint64_t bits = 0;  // big-endian
    for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
    return std::bit_cast<double>(bits);
  }
  std::string line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == bytes_.npos) fail("ends at byte {} in the midst of a name", bytes_.size());
    const std::string text(take(end - at_));
    take(1);
    return text;
  }

  // ---- the stack ----

  void push(Id id) { stack_.push_back(id); }
  void push(Value value) {
    values_.push_back(std::move(value));
    push(static_cast<Id>(values_.size() - 1));
  }
  std::size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }
  Id pop() {
    if (stack_.size() <= bottom()) fail("takes a value from an empty stack, at byte {}", at_);
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }
  Id top() const {
    if (stack_.size() <= bottom()) fail("looks at an empty stack, at byte {}", at_);
    return stack_.back();
  }
  std::vector<Id> pop_many(std::size_t n) {
    std::vector<Id> items(n);
    for (std::size_t i = n; i-- > 0;) items[i] = pop();
    return items;
  }
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) fail("lacks a mark, at byte {}", at_);
    std::vector<Id> items = pop_many(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::vector<Id> items) { push(Value{.kind = Kind::tuple, .items = std::move(items)}); }
  void push_text(std::uint64_t n) { push(Value{.kind = Kind::text, .text = std::string(take(n))}); }

  // ---- what is done with values ----

  void memoize(std::uint64_t place) { memo_[place] = top(); }
  void recall(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) fail("uses what it has not kept, {}, at byte {}", place, at_);
    push(found->second);
  }
  void extend(const std::vector<Id>& items, Kind kind) {
    Value& target = values_[top()];
    if (target.kind != kind || (kind == Kind::dict && items.size() % 2 != 0))
      fail("adds to what is no {}, at byte {}", kind == Kind::dict ? "dict" : "list", at_);
    target.items.insert(target.items.end(), items.begin(), items.end());
  }
  void push_global(const std::string& module, const std::string& name) {
    std::string full = module + "." + name;
    if (!allowed_.contains(full))
      fail("names {}, which files of this kind do not need; nothing is executed",
           printable(full.substr(0, 100)));
    push(Value{.kind = Kind::global, .text = std::move(full)});
  }
  void push_named_global() {
    const std::vector<Id> names = pop_many(2);
    for (const Id id : names) {
      if (values_[id].kind != Kind::text) fail("names a global by what is no text, at byte {}", at_);
    }
    push_global(values_[names[0]].text, values_[names[1]].text);
  }
  void call() {
    const Id arguments = pop(), callee = pop();
    if (values_[callee].kind != Kind::global || values_[arguments].kind != Kind::tuple)
      fail("calls what is no global with a tuple, at byte {}", at_);
    if (values_[callee].text == kOrderedDict) {
      if (!values_[arguments].items.empty())
        fail("makes an OrderedDict of arguments, expected none, at byte {}", at_);
      return push(Value{.kind = Kind::dict});
    }
    push(Value{.kind = Kind::call, .text = values_[callee].text, .items = {arguments}});
  }
  // An object's attributes: those of an OrderedDict, which modules keep versions in, say nothing of its
  // items.
  void build() {
    pop();
    if (values_[top()].kind != Kind::dict) fail("sets attributes of what is no OrderedDict, at byte {}", at_);
  }

  void step(unsigned char op, std::size_t at) {
    switch (op) {
      case 0x80:
        if (take(1)[0] > 5) fail("is of a protocol after 5");
        return;  // PROTO
      case 0x95:
        take(8);
        return;  // FRAME
      case '(':
        marks_.push_back(stack_.size());
        if (marks_.size() > Pickle::kMaxStack) fail("nests too deep");
        return;
      case 'N':
        return push(Value{});
      case 0x88:
        return push(Value{.kind = Kind::boolean, .integer = 1});
      case 0x89:
        return push(Value{.kind = Kind::boolean});
      case 'J':
        return push(Value{.kind = Kind::integer, .integer = integer(4)});
      case 'K':
        return push(Value{.kind = Kind::integer, .integer = static_cast<std::int64_t>(number(1))});
      case 'M':
        return push(Value{.kind = Kind::integer, .integer = static_cast<std::int64_t>(number(2))});
      case 0x8a:
        return push(Value{.kind = Kind::integer, .integer = integer(number(1))});  // LONG1
      case 'G':
        return push(Value{.kind = Kind::real, .real = real()});
      case 'X':
        return push_text(number(4));
      case 0x8c:
        return push_text(number(1));
      case 0x8d:
        return push_text(number(8));
      case 'C':
        return push(Value{.kind = Kind::bytes, .text = std::string(take(number(1)))});
      case 'B':
        return push(Value{.kind = Kind::bytes, .text = std::string(take(number(4)))});
      case '}':
        return push(Value{.kind = Kind::dict});
      case ']':
        return push(Value{.kind = Kind::list});
      case ')':
        return push_tuple({});
      case 't':
        return push_tuple(pop_to_mark());
      case 0x85:
        return push_tuple(pop_many(1));
      case 0x86:
        return push_tuple(pop_many(2));
      case 0x87:
        return push_tuple(pop_many(3));
      case 'a':
        return extend(pop_many(1), Kind::list);
      case 'e':
        return extend(pop_to_mark(), Kind::list);
      case 's':
        return extend(pop_many(2), Kind::dict);
      case 'u':
        return extend(pop_to_mark(), Kind::dict);
      case 'q':
        return memoize(number(1));
      case 'r':
        return memoize(number(4));
      case 0x94:
        return memoize(memo_.size());
      case 'h':
        return recall(number(1));
      case 'j':
        return recall(number(4));
      case 'c': {
        const std::string module = line();
        return push_global(module, line());
      }
      case 0x93:
        return push_named_global();
      case 'R':
      case 0x81:
        return call();  // REDUCE, NEWOBJ
      case 'b':
        return build();
      case 'Q':
        return push(Value{.kind = Kind::persistent, .items = pop_many(1)});
      default:
        fail("has the opcode 0x{:02x} at byte {}, which data does not need; nothing is executed", op, at);
    }
  }

  std::string_view bytes_;
  const std::string& source_;
  const std::set<std::string>& allowed_;
  std::vector<Value>& values_;
  std::size_t at_ = 0;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, Id> memo_;
};

}  // namespace

Pickle::Pickle(std::string_view bytes, const std::string& source, const std::set<std::string>& allowed) {
  if (bytes.size() > kMaxBytes)
    throw FormatError(
        fmt::format("{}: the pickle has {} bytes, expected at most {}", source, bytes.size(), kMaxBytes));
  root_ = Machine(bytes, source, allowed, values_).run();
}

const std::vector<Id>* Pickle::tuple(Id id, std::size_t at_least) const {
  const Value& value = values_[id];
  if (value.kind == Kind::call) return tuple(value.items[0], at_least);
  return value.kind == Kind::tuple && value.items.size() >= at_least ? &value.items : nullptr;
}

}  // namespace saccade::nn
