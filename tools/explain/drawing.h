// Where to draw a graph's nodes: graphviz says, or a layout of our own.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "autograd/explain.h"

namespace saccade::study {

/// A box to draw: a node, or a scope that is closed.
struct Box {
  std::vector<std::size_t> nodes;                    // more than one: a closed scope
  std::string title, detail;                         // its two lines
  std::size_t scope = static_cast<std::size_t>(-1);  // of the drawing's scopes, if it is in one or is one
  double x = 0, y = 0, width = 0, height = 0;        // its middle, its size; in pixels
};

/// Between two boxes, along a polyline or the control points of Bezier curves (1 + 3n of them).
struct Line {
  std::size_t from = 0, to = 0;
  std::vector<double> points;  // x, y, x, y, ...
};

struct Drawing {
  double width = 0, height = 0;
  std::vector<Box> boxes;
  std::vector<Line> lines;
  bool by_graphviz = false;
};

/// The scopes of the nodes that can be opened and closed: "" is none, and no scope of one node counts. Leaves
/// are in the scope that their label names, "actor/l1" of "actor/l1/weight".
struct Scopes {
  std::vector<std::string> names;
  std::vector<std::size_t> of_node;  // kNone: in none
};
Scopes scopes_of(const Explanation& explanation);

/// Whether a node has a box: constants that are one number have none.
bool is_drawn(const Explanation::Node& node);

/// The graph with some scopes open, in boxes and lines that are not placed yet.
Drawing boxes_of(const Explanation& explanation, const Scopes& scopes, const std::vector<bool>& open);

/// Places them by graphviz's dot, which is run for it without a shell, or by layers where there is none.
void place(Drawing& drawing);
/// The layers alone: the longest way from an input, and within a layer the order of what it comes from.
void place_by_layers(Drawing& drawing);

/// For graphviz: every node, with scopes as clusters.
std::string to_dot(const Explanation& explanation, const std::string& title);

}  // namespace saccade::study
