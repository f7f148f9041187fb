#include "nn/formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "autograd/ops.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"

namespace saccade::nn::safetensors {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLengthBytes = 8;
constexpr std::int64_t kMaxHeader = 100'000'000;
constexpr int kDeepest = 3;  // {name: {"shape": [n]}}
constexpr const char* kMetadata = "__metadata__";

std::int64_t bytes_of(const Tensor& x) { return x.numel() * element_size(x.dtype()); }

const char* dtype_name(DType dtype) {
  return dtype == DType::f32 ? "F32" : dtype == DType::f64 ? "F64" : "I64";
}

// ---- writing ----

// The tensors in the order of their data: those of 8 bytes first, so that every element is aligned.
NamedTensors by_alignment(NamedTensors tensors) {
  std::stable_partition(tensors.begin(), tensors.end(),
                        [](const NamedTensor& x) { return x.tensor.dtype() != DType::f32; });
  return tensors;
}

void check_names(const std::string& path, const NamedTensors& tensors) {
  std::set<std::string> names;
  for (const auto& [name, x] : tensors) {
    if (!x.defined()) throw ShapeError(fmt::format("{}: tensor '{}' is undefined", path, name));
    if (name == kMetadata) throw FormatError(fmt::format("{}: the name '{}' is reserved", path, name));
    if (!names.insert(name).second)
      throw FormatError(fmt::format("{}: tensor '{}' is given twice", path, name));
  }
}

std::string header_of(const std::string& path, const NamedTensors& tensors, const Metadata& metadata) {
  std::map<std::string, std::int64_t> offsets;
  std::int64_t offset = 0;
  for (const auto& [name, x] : by_alignment(tensors)) {
    offsets[name] = offset;
    offset += bytes_of(x);
  }
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  for (const auto& [name, x] : tensors) {
    header[name] = {{"dtype", dtype_name(x.dtype())},
                    {"shape", std::vector<std::int64_t>(x.shape().begin(), x.shape().end())},
                    {"data_offsets", {offsets[name], offsets[name] + bytes_of(x)}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("{}: a name or the metadata is not text: {}", path, error.what()));
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// ---- reading ----

// The file of this path, and how to say that it is wrong.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);  // an error for what is no regular file
    if (error) fail("cannot be read: {}", error.message());
    file_.open(path, std::ios::binary);  // only now: opening a pipe would wait for a writer
    if (!file_) fail("cannot be opened: {}", std::strerror(errno));
    size_ = static_cast<std::int64_t>(size);
  }
  std::int64_t size() const { return size_; }
  void read(std::int64_t at, std::int64_t bytes, void* into) {
    file_.seekg(at);
    if (!file_.read(static_cast<char*>(into), bytes)) fail("reading {} bytes at {} failed", bytes, at);
  }
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> message, Args&&... args) const {
    throw FormatError(fmt::format("{}: {}", path_, fmt::format(message, std::forward<Args>(args)...)));
  }

 private:
  std::string path_;
  std::ifstream file_;
  std::int64_t size_ = 0;
};

Json read_header(Reader& file, const std::string& path, std::int64_t& data_start) {
  if (file.size() < kLengthBytes) {
    file.fail("the file has {} bytes, expected at least the {} of the header's length", file.size(),
              kLengthBytes);
  }
  std::uint64_t length = 0;
  file.read(0, kLengthBytes, &length);
  if (length > kMaxHeader) {
    file.fail("the header's length is {}, expected at most {}", length, kMaxHeader);
  }
  data_start = kLengthBytes + static_cast<std::int64_t>(length);
  if (data_start > file.size()) {
    file.fail("the header's length is {}, but {} bytes follow", length, file.size() - kLengthBytes);
  }
  std::string text(length, '\0');
  file.read(kLengthBytes, static_cast<std::int64_t>(length), text.data());
  Json header = parse_json(text, path + ": the header", {.max_bytes = kMaxHeader, .max_depth = kDeepest});
  if (!header.is_object()) file.fail("the header is {}, expected an object", header.type_name());
  return header;
}

Metadata read_metadata(const Reader& file, const Json& entry) {
  if (!entry.is_object()) file.fail("{} is {}, expected an object", kMetadata, entry.type_name());
  Metadata metadata;
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) file.fail("{}: '{}' is {}, expected a string", kMetadata, key, shown(value));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// One tensor's entry in the header. Offsets are in bytes from the start of the data.
struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  std::int64_t begin, end;
};

