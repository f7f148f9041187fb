// How `--help` looks.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace saccade::tools {

/// Description, usage, arguments, options or commands, examples (the footer): in kColumns columns.
class Help : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace saccade::tools
