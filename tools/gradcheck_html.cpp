#include "tools/gradcheck_html.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tools/gradcheck_log_prob.h"
#include "tools/versions.h"

namespace saccade::tools {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

[[noreturn]] void fail(const std::string& path, const std::string& reason) {
  throw FormatError(fmt::format("{}: the page cannot be written: {}", path, reason));
}

// What a link leads to, so that the link stays. Devices and folders cannot be replaced.
std::string target(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return path;
  if (!fs::is_regular_file(status)) fail(path, "it is there already and not a file");
  return fs::is_symlink(path, error) ? fs::canonical(path, error).string() : path;
}

std::string fresh(const std::string& path) { return path + ".new"; }

void write(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return;
  const int reason = errno;
  std::error_code ignored;
  fs::remove(path, ignored);
  fail(path.substr(0, path.size() - fresh("").size()), std::strerror(reason));
}

// Errors that are not finite become null.
Json to_json(const Row& row) {
  Json variants = Json::array();
  for (const Variant& v : row.variants) {
    Json errors = Json::array();
    for (const double error : {v.relative[0], v.relative[1], v.f32}) {
      errors.push_back(error < 0 ? Json(-1) : Json(error));
    }
    variants.push_back({{"name", v.name}, {"elements", v.elements}, {"errors", errors}});
    if (!v.passed()) variants.back()["failures"] = v.failures;
  }
  return {{"group", row.group},
          {"name", row.name},
          {"formula", std::string(formula(row.name))},
          {"f32_limit", row.f32_limit},
          {"variants", std::move(variants)}};
}

Json log_prob_json() {
  const LogProbErrors errors = log_prob_errors();
  Json curves = Json::array();
  for (const LogProbErrors::Curve& curve : errors.curves) {
    curves.push_back(
        {{"form", curve.form}, {"dtype", curve.dtype}, {"value", curve.value}, {"gradient", curve.gradient}});
  }
  return {{"u", errors.u}, {"curves", std::move(curves)}};
}

Json page_data(const std::vector<Row>& rows, const PageInfo& info) {
  Json list = Json::array();
  for (const Row& row : rows) list.push_back(to_json(row));
  return {{"build", build_info()},
          {"date", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)))},
          {"filter", info.filter},
          {"order", info.order},
          {"seconds", info.seconds},
          {"rows", std::move(list)},
          {"log_prob", log_prob_json()}};
}

// As JSON that no name in it can end the <script> element of.
std::string embedded(const Json& json) {
  std::string text;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    c == '<' ? text += "\\u003c" : text += c;
  }
  return text;
}

}  // namespace

void check_writable(const std::string& path) {
  const std::string trial = fresh(target(path));
  write(trial, "");
  std::error_code ignored;
  fs::remove(trial, ignored);
}

void write_page(const std::string& path, const std::vector<Row>& rows, const PageInfo& info) {
  const std::string file = target(path);
  write(fresh(file), kPageHead + embedded(page_data(rows, info)) + kPageTail + kPageScript +
                         "</script>\n</body>\n</html>\n");
  std::error_code error, ignored;
  fs::rename(fresh(file), file, error);
  if (!error) return;
  fs::remove(fresh(file), ignored);
  fail(path, error.message());
}

}  // namespace saccade::tools