bool is_list_of_sizes(const Json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& element) {
           return element.is_number_unsigned() && element.get<std::uint64_t>() <= INT64_MAX;
         });
}

Entry read_entry(const Reader& file, const std::string& name, const Json& json) {
  const bool has_keys = json.is_object() && json.size() == 3 && json.contains("dtype") &&
                        json.contains("shape") && json.contains("data_offsets");
  if (!has_keys) {
    file.fail("tensor '{}' is {}, expected an object with dtype, shape and data_offsets", name, shown(json));
  }
  const Json &dtype = json["dtype"], &shape = json["shape"], &offsets = json["data_offsets"];
  if (dtype != "F32" && dtype != "F64" && dtype != "I64") {
    file.fail("tensor '{}': the dtype is {}, expected \"F32\", \"F64\" or \"I64\"", name, shown(dtype));
  }
  if (!is_list_of_sizes(shape) || shape.size() > kMaxDim) {
    file.fail("tensor '{}': the shape is {}, expected at most {} sizes", name, shown(shape), kMaxDim);
  }
  if (!is_list_of_sizes(offsets) || offsets.size() != 2 || offsets[0] > offsets[1]) {
    file.fail("tensor '{}': the data_offsets are {}, expected [begin, end]", name, shown(offsets));
  }
  Entry entry = {name,
                 dtype == "F32"   ? DType::f32
                 : dtype == "F64" ? DType::f64
                                  : DType::i64,
                 {},
                 offsets[0],
                 offsets[1]};
  std::int64_t bytes = element_size(entry.dtype);
  bool fits = true;
  for (const std::int64_t n : shape.get<std::vector<std::int64_t>>()) {
    entry.shape.push_back(n);
    fits = !__builtin_mul_overflow(bytes, n, &bytes) && fits;
  }
  if (!fits || bytes != entry.end - entry.begin) {
    file.fail("tensor '{}': the data_offsets {} span {} bytes, but shape {} of {} has {}", name,
              shown(offsets), entry.end - entry.begin, entry.shape.str(), dtype_name(entry.dtype),
              fits ? std::to_string(bytes) : "more than any file");
  }
  return entry;
}

// Throws unless the tensors cover the data, from the first byte to the last, once.
void check_cover(const Reader& file, std::vector<Entry> entries, std::int64_t data_bytes) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::int64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != covered) {
      file.fail("tensor '{}' starts at {} of the data, expected {}, where the one before it ends", entry.name,
                entry.begin, covered);
    }
    covered = entry.end;
  }
  if (covered != data_bytes) {
    file.fail("the file has {} bytes of data, expected the {} that the tensors take", data_bytes, covered);
  }
}

}  // namespace

void save(const std::string& path, const NamedTensors& tensors, const Metadata& metadata) {
  check_names(path, tensors);
  const std::string header = header_of(path, tensors, metadata);
  const std::uint64_t length = header.size();
  ReplacementFile file(path);
  file.write({reinterpret_cast<const char*>(&length), static_cast<std::size_t>(kLengthBytes)});
  file.write(header);
  for (const auto& [name, x] : by_alignment(tensors)) {
    const Tensor row_major = contiguous(x.detach());
    file.write({static_cast<const char*>(row_major.raw()), static_cast<std::size_t>(bytes_of(x))});
  }
  file.commit();
}

Contents load(const std::string& path, std::int64_t max_bytes) {
  Reader file(path);
  if (file.size() > max_bytes) file.fail("has {} bytes, expected at most {}", file.size(), max_bytes);
  std::int64_t data_start = 0;
  const Json header = read_header(file, path, data_start);
  Contents contents;
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == kMetadata) {
      contents.metadata = read_metadata(file, json);
    } else {
      entries.push_back(read_entry(file, name, json));
    }
  }
  check_cover(file, entries, file.size() - data_start);
  for (const Entry& entry : entries) {
    const Tensor x = empty(entry.shape, entry.dtype);
    file.read(data_start + entry.begin, bytes_of(x), x.raw());
    contents.tensors.push_back({entry.name, x});
  }
  return contents;
}

}  // namespace saccade::nn::safetensors
