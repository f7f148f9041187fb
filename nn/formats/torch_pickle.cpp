#include "nn/formats/torch_pickle.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "base/error.h"
#include "base/text.h"
#include "nn/formats/pickle.h"
#include "nn/formats/zip.h"

namespace saccade::nn::torch_pickle {

namespace {

static_assert(std::endian::native == std::endian::little, "storages are little-endian");

using Kind = Pickle::Kind;
using Value = Pickle::Value;
using Id = Pickle::Id;

constexpr const char *kTensor = "torch._utils._rebuild_tensor_v2",
                     *kParameter = "torch._utils._rebuild_parameter";
constexpr int kDeepest = 8;
constexpr std::size_t kMostLeaves = 100'000, kLongestName = 1000;

const std::map<std::string, DType> kStorages = {{"torch.FloatStorage", DType::f32},
                                                {"torch.DoubleStorage", DType::f64},
                                                {"torch.LongStorage", DType::i64}};

const std::set<std::string>& allowed() {
  static const std::set<std::string> names = [] {
    std::set<std::string> all = {"collections.OrderedDict", kTensor, kParameter};
    for (const auto& [name, dtype] : kStorages) all.insert(name);
    return all;
  }();
  return names;
}

// The folder within the archive, which has the name of the file that torch wrote first.
std::string root_of(const ZipArchive& archive) {
  constexpr std::string_view kPickle = "/data.pkl";
  for (const auto& [name, bytes] : archive.members()) {
    if (name.ends_with(kPickle)) return name.substr(0, name.size() - kPickle.size() + 1);
  }
  throw FormatError(fmt::format("{}: is no file of torch.save(): it has no data.pkl", archive.source()));
}

class File {
 public:
  File(std::string_view bytes, const std::string& source)
      : archive_(bytes, source),
        root_(root_of(archive_)),
        bytes_left_(bytes.size()),
        pickle_(archive_.member(root_ + "data.pkl"), source, allowed()) {
    const std::string order = root_ + "byteorder";
    if (archive_.has(order) && archive_.member(order) != "little")
      fail("byteorder is {}, expected little", printable(archive_.member(order)));
  }

  NamedTensors leaves() {
    add("", pickle_.root(), 0);
    return std::move(leaves_);
  }

 private:
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> message, Args&&... args) const {
    throw FormatError(
        fmt::format("{}: {}", archive_.source(), fmt::format(message, std::forward<Args>(args)...)));
  }

  void add(const std::string& name, Id id, int depth) {
    const Value& value = pickle_[id];
    if (depth > kDeepest) fail("'{}' is nested too deep, over {} levels", printable(name), kDeepest);
    if (++visited_ > kMostLeaves) fail("has over {} values", kMostLeaves);
    if (name.size() > kLongestName) fail("has a name of over {} bytes", kLongestName);
    const std::string prefix = name.empty() ? "" : name + ".";
    switch (value.kind) {
      case Kind::none:
      case Kind::text:
        return;
      case Kind::boolean:
      case Kind::integer:
        return keep(name, scalar(static_cast<double>(value.integer), DType::f64));
      case Kind::real:
        return keep(name, scalar(value.real, DType::f64));
      case Kind::list:
      case Kind::tuple:
        for (std::size_t i = 0; i < value.items.size(); ++i)
          add(prefix + std::to_string(i), value.items[i], depth + 1);
        return;
      case Kind::dict:
        for (std::size_t i = 0; i < value.items.size(); i += 2)
          add(prefix + key(value.items[i], name), value.items[i + 1], depth + 1);
        return;
      case Kind::call:
        return keep(name, called(name, id));
      default:
        fail("'{}' is neither tensor, number, dict nor list", printable(name));
    }
  }

  void keep(const std::string& name, const Tensor& tensor) {
    if (!names_.insert(name).second) fail("has '{}' twice", printable(name));
    leaves_.push_back({name, tensor});
  }

  std::string key(Id id, const std::string& of) const {
    const Value& value = pickle_[id];
    if (value.kind == Kind::text) return value.text;
    if (value.kind != Kind::integer) fail("'{}' has a key that is neither text nor integer", printable(of));
    return std::to_string(value.integer);
  }

  // _rebuild_parameter(tensor, ...) or _rebuild_tensor_v2(storage, offset, size, stride, ...)
  Tensor called(const std::string& name, Id id) {
    if (pickle_[id].text == kParameter) {
      const std::vector<Id>* arguments = pickle_.tuple(id, 1);
      if (arguments == nullptr || pickle_[arguments->front()].text != kTensor)
        fail("'{}' is a parameter of what is no tensor", printable(name));
      return called(name, arguments->front());
    }
    const std::vector<Id>* arguments = pickle_.tuple(id, 4);
    if (pickle_[id].text != kTensor || arguments == nullptr) fail("'{}' is no tensor", printable(name));
    const std::int64_t offset = count(name, (*arguments)[1]);
    const std::vector<std::int64_t> size = counts(name, (*arguments)[2]),
                                    stride = counts(name, (*arguments)[3]);
    if (size.size() != stride.size() || size.size() > kMaxDim)
      fail("'{}' has {} sizes and {} strides, expected as many, at most {}", printable(name), size.size(),
           stride.size(), kMaxDim);
    return elements(name, (*arguments)[0], offset, size, stride);
  }

