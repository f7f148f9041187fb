#include "autograd/modes.h"

#include <map>

namespace saccade::detail {

constinit thread_local bool recording = true;
constinit thread_local const std::string* scope = nullptr;
constinit thread_local bool noting_locations = false;

// Every name is made once and kept, so a node's is one pointer, and entering a scope again allocates nothing.
const std::string* scope_name(const std::string* outer, std::string_view name) {
  static thread_local std::map<const std::string*, std::map<std::string, std::string, std::less<>>> names;
  auto& children = names[outer];
  auto at = children.find(name);
  if (at == children.end()) {
    std::string full = outer == nullptr ? std::string(name) : *outer + "/" + std::string(name);
    at = children.emplace(name, std::move(full)).first;
  }
  return &at->second;
}

}  // namespace saccade::detail
