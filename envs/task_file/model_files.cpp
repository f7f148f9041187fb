#include "envs/task_file/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace saccade::envs {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostXml = std::int64_t{16} << 20, kMostBytes = std::int64_t{64} << 20;
constexpr std::size_t kMostFiles = 1000, kMostNames = 10'000;

// What an XML file says of other files.
struct Mentions {
  std::set<std::string> names;    // file="...", fileup="...", ...
  std::set<std::string> folders;  // meshdir, texturedir, assetdir
};

constexpr std::string_view kSpace = " \t\r\n";

std::string without_entities(std::string text) {
  constexpr std::pair<std::string_view, char> entities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
  for (const auto& [entity, character] : entities) {
    for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at) {
      text.replace(at, entity.size(), 1, character);
    }
  }
  return text;
}

// Where the piece of text ends that begins at `at` and runs up to `end`.
std::size_t past(std::string_view text, std::size_t at, std::string_view end) {
  const std::size_t found = text.find(end, at);
  return found == std::string_view::npos ? text.size() : found + end.size();
}

// Every attribute of every element; no more than that is understood of XML, and text that is none ends it.
template <class F>
void for_each_attribute(std::string_view text, const F& f) {
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string_view::npos;) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("<!--")) {
      at = past(text, at + 4, "-->");
    } else if (rest.starts_with("<![CDATA[")) {
      at = past(text, at, "]]>");
    } else if (rest.starts_with("<?") || rest.starts_with("<!") || rest.starts_with("</")) {
      at = past(text, at, ">");
    } else {
      at = text.find_first_of(" \t\r\n/>", at);  // past the element's name
      while (at < text.size()) {
        at = text.find_first_not_of(kSpace, at);
        if (at == std::string_view::npos || text[at] == '>' || text[at] == '/') break;
        const std::size_t name_end = text.find_first_of(" \t\r\n=", at);
        const std::size_t quote =
            name_end == std::string_view::npos ? name_end : text.find_first_of("\"'", name_end);
        if (quote == std::string_view::npos) return;
        const std::size_t end = text.find(text[quote], quote + 1);
        if (end == std::string_view::npos) return;
        f(text.substr(at, name_end - at),
          without_entities(std::string(text.substr(quote + 1, end - quote - 1))));
        at = end + 1;
      }
    }
  }
}

Mentions mentions_in(std::string_view text, const std::string& file) {
  Mentions mentions;
  for_each_attribute(text, [&](std::string_view attribute, const std::string& value) {
    const bool is_folder = attribute == "meshdir" || attribute == "texturedir" || attribute == "assetdir";
    if ((!is_folder && !attribute.starts_with("file")) || value.empty()) return;
    if (printable(value) != value)  // a name with a 0 in it would be another file's, and lead on for ever
      throw FormatError(
          fmt::format("{}: {} is \"{}\", which is no name of a file", file, attribute, printable(value)));
    if (fs::path(value).is_absolute()) {
      throw FormatError(
          fmt::format("{}: {} is \"{}\", but a run keeps a copy of what its model is made of: "
                      "expected a path that begins at the model",
                      file, attribute, printable(value)));
    }
    (is_folder ? mentions.folders : mentions.names).insert(value);
    if (mentions.names.size() + mentions.folders.size() > kMostNames) {
      throw FormatError(fmt::format("{}: names more than {} files", file, kMostNames));
    }
  });
  return mentions;
}

fs::path common_folder(const fs::path& a, const fs::path& b) {
  fs::path common;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end() && *i == *j; ++i, ++j) common /= *i;
  return common;
}

}  // namespace

bool ModelFiles::is_xml(const std::string& path) {
  const std::string extension = fs::path(path).extension().string();
  return extension == ".xml" || extension == ".mjcf" || extension == ".urdf";
}

ModelFiles read_model_files(const std::string& path) {
  const fs::path main = fs::absolute(path).lexically_normal();
  std::map<fs::path, std::string> found;
  Mentions all;
  std::vector<fs::path> unread = {main};
  std::int64_t bytes = 0;
  std::set<fs::path> read;  // models, by where links lead to: a folder within itself would have no end
  std::set<fs::path> folders = {main.parent_path()};  // that a name may begin in
  while (!unread.empty()) {
    for (const fs::path& file : std::exchange(unread, {})) {
      // The model as the user named it, what it names from the root.
      const std::string shown = file == main ? path : file.string();
      const bool is_model = file == main || ModelFiles::is_xml(file.string());
      std::string text = read_file(shown, is_model ? kMostXml : kMostBytes);
      bytes += static_cast<std::int64_t>(text.size());
      if (bytes > kMostBytes || found.size() >= kMostFiles) {
        throw FormatError(fmt::format("{}: is made of more than {} files or {} MB, the most that a run keeps",
                                      path, kMostFiles, kMostBytes >> 20));
      }
      std::error_code ignored;
      if (is_model && read.insert(fs::weakly_canonical(file, ignored)).second) {
        Mentions mentions = mentions_in(text, shown);
        all.names.merge(mentions.names);
        folders.insert(file.parent_path());
        for (const std::string& folder : mentions.folders)
          folders.insert((main.parent_path() / folder).lexically_normal());
      }
      found.emplace(file, std::move(text));
    }
    for (const fs::path& folder : folders) {
      for (const std::string& name : all.names) {
        // strippath, an attribute of the compiler, leaves the last part of a name.
        for (const fs::path& candidate : {folder / name, folder / fs::path(name).filename()}) {
          const fs::path file = candidate.lexically_normal();
          std::error_code ignored;
          if (found.contains(file) || std::count(unread.begin(), unread.end(), file) > 0) continue;
          if (fs::is_regular_file(file, ignored)) unread.push_back(file);
        }
      }
    }
  }
  fs::path root = main.parent_path();
  for (const auto& [file, text] : found) root = common_folder(root, file);
  ModelFiles files = {.main = main.lexically_relative(root).string(), .files = {}};
  for (auto& [file, text] : found)
    files.files.emplace(file.lexically_relative(root).string(), std::move(text));
  return files;
}

void check_model_files(const ModelFiles& files, const std::string& source) {
  if (!files.files.contains(files.main)) {
    throw FormatError(
        fmt::format("{}: the model \"{}\" is none of its files", source, printable(files.main)));
  }
  std::size_t bytes = 0;
  for (const auto& [path, text] : files.files) {
    const fs::path p(path);
    const bool is_inside =
        !path.empty() && p.is_relative() && path == p.lexically_normal().string() && *p.begin() != "..";
    if (!is_inside || printable(path) != path || path.size() > 500) {
      throw FormatError(fmt::format("{}: \"{}\" is no path of a model's file", source, printable(path)));
    }
    bytes += text.size();
    if (path == files.main || ModelFiles::is_xml(path)) mentions_in(text, source + ": " + path);
  }
  if (bytes > static_cast<std::size_t>(kMostBytes) || files.files.size() > kMostFiles) {
    throw FormatError(fmt::format("{}: its model is made of more than {} files or {} MB", source, kMostFiles,
                                  kMostBytes >> 20));
  }
}

}  // namespace saccade::envs
