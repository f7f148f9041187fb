// How `--help` looks.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

namespace saccade::cli {

/// Description, usage, arguments, options or commands, examples (the footer): in kColumns columns. Texts are
/// written for a program called saccade; one of another name is called by that.
class Help : public CLI::FormatterBase {
 public:
  explicit Help(std::string program) : program_(std::move(program)) {}
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;

 private:
  std::string named(std::string text) const;
  std::string program_;
};

}  // namespace saccade::cli