  std::int64_t count(const std::string& name, Id id) const {
    const Value& value = pickle_[id];
    if (value.kind != Kind::integer || value.integer < 0)
      fail("'{}' has an offset, size or stride that is no count", printable(name));
    return value.integer;
  }
  std::vector<std::int64_t> counts(const std::string& name, Id id) const {
    const std::vector<Id>* items = pickle_[id].kind == Kind::tuple ? pickle_.tuple(id, 0) : nullptr;
    if (items == nullptr || items->size() > kMaxDim)
      fail("'{}' has sizes or strides that are no tuple of at most {}", printable(name), kMaxDim);
    std::vector<std::int64_t> result;
    for (const Id item : *items) result.push_back(count(name, item));
    return result;
  }

  struct Storage {
    DType dtype;
    std::string_view bytes;
  };
  // Of ("storage", class, number, device, elements).
  Storage storage_of(const std::string& name, Id id) {
    const Value& persistent = pickle_[id];
    const std::vector<Id>* parts =
        persistent.kind == Kind::persistent ? pickle_.tuple(persistent.items[0], 3) : nullptr;
    const auto dtype = parts == nullptr ? kStorages.end() : kStorages.find(pickle_[(*parts)[1]].text);
    if (parts == nullptr || pickle_[(*parts)[1]].kind != Kind::global || dtype == kStorages.end() ||
        pickle_[(*parts)[2]].kind != Kind::text)
      fail("'{}' has no storage of f32, f64 or i64", printable(name));
    const std::string& number = pickle_[(*parts)[2]].text;
    auto known = storages_.find(number);  // so that its sum is taken once
    if (known == storages_.end())
      known = storages_.emplace(number, archive_.member(root_ + "data/" + number)).first;
    return {dtype->second, known->second};
  }

  Tensor elements(const std::string& name, Id storage_id, std::int64_t offset,
                  const std::vector<std::int64_t>& size, std::vector<std::int64_t> stride) {
    const Storage storage = storage_of(name, storage_id);
    const auto width = static_cast<std::int64_t>(element_size(storage.dtype));
    std::int64_t numel = 1, last = offset;  // the number of elements; the last that is read
    bool fits = true;
    for (std::size_t i = 0; i < size.size(); ++i) {
      if (size[i] == 0) fail("'{}' has no elements", printable(name));
      if (size[i] == 1) stride[i] = 0;  // any number may stand there
      std::int64_t step = 0;
      fits = fits && !__builtin_mul_overflow(numel, size[i], &numel);
      fits = fits && !__builtin_mul_overflow(size[i] - 1, stride[i], &step) &&
             !__builtin_add_overflow(last, step, &last);
    }
    const auto there = static_cast<std::int64_t>(storage.bytes.size()) / width;
    if (!fits || last >= there)
      fail("'{}' has elements beyond the {} of its storage", printable(name), there);
    // Strides of 0, or one storage for many tensors, might ask for more than there is memory.
    if (numel > static_cast<std::int64_t>(bytes_left_) / width)
      fail("its tensors take more bytes than it has, at '{}'", printable(name));
    bytes_left_ -= static_cast<std::size_t>(numel * width);
    Shape shape;
    for (const std::int64_t n : size) shape.push_back(n);
    const Tensor result = empty(shape, storage.dtype);
    char* to = static_cast<char*>(result.raw());
    std::vector<std::int64_t> index(size.size());
    std::int64_t at = offset;
    for (std::int64_t i = 0; i < numel; ++i) {
      std::memcpy(to + i * width, storage.bytes.data() + at * width, static_cast<std::size_t>(width));
      for (std::size_t d = size.size(); d-- > 0;) {  // as an odometer counts
        at += stride[d];
        if (++index[d] < size[d]) break;
        at -= stride[d] * size[d];
        index[d] = 0;
      }
    }
    return result;
  }

  ZipArchive archive_;
  std::string root_;
  std::size_t bytes_left_;
  Pickle pickle_;
  std::map<std::string, std::string_view> storages_;
  std::size_t visited_ = 0;
  std::set<std::string> names_;
  NamedTensors leaves_;
};

}  // namespace

NamedTensors load(std::string_view bytes, const std::string& source) { return File(bytes, source).leaves(); }

}  // namespace saccade::nn::torch_pickle
