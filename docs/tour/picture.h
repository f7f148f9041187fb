// Curves as an SVG file: what a chapter's program draws when it is given a file's name.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

class Picture {
 public:
  struct Axis {
    std::string label;
    double low, high;
  };

  Picture(const std::string& title, Axis x, Axis y) : x_(std::move(x)), y_(std::move(y)) {
    body_ += R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" font-family="sans-serif" )"
             R"(font-size="13"><rect width="640" height="400" fill="white"/>)";
    text(320, 22, title, "middle");
    text(320, 392, x_.label, "middle");
    text(60, 40, y_.label, "start");
    body_ += R"(<path d="M60,50V350H600" fill="none" stroke="black"/>)";
    text(60, 368, fmt::format("{:g}", x_.low), "middle");
    text(600, 368, fmt::format("{:g}", x_.high), "middle");
    text(54, 354, fmt::format("{:g}", y_.low), "end");
    text(54, 56, fmt::format("{:g}", y_.high), "end");
  }

  /// The points joined by a line; what leaves the frame is cut off at its edge.
  void curve(const std::vector<std::pair<double, double>>& points, const std::string& color,
             const std::string& label) {
    std::string path;
    for (const auto& [x, y] : points) {
      const double right = 60 + 540 * (x - x_.low) / (x_.high - x_.low);
      const double down = 350 - 300 * (std::min(std::max(y, y_.low), y_.high) - y_.low) / (y_.high - y_.low);
      path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "M" : "L", right, down);
    }
    body_ += fmt::format(
        "\n"
        R"(<path d="{}" fill="none" stroke="{}" stroke-width="2"/>)",
        path, color);
    body_ += fmt::format(
        "\n"
        R"(<text x="320" y="{}" text-anchor="middle" fill="{}">{}</text>)",
        66 + 18 * curves_++, color, label);
  }

  void write(const std::string& file) const { std::ofstream(file) << body_ << "\n</svg>\n"; }

 private:
  void text(int x, int y, const std::string& what, const char* anchor) {
    body_ += fmt::format(
        "\n"
        R"(<text x="{}" y="{}" text-anchor="{}">{}</text>)",
        x, y, anchor, what);
  }

  Axis x_, y_;
  std::string body_;
  int curves_ = 0;
};
